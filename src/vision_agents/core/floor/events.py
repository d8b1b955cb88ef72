"""What can happen to the floor. `at` is in seconds on the session's clock; participants are named by their ids."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FloorEvent:
    """Something happened at `at`."""

    at: float


@dataclass(frozen=True, slots=True)
class TimePassed(FloorEvent):
    """A deadline that the floor had asked for has come."""


# What participants do.


@dataclass(frozen=True, slots=True)
class SpeechStarted(FloorEvent):
    """The first window of speech. Its sound began `onset_delay` seconds before `at`."""

    participant: str
    confidence: float = 1.0
    onset_delay: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechContinued(FloorEvent):
    """`voiced` seconds of speech since `SpeechStarted`."""

    participant: str
    confidence: float = 1.0
    voiced: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechEnded(FloorEvent):
    """The sound stopped `trailing_silence` seconds before `at`, after `voiced` seconds of speech."""

    participant: str
    voiced: float = 0.0
    trailing_silence: float = 0.0


@dataclass(frozen=True, slots=True)
class TurnStarted(FloorEvent):
    """A detector or a provider vouches that the participant took the turn."""

    participant: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class TurnEnded(FloorEvent):
    """A detector or a provider says that the participant is done."""

    participant: str
    confidence: float = 1.0
    duration: float | None = None
    trailing_silence: float = 0.0


@dataclass(frozen=True, slots=True)
class WordsHeard(FloorEvent):
    """A transcript while the participant speaks: `final` words stay, others are replaced by the next."""

    participant: str
    text: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class WordsComplete(FloorEvent):
    """All words of the turn are known up to where `FinishTurn(turn=…)` was asked."""

    participant: str
    turn: int


@dataclass(frozen=True, slots=True)
class ParticipantLeft(FloorEvent):
    """The participant is gone."""

    participant: str


# What the agent does.


@dataclass(frozen=True, slots=True)
class ReplyRequested(FloorEvent):
    """Code wants the agent to speak (`say`, `simple_response`). `reply` is a number never used before."""

    reply: int
    interruptible: bool = True


@dataclass(frozen=True, slots=True)
class ReplyStarted(FloorEvent):
    """A realtime model begins a reply of its own accord."""

    reply: int


@dataclass(frozen=True, slots=True)
class AudioStarted(FloorEvent):
    """The first sample of the reply was pulled."""

    reply: int


@dataclass(frozen=True, slots=True)
class AudioProgressed(FloorEvent):
    """More of the reply was pulled. Comes a few times a second while it plays."""

    reply: int


@dataclass(frozen=True, slots=True)
class AudioDrained(FloorEvent):
    """The reply is complete and its last sample was pulled; also comes when it turns out to have no sound at all."""

    reply: int


@dataclass(frozen=True, slots=True)
class ReplyFailed(FloorEvent):
    """The reply cannot be made, or no more of it."""

    reply: int


@dataclass(frozen=True, slots=True)
class InterruptRequested(FloorEvent):
    """Somebody called `interrupt()`: the epoch is already `epoch`, or is to advance if None."""

    epoch: int | None = None
