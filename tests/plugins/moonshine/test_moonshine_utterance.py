"""What an utterance reads, keeps and gives up, without a network."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from vision_agents.core.audio import Samples
from vision_agents.plugins.moonshine.model import Reading
from vision_agents.plugins.moonshine.utterance import Utterance

RATE = 16_000
STEP = 512
WAVE = np.where(np.arange(STEP) % 2, 1000, -1000).astype(np.int16)


class Levels:
    """The words for a sound are the levels in it, each once for a stretch: 3 s at level 7 are "7"."""

    def __init__(self) -> None:
        self.fail_at: int | None = None
        self.stop_at: int | None = None
        self.calls = 0

    async def __call__(self, samples: Samples, stop: threading.Event) -> Reading:
        self.calls += 1
        if self.calls == self.fail_at:
            raise OSError("gone")
        if self.calls == self.stop_at:
            stop.set()
            return Reading("half a wor", 0.9)
        levels = np.abs(samples) // 1000
        changes = levels[np.flatnonzero(np.diff(levels, prepend=0))]
        return Reading(" ".join(str(level) for level in changes if level), 0.9)


def speak(utterance: Utterance, *parts: tuple[float, int]) -> None:
    """Add (seconds, level) in steps; level 0 is silence."""
    for seconds, level in parts:
        for _ in range(round(seconds * RATE / STEP)):
            utterance.add(WAVE * np.int16(level), int(level > 0))


def begun(reading: Levels) -> Utterance:
    utterance = Utterance(reading)
    utterance.begin()
    return utterance


async def test_words_on_both_sides_of_a_cut_are_there_once() -> None:
    utterance = begun(Levels())
    speak(utterance, (3, 1), (0.3, 0), (2.5, 2), (0.5, 0), (4, 3), (0.3, 0))
    assert (await utterance.update()).text == "1 2 3"
    speak(utterance, (2.5, 0))  # only silence since the last reading, and now it is too long
    assert (await utterance.update()).text == "1 2 3"
    speak(utterance, (1, 4))
    assert (await utterance.finish()).text == "1 2 3 4"


async def test_nothing_is_read_twice_without_new_speech() -> None:
    reading = Levels()
    utterance = begun(reading)
    speak(utterance, (1, 5), (0.3, 0))
    assert (await utterance.update()).text == (await utterance.finish()).text == "5"
    assert reading.calls == 1


async def test_a_reading_that_was_stopped_leaves_the_words_as_they_were() -> None:
    reading = Levels()
    reading.stop_at = 2
    utterance = begun(reading)
    speak(utterance, (1, 5))
    await utterance.update()
    speak(utterance, (0.1, 0), (1, 6))
    assert (await utterance.update()).text == "5"
    assert (await utterance.finish()).text == "5 6"


async def test_an_error_after_a_cut_repeats_no_words() -> None:
    reading = Levels()
    utterance = begun(reading)
    speak(utterance, (3, 1), (0.3, 0), (2.5, 2), (0.5, 0), (4, 3), (0.3, 0))
    await utterance.update()
    speak(utterance, (2.5, 0))
    reading.fail_at = reading.calls + 2
    with pytest.raises(OSError, match="gone"):
        await utterance.finish()
    assert utterance.words.text == "1 2"


async def test_abandoned_pieces_are_not_read() -> None:
    reading = Levels()
    utterance = begun(reading)
    speak(utterance, (30, 1))
    utterance.abandon()
    await utterance.update()
    assert reading.calls == 1


async def test_a_stretch_without_speech_is_not_read() -> None:
    reading = Levels()
    utterance = begun(reading)
    speak(utterance, (60, 0), (1, 5), (60, 0))
    assert (await utterance.finish()).text == "5"
    assert reading.calls == 1
