"""The beginning of a sound, found in the moments before somebody noticed it; and where those moments are kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vision_agents.core.audio import Samples
from vision_agents.core.vad.onset import onset_delay
from vision_agents.core.vad.tail import Tail

RATE = 16_000


def voice(seconds: float, level: float) -> np.ndarray:
    """A buzz of 120 Hz with overtones."""
    t = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(level * np.sum([np.sin(2 * np.pi * 120 * n * t) / n for n in range(1, 12)], axis=0))


def recorded(sound: np.ndarray, noise: float) -> Samples:
    hiss = np.random.default_rng(3).normal(0, noise, len(sound))
    return np.clip(sound + hiss, -32_768, 32_767).astype(np.int16)


@pytest.mark.parametrize("ago", [0.05, 0.1, 0.2, 0.3])
@pytest.mark.parametrize(("level", "noise"), [(8000, 0), (8000, 30), (2000, 100), (300, 10)])
def test_the_onset_is_found_within_20_ms(ago: float, level: float, noise: float) -> None:
    sound = recorded(np.concatenate([np.zeros(round((0.4 - ago) * RATE)), voice(ago, level)]), noise)
    assert onset_delay(sound) == pytest.approx(ago, abs=0.02)


def test_the_gap_of_a_stop_consonant_does_not_hide_what_came_before_it() -> None:
    sound = np.concatenate([np.zeros(2400), voice(0.1, 6000), np.zeros(320), voice(0.08, 6000)])
    assert onset_delay(recorded(sound, 10)) == pytest.approx(0.2, abs=0.02)


def test_an_earlier_word_is_not_this_one() -> None:
    sound = np.concatenate([voice(0.1, 6000), np.zeros(3200), voice(0.1, 6000)])
    assert onset_delay(recorded(sound, 10)) == pytest.approx(0.1, abs=0.02)


def test_where_all_is_equally_loud_the_usual_delay_is_assumed() -> None:
    assert onset_delay(recorded(voice(0.4, 6000), 0)) == 0.05


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(100), np.zeros(6400)])
def test_silence_has_no_onset(sound: np.ndarray) -> None:
    assert onset_delay(sound.astype(np.int16)) == 0.0


@given(hnp.arrays(np.int16, st.integers(0, 2000)))
def test_no_onset_lies_outside_of_what_was_recorded(sound: Samples) -> None:
    assert 0.0 <= onset_delay(sound) <= len(sound) / RATE


@given(st.lists(hnp.arrays(np.int16, st.integers(0, 60)), max_size=30), st.integers(1, 50), st.integers(0, 80))
def test_the_tail_is_the_end_of_everything(pieces: list[Samples], length: int, count: int) -> None:
    tail = Tail(length)
    for piece in pieces:
        tail.push(piece)
    everything = np.concatenate([np.zeros(0, dtype=np.int16), *pieces])
    wanted = min(count, length)
    assert tail.last(count).tolist() == (everything[-wanted:] if wanted else everything[:0]).tolist()
