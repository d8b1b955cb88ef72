"""The end of a sound, found when a detector reports that it is over."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vision_agents.core.audio import Samples
from vision_agents.core.vad.offset import SPREAD, offset_delay

from .test_onset import RATE, recorded, voice


def ended(ago: float, level: float = 6000, noise: float = 10) -> Samples:
    """A second, of which the last `ago` seconds are silence but for the noise."""
    return recorded(np.concatenate([voice(1.0 - ago, level), np.zeros(round(ago * RATE))]), noise)


@pytest.mark.parametrize("ago", [0.1, 0.13, 0.16, 0.25, 0.35])
@pytest.mark.parametrize(("level", "noise"), [(8000, 0), (8000, 30), (2000, 50), (300, 5)])
def test_the_end_is_found_within_20_ms(ago: float, level: float, noise: float) -> None:
    assert offset_delay(ended(ago, level, noise), 0.21) == pytest.approx(ago, abs=0.02)


def test_a_noise_that_goes_on_is_not_the_speech() -> None:
    # Somebody hammers while the speaker is silent.
    sound = ended(0.4)
    sound[-800:] = recorded(voice(0.05, 6000), 10)
    assert offset_delay(sound, 0.21) == 0.21


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(100), np.zeros(16_000)])
def test_silence_has_no_end(sound: np.ndarray) -> None:
    assert offset_delay(sound.astype(np.int16), 0.2) == 0.2


@given(hnp.arrays(np.int16, st.integers(0, 4000)), st.floats(0.0, 1.0))
def test_no_end_lies_outside_of_what_was_recorded(sound: Samples, expected: float) -> None:
    found = offset_delay(sound, expected)
    assert found == expected or (0.0 <= found <= len(sound) / RATE and abs(found - expected) <= SPREAD)
