"""Stand-ins for listening parts: a detector that judges by level, and a listener that notes what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vision_agents.core import Participant
from vision_agents.core.audio import Framer, PcmData, Samples
from vision_agents.core.vad import VAD, VADStream
from vision_agents.testing.contract.harness import give

Speak = Callable[[str], Samples]
"""Text to int16 speech at 16 kHz: the fixture `speak`."""

RATE = 16_000
WINDOW = 512
FRAME = 320

ANNA = Participant("anna")
BEN = Participant("ben")


class LevelVAD(VAD):
    """The probability of a window is its peak, 10,000 being 1.0: a test writes probabilities as audio."""

    window = WINDOW / RATE

    def __init__(self) -> None:
        self.started = 0
        self.closed = 0
        self.resets = 0

    async def start(self) -> None:
        self.started += 1

    def stream(self) -> LevelStream:
        return LevelStream(self)

    async def close(self) -> None:
        self.closed += 1


class LevelStream(VADStream):
    def __init__(self, vad: LevelVAD) -> None:
        self._vad = vad
        self._framer = Framer(WINDOW)

    def feed(self, samples: Samples) -> list[float]:
        return [int(np.abs(window.astype(np.int32)).max()) / 10_000 for window in self._framer.push(samples)]

    def reset(self) -> None:
        self._framer.flush()
        self._vad.resets += 1


def audio(*parts: tuple[float, float], rate: int = RATE) -> PcmData:
    """A tone in parts of (seconds, probability)."""
    pieces = []
    for seconds, probability in parts:
        count = round(seconds * rate)
        # Alternating samples: each window, however short, has the full level, and none has an offset.
        pieces.append(np.where(np.arange(count) % 2, 1, -1) * round(probability * 10_000))
    return PcmData(np.concatenate(pieces).astype(np.int16), rate)


def frames(sound: PcmData, seconds: float = 0.02) -> Iterable[PcmData]:
    """The sound in frames, the last one as short as it comes."""
    step = round(seconds * sound.sample_rate)
    for start in range(0, len(sound), step):
        yield PcmData(sound.samples[start : start + step], sound.sample_rate)


async def play(part: Any, sound: PcmData, participant: Participant = ANNA) -> None:
    """Give the sound to a detector or recogniser in real time, by the loop's clock."""
    for frame in frames(sound):
        await give(part, frame, participant)
        await asyncio.sleep(frame.duration)


@dataclass
class Notes:
    """A listener. Each fact is (loop time, name, participant, values)."""

    facts: list[tuple[float, str, Participant, tuple[Any, ...]]] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    # The listener decides when a pause ends a turn.
    decides: bool = False

    def _note(self, name: str, participant: Participant, *values: Any) -> None:
        self.facts.append((asyncio.get_running_loop().time(), name, participant, values))

    def speech_started(self, participant: Participant, confidence: float, onset_delay: float) -> None:
        self._note("speech_started", participant, confidence, onset_delay)

    def speech_continued(self, participant: Participant, confidence: float, voiced: float, level: float | None) -> None:
        self._note("speech_continued", participant, confidence, voiced)

    def speech_ended(self, participant: Participant, voiced: float, trailing_silence: float) -> None:
        self._note("speech_ended", participant, voiced, trailing_silence)

    def turn_started(self, participant: Participant, confidence: float) -> None:
        self._note("turn_started", participant, confidence)

    def turn_ended(
        self, participant: Participant, confidence: float, duration: float | None, trailing_silence: float
    ) -> None:
        self._note("turn_ended", participant, confidence, duration, trailing_silence)

    def pause_judged(self, participant: Participant, confidence: float, longest: float) -> bool:
        if self.decides:
            self._note("pause_judged", participant, confidence, longest)
        return self.decides

    def turn_end_expected(self, participant: Participant, confidence: float) -> None:
        self._note("turn_end_expected", participant, confidence)

    def turn_resumed(self, participant: Participant) -> None:
        self._note("turn_resumed", participant)

    def words(
        self,
        participant: Participant,
        text: str,
        final: bool,
        confidence: float | None,
        alternative: str = "",
        place: int | None = None,
    ) -> None:
        self._note("words", participant, text, final)

    def failed(self, component: str, error: BaseException) -> None:
        self.failures.append(error)

    def of(self, name: str, participant: Participant | None = None) -> list[tuple[Any, ...]]:
        """The values of all facts of a name (and of a participant)."""
        return [v for _, n, p, v in self.facts if n == name and participant in (None, p)]

    def times(self, name: str) -> list[float]:
        """When the facts of a name came, to the microsecond: two sums of the same times differ in their last digits."""
        return [round(at, 6) for at, n, _, _ in self.facts if n == name]

    def names(self) -> list[str]:
        """What happened in which order, progress left out."""
        return [name for _, name, _, _ in self.facts if name != "speech_continued"]
