"""How long somebody spoke, measured on what was sent."""

from __future__ import annotations

import numpy as np
import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.remote.sound import GAP, LATELY, Interruptions, SoundTracker
from vision_agents.testing.contract import frames
from vision_agents.testing.parts import tone

RATE = 16_000


def noise(seconds: float, level: float) -> PcmData:
    random = np.random.default_rng(1)
    return PcmData((random.normal(0, level, round(seconds * RATE))).astype(np.int16), RATE)


def heard(*parts: PcmData) -> tuple[float, float] | None:
    sound = SoundTracker()
    for part in parts:
        for frame in frames(part):
            sound.hear(frame)
    return sound.stretch()


def test_without_sound_there_is_nothing_to_tell() -> None:
    assert heard() is None
    assert heard(PcmData.silence(5.0, RATE), noise(5.0, 30.0)) is None


@pytest.mark.parametrize("background", [0.0, 50.0, 400.0])
def test_speech_has_a_length_and_an_end(background: float) -> None:
    quiet = noise(8.0, background) if background else PcmData.silence(8.0, RATE)
    speech = PcmData(tone(2.0, RATE).samples + quiet.samples[: 2 * RATE], RATE)
    after = PcmData(quiet.samples[: round(0.8 * RATE)], RATE)
    assert heard(quiet, speech, after) == (pytest.approx(2.0, abs=0.05), pytest.approx(0.8, abs=0.05))


def test_a_pause_within_speech_belongs_to_it_and_a_long_one_does_not() -> None:
    speech = tone(1.0, RATE)
    short, long = PcmData.silence(GAP - 0.1, RATE), PcmData.silence(GAP + 0.1, RATE)
    assert heard(speech, short, speech) == (pytest.approx(GAP + 1.9), pytest.approx(0.0))
    assert heard(speech, long, speech) == (pytest.approx(1.0), pytest.approx(0.0))


def test_sound_of_long_ago_is_not_told() -> None:
    assert heard(tone(1.0, RATE), PcmData.silence(LATELY + 0.5, RATE)) is None


def test_an_empty_piece_changes_nothing() -> None:
    assert heard(tone(1.0, RATE), PcmData.silence(0.0, RATE)) == (pytest.approx(1.0), pytest.approx(0.0))


def test_what_interrupts_again_without_a_sound_and_without_a_word_is_nobody() -> None:
    interruptions = Interruptions()
    assert [interruptions.by_somebody(silence) for silence in (LATELY, LATELY, 60.0, 0.5, LATELY, LATELY)] == [
        *(True, False, False),
        *(True, True, False),
    ]
    interruptions.words_came()
    assert interruptions.by_somebody(LATELY)
    assert not interruptions.by_somebody(LATELY)
