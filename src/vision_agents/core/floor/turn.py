"""One participant's turn: a small machine that knows nothing of the agent's voice.

What an event does to a turn in each phase stands in the table at the end; what that means for the agent's voice is
decided in `machine.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from . import effects as fx
from . import events as ev
from .loudness import Loudness


class TurnPhase(Enum):
    """Where a participant's turn stands."""

    QUIET = "quiet"
    SPEAKING = "speaking"
    PAUSED = "paused"
    FINALIZING = "finalizing"


QUIET, SPEAKING, PAUSED, FINALIZING = TurnPhase


class Announced(Enum):
    """What everyone was told of a turn."""

    NOTHING = "nothing"
    STARTED = "started"
    ENDED = "ended"


# What an event meant, for the floor to decide upon.


@dataclass(frozen=True, slots=True)
class Opened:
    """Speech begins, or goes on after the phase `before`."""

    before: TurnPhase


@dataclass(frozen=True, slots=True)
class Vouched:
    """It is a turn, no further evidence is asked for. In the phase `before` it was perhaps not even open."""

    before: TurnPhase


@dataclass(frozen=True, slots=True)
class Done:
    """The participant is said to have finished."""

    confidence: float
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class Complete:
    """All words of the turn are known."""


Meaning = Opened | Vouched | Done | Complete | None


@dataclass(slots=True)
class Speech:
    """The sound of a turn. Times are those of the events; `voiced` and `counted` are seconds of speech."""

    onset: float = 0.0
    # When the segment that runs, or the last one, began; and when the last sound was.
    began: float = 0.0
    last_sound: float = 0.0
    # In all of the turn; and how much of the running segment is already in that sum.
    voiced: float = 0.0
    counted: float = 0.0
    confidence: float = 0.0
    # Speech is reported window by window, not only its start and end.
    windows: bool = False
    loudness: Loudness = field(default_factory=Loudness)

    def grow(self, voiced: float, level: float | None = None) -> None:
        """There were `voiced` seconds of speech since the segment began, what is new of them at `level` dB."""
        gained = max(0.0, voiced - self.counted)
        self.voiced += gained
        self.counted += gained
        self.loudness.add(level, gained)


@dataclass(slots=True)
class Transcript:
    """The words of a turn: those that stay, and a guess at the next ones."""

    final: list[str] = field(default_factory=list)
    partial: str = ""

    @property
    def text(self) -> str:
        return " ".join(words for words in (*self.final, self.partial) if words)


@dataclass(slots=True)
class Turn:
    """One participant's turn."""

    participant: str
    phase: TurnPhase = QUIET
    # When the phase, or the last sign of life within SPEAKING, was.
    since: float = 0.0
    speech: Speech = field(default_factory=Speech)
    words: Transcript = field(default_factory=Transcript)
    announced: Announced = Announced.NOTHING
    # A detector vouched for the turn, so it will also tell its end.
    claimed: bool = False
    # It cut off an answer of which nothing had been heard: whatever comes of this turn, that question still stands.
    unanswered: bool = False
    # It cut off another reply, by its number: if there are no words in this turn, that goes on.
    cut: int | None = None
    # A detector says that it is over; within a challenge it is not decided yet whether it was a turn at all.
    done: Done | None = None
    # Nothing was heard of the speaker for too long, but the detector never said that the speech ended.
    lapsed: bool = False
    # The latest request for final words: an answer to an older one does not complete the turn.
    request: int = 0

    def handle(self, event: ev.ParticipantEvent) -> Meaning:
        """Take an event, tell what it meant; None if nothing that anyone needs to act upon."""
        action = _ACTIONS.get(type(event), {}).get(self.phase)
        return action(self, event) if action is not None else None

    def vouch(self, at: float, confidence: float) -> Vouched:
        """Somebody is sure that the participant took the turn."""
        before = self.phase
        if before is SPEAKING:
            self.since = at
        else:
            self._open(at, at, confidence)
        self.speech.confidence = max(self.speech.confidence, confidence)
        return Vouched(before)

    def pause(self, at: float, last_sound: float) -> None:
        """Into PAUSED."""
        self.phase, self.since, self.speech.last_sound = PAUSED, at, last_sound

    def lapse(self, at: float) -> None:
        """Nothing was heard for so long that the participant must have stopped."""
        self.pause(at, self.since)
        self.lapsed = True

    def ask_words(self, at: float, request: int) -> None:
        """Into FINALIZING."""
        self.phase, self.since, self.request = FINALIZING, at, request
        self.claimed, self.done = False, None

    def clear(self) -> None:
        """Back to QUIET."""
        self.phase, self.announced = QUIET, Announced.NOTHING
        self.speech, self.words = Speech(), Transcript()
        self.claimed = self.unanswered = False
        self.cut = self.done = None

    def discard(self) -> list[fx.Effect]:
        """It was no turn, or had no words."""
        self.clear()
        return [fx.DiscardTurn(self.participant)]

    def announce(self, epoch: int, interrupted: bool = False) -> list[fx.Effect]:
        """Tell that the turn began, if that was not told yet."""
        if self.announced is Announced.STARTED:
            return []
        self.announced = Announced.STARTED
        return [fx.AnnounceTurnStarted(self.participant, self.speech.confidence, interrupted, epoch)]

    def announce_end(self, duration: float | None = None) -> list[fx.Effect]:
        """Tell that the turn is over, if its beginning was told. `duration`: as a detector measured it."""
        if self.announced is not Announced.STARTED:
            return []
        self.announced = Announced.ENDED
        speech = self.speech
        length = max(0.0, speech.last_sound - speech.onset) if duration is None else duration
        trailing = max(0.0, self.since - speech.last_sound)
        return [fx.AnnounceTurnEnded(self.participant, speech.confidence, length, trailing)]

    def _open(self, at: float, onset: float, confidence: float, counted: float = 0.0) -> Opened:
        """Into SPEAKING: a segment begins, of which `counted` seconds are not this turn's."""
        before = self.phase
        if before is not PAUSED:
            self.speech = Speech(onset, confidence=confidence)
        self.speech.began = self.speech.last_sound = at
        self.speech.counted = counted
        self.phase, self.since, self.lapsed, self.done = SPEAKING, at, False, None
        return Opened(before)

    def _begin(self, event: ev.SpeechStarted) -> Opened:
        return self._open(event.at, event.at - event.onset_delay, event.confidence)

    def _live(self, event: ev.SpeechStarted) -> None:
        self.since = event.at

    def _grow(self, event: ev.SpeechContinued) -> None:
        self.since = self.speech.last_sound = event.at
        self.speech.windows = True
        self.speech.grow(event.voiced, event.level)
        self.speech.confidence = max(self.speech.confidence, event.confidence)

    def _return(self, event: ev.SpeechContinued) -> Opened | None:
        # Only a lapsed turn: after an end that the detector reported this is a late or foreign event.
        return self._open(event.at, event.at, event.confidence, event.voiced) if self.lapsed else None

    def _stop(self, event: ev.SpeechEnded) -> None:
        self.speech.grow(event.voiced)
        self.pause(event.at, event.at - event.trailing_silence)

    def _stopped(self, event: ev.SpeechEnded) -> None:
        # The pause is known already; what is new is how much speech there was.
        self.speech.grow(event.voiced)
        self.lapsed = False

    def _claim(self, event: ev.TurnStarted) -> Vouched:
        vouched = self.vouch(event.at, event.confidence)
        self.claimed = True
        return vouched

    def _finish(self, event: ev.TurnEnded) -> Done | None:
        last_sound = event.at - event.trailing_silence
        if self.phase is SPEAKING:
            if last_sound < self.speech.began:
                return None  # It judged the pause before: the participant has gone on since.
            self.pause(event.at, last_sound)
        return Done(event.confidence, event.duration)

    def _hear(self, event: ev.TranscriptReceived) -> None:
        if event.final:
            self.words.final.append(event.text)
        self.words.partial = "" if event.final else event.text
        if self.phase is SPEAKING:
            self.since = event.at

    def _know(self, event: ev.TranscriptCompleted) -> Complete | None:
        return Complete() if event.turn == self.request else None


# event -> phase -> what it does. What is missing has no effect: late words of a discarded turn, an end without a start.
_ACTIONS: dict[type[ev.FloorEvent], dict[TurnPhase, Callable[[Turn, Any], Meaning]]] = {
    ev.SpeechStarted: {QUIET: Turn._begin, SPEAKING: Turn._live, PAUSED: Turn._begin, FINALIZING: Turn._begin},
    ev.SpeechContinued: {QUIET: Turn._return, SPEAKING: Turn._grow, PAUSED: Turn._return, FINALIZING: Turn._return},
    ev.SpeechEnded: {SPEAKING: Turn._stop, PAUSED: Turn._stopped},
    ev.TurnStarted: {QUIET: Turn._claim, SPEAKING: Turn._claim, PAUSED: Turn._claim, FINALIZING: Turn._claim},
    ev.TurnEnded: {SPEAKING: Turn._finish, PAUSED: Turn._finish},
    ev.TranscriptReceived: {SPEAKING: Turn._hear, PAUSED: Turn._hear, FINALIZING: Turn._hear},
    ev.TranscriptCompleted: {FINALIZING: Turn._know},
}
