"""The signals that an end of turn is decided on: those of the real ears at each silence of a turn.

The detector never ends a turn here, so that every silence is judged with all that was said before it, whatever a rule
would have made of the one before.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.failures import reason_of
from vision_agents.core.models.networks import NetworkLease, NetworkSpec
from vision_agents.core.part import Attachment
from vision_agents.core.participants import Participant
from vision_agents.core.trace.codec import TraceError, decode, encode
from vision_agents.plugins import moonshine, smart_turn
from vision_agents.plugins.moonshine.stt import PAUSE
from vision_agents.plugins.smart_turn.model import load
from vision_agents.plugins.smart_turn.turn_detection import MODEL
from vision_agents.testing import virtual_time

from .pool import Progress
from .scenario import LabError
from .turns import RATE, SpokenTurn

FRAME = RATE // 50
# Seconds of quiet before a turn and after it; the buffer is longer than any pause, and the detector ends no turn.
BEFORE, AFTER, BUFFER = 0.5, 2.6, 30.0
TIME_LIMIT = 300.0

# Turns that a process plays at a time.
_PIECE = 10

CALLER = Participant("caller")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a turn as they were known from a time on, in seconds of the turn."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence that the detector heard. `began`: the end of the sound before it, by the detector; `until`: when speech
    was heard again, None at the end of the turn. Times in seconds of the turn.

    `reported`: when that was known; `speech`: seconds of it in the turn so far; `probability`: Smart Turn's, that it is
    the end, None if it did not come; `words`: all that were recognised in the turn.
    """

    began: float
    reported: float
    until: float | None
    speech: float
    probability: float | None
    words: tuple[Words, ...]

    def words_at(self, at: float) -> str:
        """Return the words that are known at a time."""
        return next((words.text for words in reversed(self.words) if words.at <= at), "")


@dataclass(frozen=True, slots=True)
class Heard:
    """A turn as the ears heard it, with what is known of it."""

    id: str
    kind: str
    speaker: str
    source: str
    pauses: tuple[tuple[float, float], ...]
    end: float
    ends: bool
    silences: tuple[Silence, ...]


def hear(turns: Sequence[SpokenTurn]) -> list[Heard]:
    """Play turns to the real detector and recogniser, in virtual time. Raises what the model store raises."""
    return [virtual_time.run(_hear(turn), timeout=TIME_LIMIT) for turn in turns]


def hear_all(turns: Sequence[SpokenTurn], jobs: int, progress: Progress = lambda done, total: None) -> list[Heard]:
    """Play turns in several processes. Raises LabError if one dies."""
    pieces = [turns[start : start + _PIECE] for start in range(0, len(turns), _PIECE)]
    heard: list[Heard] = []
    if jobs <= 1:
        for piece in pieces:
            heard += hear(piece)
            progress(len(heard), len(turns))
        return heard
    # Not forked: onnxruntime's threads do not survive that.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            for part in pool.map(hear, pieces):
                heard += part
                progress(len(heard), len(turns))
        except BrokenProcessPool:
            raise LabError(
                "a process of the lab died; is there memory enough? Each needs 300 MB: try --jobs 1"
            ) from None
    return heard


def write_signals(path: Path, heard: Sequence[Heard]) -> None:
    """Write what was heard, so that rules can be tried on it again."""
    path.write_text(json.dumps([encode(turn) for turn in heard]), encoding="utf-8")


def read_signals(path: Path) -> list[Heard]:
    """Read what was heard. Raises LabError for a file that is none of these."""
    try:
        return [decode(Heard, turn) for turn in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, AttributeError, TraceError) as error:
        raise LabError(
            f"{path} has no signals of `lab endpointing` ({reason_of(error)}): give the signals.json of a run"
        ) from None


@dataclass
class _Notes:
    """A listener that keeps what the ears report of a turn."""

    stt: moonshine.STT
    facts: list[tuple[float, str, Any]] = field(default_factory=list)

    def speech_started(self, participant: Participant, confidence: float, onset_delay: float) -> None:
        self.stt.begin_turn(participant)
        self._note("started", onset_delay)

    def speech_ended(self, participant: Participant, voiced: float, trailing_silence: float) -> None:
        self._note("ended", (voiced, trailing_silence))

    def words(self, participant: Participant, text: str, final: bool, *more: Any) -> None:
        self._note("words", text)

    def judged(self, probability: float) -> None:
        self._note("judged", probability)

    def _note(self, name: str, value: Any) -> None:
        self.facts.append((asyncio.get_running_loop().time(), name, value))

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


class _Words(moonshine.STT):
    """The recogniser, which reads at pauses only: what it makes of half a word decides nothing here."""

    def _worth_reading(self, ear: Any) -> bool:
        return ear.quiet >= PAUSE and super()._worth_reading(ear)


class _Judge:
    """Smart Turn, whose answers are kept and not given: the turn goes on."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self.answers: list[float] = []

    def predict(self, samples: Samples) -> float:
        self.answers.append(self._network.predict(samples))
        return 0.0


async def _hear(turn: SpokenTurn) -> Heard:
    lease = NetworkLease(NetworkSpec(load, MODEL), "lab")
    await lease.start()
    judge = _Judge(lease.network)
    detector = smart_turn.TurnDetection(BUFFER, model=judge)
    stt = _Words()
    notes = _Notes(stt)
    for part in (detector, stt):
        part.attach(Attachment(hearing=notes))
        await part.start()
    loop = asyncio.get_running_loop()
    start = loop.time() + BEFORE
    quiet = np.random.default_rng(1).normal(0.0, 4.0, round((BEFORE + AFTER) * RATE)).astype(np.int16)
    samples = np.concatenate([quiet[: round(BEFORE * RATE)], turn.samples, quiet[round(BEFORE * RATE) :]])
    known = 0
    for place in range(0, len(samples) - FRAME, FRAME):
        frame = PcmData(samples[place : place + FRAME], RATE)
        await stt.process_audio(frame, CALLER)
        detector.process_audio(frame, CALLER)
        await asyncio.sleep(FRAME / RATE)
        for probability in judge.answers[known:]:
            notes.judged(probability)
        known = len(judge.answers)
    await detector.close()
    await stt.close()
    lease.close()
    facts = [(at - start, name, value) for at, name, value in notes.facts]
    return Heard(turn.id, turn.kind, turn.speaker, turn.source, turn.pauses, turn.end, turn.ends, _silences(facts))


def _silences(facts: list[tuple[float, str, Any]]) -> tuple[Silence, ...]:
    words = tuple(Words(at, value) for at, name, value in facts if name == "words")
    found, speech = [], 0.0
    for place, (at, name, value) in enumerate(facts):
        if name != "ended":
            continue
        later = facts[place + 1 :]
        until = next((when - delay for when, kind, delay in later if kind == "started"), None)
        judged = next((said for _, kind, said in later if kind in ("judged", "started")), None)
        kind = next((kind for _, kind, _ in later if kind in ("judged", "started")), "")
        voiced, silent = value
        speech += voiced
        found.append(Silence(at - silent, at, until, speech, judged if kind == "judged" else None, words))
    return tuple(found)
