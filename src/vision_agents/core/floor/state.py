"""What the floor's machine is made of: a turn for each participant, a voice, and the challenge between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from . import events as ev


class FloorState(StrEnum):
    """The floor as a whole, seen from outside."""

    IDLE = "idle"
    USER_SPEAKING = "user speaking"
    THINKING = "thinking"
    SPEAKING = "speaking"
    HELD = "held"


class TurnPhase(StrEnum):
    """Where a participant's turn stands."""

    QUIET = "quiet"
    SPEAKING = "speaking"
    PAUSED = "paused"
    WORDS = "words"


class VoicePhase(StrEnum):
    """Where the agent's reply stands."""

    NONE = "none"
    PREPARING = "preparing"
    AUDIBLE = "audible"


# (phase, event) -> phase. A pair that is missing here has no effect on the turn.
TURN_TRANSITIONS: dict[tuple[TurnPhase, type[ev.FloorEvent]], TurnPhase] = {
    (TurnPhase.QUIET, ev.SpeechStarted): TurnPhase.SPEAKING,
    (TurnPhase.PAUSED, ev.SpeechStarted): TurnPhase.SPEAKING,
    (TurnPhase.WORDS, ev.SpeechStarted): TurnPhase.SPEAKING,
    (TurnPhase.SPEAKING, ev.SpeechContinued): TurnPhase.SPEAKING,
    (TurnPhase.SPEAKING, ev.SpeechEnded): TurnPhase.PAUSED,
    (TurnPhase.QUIET, ev.TurnStarted): TurnPhase.SPEAKING,
    (TurnPhase.SPEAKING, ev.TurnStarted): TurnPhase.SPEAKING,
    (TurnPhase.PAUSED, ev.TurnStarted): TurnPhase.SPEAKING,
    (TurnPhase.WORDS, ev.TurnStarted): TurnPhase.SPEAKING,
    (TurnPhase.SPEAKING, ev.TurnEnded): TurnPhase.WORDS,
    (TurnPhase.PAUSED, ev.TurnEnded): TurnPhase.WORDS,
}


@dataclass(slots=True)
class Turn:
    """One participant's turn."""

    participant: str
    phase: TurnPhase = TurnPhase.QUIET
    # When the phase, or the last sign of life within SPEAKING, was.
    since: float = 0.0
    opened_at: float = 0.0
    last_sound: float = 0.0
    # Seconds of speech: in segments that are over, and in the one that runs.
    voiced_before: float = 0.0
    voiced_now: float = 0.0
    confidence: float = 0.0
    # Counts the requests for final words: an answer to an older request does not complete a newer one.
    number: int = 0
    # Its start was announced and its end not yet; and whether both were, earlier in this turn.
    announced: bool = False
    told: bool = False
    # The detector vouched for the turn; and whether it ever reports speech window by window.
    claimed: bool = False
    windows: bool = False
    final_words: list[str] = field(default_factory=list)
    partial_words: str = ""

    @property
    def voiced(self) -> float:
        return self.voiced_before + self.voiced_now

    @property
    def text(self) -> str:
        return " ".join(words for words in (*self.final_words, self.partial_words) if words)


@dataclass(slots=True)
class Reply:
    """The reply that has the voice."""

    number: int
    interruptible: bool
    answer: bool
    phase: VoicePhase = VoicePhase.PREPARING
    # When the phase began or the playout last got on.
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A reply that waits for the floor. `number` is None for an answer, which is numbered when it begins."""

    since: float
    number: int | None = None
    interruptible: bool = True
    started: bool = False


@dataclass(slots=True)
class Challenge:
    """Speech that may turn out to be an interruption of the reply. `voiced`: of each challenger when it began."""

    since: float
    quiet_since: float | None
    voiced: dict[str, float] = field(default_factory=dict)
