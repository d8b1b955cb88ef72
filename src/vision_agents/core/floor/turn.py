"""One participant's turn: a small state machine that knows nothing of the agent's voice.

The table at the end says what an event does to a turn in each phase; `machine.py` decides what that means for the
agent's voice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from . import effects as fx
from . import events as ev
from .turn_facts import ClosedTurn, CutOff, Detection, Done, Judged, Silences, Speech, Transcript
from .vocabulary import tokens


class TurnPhase(Enum):
    """The phases of a participant's turn."""

    QUIET = "quiet"
    SPEAKING = "speaking"
    PAUSED = "paused"
    FINALIZING = "finalizing"


QUIET, SPEAKING, PAUSED, FINALIZING = TurnPhase

# A pause that is judged so, or more, is more likely the end of the turn than not.
EVENS = 0.5


class Announced(Enum):
    """The last of a turn's events that was sent."""

    NOTHING = "nothing"
    STARTED = "started"
    ENDED = "ended"


# The meaning of an event, for the floor to decide upon.


@dataclass(frozen=True, slots=True)
class Opened:
    """Speech began, or went on after the phase `before`."""

    before: TurnPhase


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The turn is certain, no further evidence is required. In the phase `before` it was perhaps not even open."""

    before: TurnPhase


@dataclass(frozen=True, slots=True)
class Complete:
    """All words of the turn are known."""


Meaning = Opened | Confirmed | Done | Complete | None


@dataclass(slots=True)
class Turn:
    """One participant's turn."""

    participant: str
    phase: TurnPhase = QUIET
    # When the phase, or the last sign of life within SPEAKING, was.
    since: float = 0.0
    speech: Speech = field(default_factory=Speech)
    words: Transcript = field(default_factory=Transcript)
    silences: Silences = field(default_factory=Silences)
    detection: Detection = field(default_factory=Detection)
    cut_off: CutOff = field(default_factory=CutOff)
    announced: Announced = Announced.NOTHING
    # When a detector claimed it, or else when the latest speech began: the words of the turn are of what came since.
    taken: float = 0.0
    # When the latest one began of which a realtime model knows words.
    understood_from: float = -math.inf
    # Answers that were prepared for it.
    drafts: int = 0
    # The turn before, while no other one has begun.
    closed: ClosedTurn | None = None

    def handle(self, event: ev.ParticipantEvent) -> Meaning:
        """Take an event and return its meaning; None if nobody needs to act upon it."""
        action = _ACTIONS.get(type(event), {}).get(self.phase)
        return action(self, event) if action is not None else None

    def confirm(self, at: float, confidence: float) -> Confirmed:
        """Open the turn, or go on with it, as one that is certain."""
        before = self.phase
        if before is SPEAKING:
            self.since = at
        else:
            self._open(at, at, confidence)
        self.speech.confidence = max(self.speech.confidence, confidence)
        return Confirmed(before)

    def hear(self, at: float) -> TurnPhase:
        """Open the turn by its words alone. Returns the phase before."""
        return self._open(at, at, 0.0).before

    def pause(self, at: float, last_sound: float) -> None:
        """Go to PAUSED."""
        self.phase, self.since, self.speech.last_sound = PAUSED, at, last_sound

    def lapse(self, at: float) -> None:
        """Pause a speaker of whom no report came for too long."""
        self.pause(at, self.since)
        self.detection.lapsed = True

    def ask_words(self, at: float, request: int) -> None:
        """Go to FINALIZING."""
        self.phase, self.since, self.words.request = FINALIZING, at, request
        self.detection.settle()

    def clear(self) -> None:
        """Go back to QUIET. The turn is remembered, for words that come late."""
        words = self.words
        self.closed = ClosedTurn(self.speech, self.announced is not Announced.NOTHING, words.text, words.partial)
        self.phase, self.announced = QUIET, Announced.NOTHING
        self.speech, self.words, self.silences, self.cut_off = Speech(), Transcript(), Silences(), CutOff()
        self.detection.clear()
        self.drafts = 0

    def discard(self, *, awaits_words: bool = False) -> list[fx.Effect]:
        """Go back to QUIET from what was no turn, or had no words."""
        self.clear()
        return [fx.DiscardTurn(self.participant, awaits_words)]

    def announce(self, epoch: int, interrupted: bool = False) -> list[fx.Effect]:
        """Announce the start of the turn, unless that was done."""
        if self.announced is Announced.STARTED:
            return []
        self.announced = Announced.STARTED
        return [fx.AnnounceTurnStarted(self.participant, self.speech.confidence, interrupted, epoch)]

    def announce_end(self, duration: float | None = None) -> list[fx.Effect]:
        """Announce the end of the turn, if its start was announced. `duration`: as a detector measured it."""
        if self.announced is not Announced.STARTED:
            return []
        self.announced = Announced.ENDED
        speech = self.speech
        length = max(0.0, speech.last_sound - speech.onset) if duration is None else duration
        trailing = max(0.0, self.since - speech.last_sound)
        return [fx.AnnounceTurnEnded(self.participant, speech.confidence, length, trailing)]

    def _open(self, at: float, onset: float, confidence: float, counted: float = 0.0) -> Opened:
        """Go to SPEAKING: a segment begins, of which `counted` seconds are not this turn's."""
        before = self.phase
        self._note_pause(onset)
        if before is not PAUSED:
            self.speech = Speech(onset, confidence=confidence)
        self.speech.began = self.speech.last_sound = at
        self.speech.counted = counted
        self.taken = self.taken if self.detection.claimed else at
        self.phase, self.since, self.closed = SPEAKING, at, None
        self.words.awaited = False
        self.detection.go_on()
        return Opened(before)

    @property
    def understood(self) -> bool:
        """True if a realtime model knows words of it."""
        return self.understood_from >= self.taken

    @property
    def seems_complete(self) -> bool:
        """True if a detector says that the turn is over, or more likely is than not."""
        done, judged = self.detection.done, self.detection.judged
        return done is not None or (judged is not None and judged.confidence >= EVENS)

    def _note_pause(self, onset: float) -> None:
        """Take note of the silence before speech that begins or goes on at `onset`."""
        if self.phase is QUIET:
            self.silences.gap = None if self.closed is None else max(0.0, onset - self.closed.speech.last_sound)
        elif not self.detection.lapsed:
            self.silences.add_pause(onset - self.speech.last_sound)

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
        return self._open(event.at, event.at, event.confidence, event.voiced) if self.detection.lapsed else None

    def _stop(self, event: ev.SpeechEnded) -> None:
        self.speech.grow(event.voiced)
        self.pause(event.at, event.at - event.trailing_silence)

    def _stopped(self, event: ev.SpeechEnded) -> None:
        # The pause is known already; what is new is how much speech there was.
        self.speech.grow(event.voiced)
        self.detection.lapsed = False

    def _claim(self, event: ev.TurnStarted) -> Confirmed:
        confirmed = self.confirm(event.at, event.confidence)
        self.taken = self.taken if self.detection.claimed else event.at
        self.detection.claimed = True
        return confirmed

    def _judge(self, event: ev.PauseJudged) -> None:
        self.detection.judged, self.detection.judges = Judged(event.confidence, event.longest), True

    def _finish(self, event: ev.TurnEnded) -> Done | None:
        last_sound = event.at - event.trailing_silence
        if self.phase is SPEAKING:
            if last_sound < self.speech.began:
                return None  # It judged the pause before: the participant has gone on since.
            self.pause(event.at, last_sound)
        self.detection.judges = self.detection.judged is not None
        return Done(event.confidence, event.duration)

    def _expect_end(self, event: ev.TurnEndExpected) -> None:
        self.detection.end_expected, self.since = True, event.at

    def _expect_more(self, event: ev.TurnResumed) -> None:
        self.detection.end_expected, self.since = False, event.at

    def _transcribe(self, event: ev.TranscriptReceived) -> None:
        before = self.words.text
        if event.final:
            self.words.final.append(event.text)
        self.words.partial = "" if event.final else event.text
        self.words.reported, self.words.confidence = True, event.confidence
        if self.detection.end_expected:
            self.detection.end_expected = tokens(self.words.text) == tokens(before)
        if self.phase is SPEAKING:
            self.since = event.at

    def _know(self, event: ev.TranscriptCompleted) -> Complete | None:
        return Complete() if event.turn == self.words.request else None


# event -> phase -> action. A missing entry has no effect: late words of a discarded turn, an end without a start.
_ACTIONS: dict[type[ev.FloorEvent], dict[TurnPhase, Callable[[Turn, Any], Meaning]]] = {
    ev.SpeechStarted: {QUIET: Turn._begin, SPEAKING: Turn._live, PAUSED: Turn._begin, FINALIZING: Turn._begin},
    ev.SpeechContinued: {QUIET: Turn._return, SPEAKING: Turn._grow, PAUSED: Turn._return, FINALIZING: Turn._return},
    ev.SpeechEnded: {SPEAKING: Turn._stop, PAUSED: Turn._stopped},
    ev.TurnStarted: {QUIET: Turn._claim, SPEAKING: Turn._claim, PAUSED: Turn._claim, FINALIZING: Turn._claim},
    ev.TurnEnded: {SPEAKING: Turn._finish, PAUSED: Turn._finish},
    ev.PauseJudged: {PAUSED: Turn._judge},
    ev.TurnEndExpected: {SPEAKING: Turn._expect_end},
    ev.TurnResumed: {SPEAKING: Turn._expect_more},
    ev.TranscriptReceived: {SPEAKING: Turn._transcribe, PAUSED: Turn._transcribe, FINALIZING: Turn._transcribe},
    ev.TranscriptCompleted: {FINALIZING: Turn._know},
}

TURNS = tuple(_ACTIONS)
"""The events that `Turn.handle` takes."""
