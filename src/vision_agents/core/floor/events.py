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
class ParticipantEvent(FloorEvent):
    """Something about one participant."""

    participant: str


@dataclass(frozen=True, slots=True)
class SpeechStarted(ParticipantEvent):
    """The first window of speech. Its sound began `onset_delay` seconds before `at`."""

    confidence: float = 1.0
    onset_delay: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechContinued(ParticipantEvent):
    """`voiced` seconds of speech since `SpeechStarted`; the latest window is at `level` dB of full scale."""

    confidence: float = 1.0
    voiced: float = 0.0
    level: float | None = None


@dataclass(frozen=True, slots=True)
class SpeechEnded(ParticipantEvent):
    """The sound stopped `trailing_silence` seconds before `at`, after `voiced` seconds of speech."""

    voiced: float = 0.0
    trailing_silence: float = 0.0


@dataclass(frozen=True, slots=True)
class TurnStarted(ParticipantEvent):
    """A detector or a provider vouches that the participant took the turn."""

    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class TurnEnded(ParticipantEvent):
    """A detector or a provider says that the participant is done.

    `duration`: from the first sound of the turn to its last, None if the floor's own count is to be used.
    `trailing_silence`: of the pause that was judged. If the participant has begun to speak again since that pause
    began, the judgement comes too late and is without effect.
    """

    confidence: float = 1.0
    duration: float | None = None
    trailing_silence: float = 0.0


@dataclass(frozen=True, slots=True)
class TranscriptReceived(ParticipantEvent):
    """A transcript while the participant speaks: `final` words stay, others are replaced by the next.

    An empty one says that no words were found. `confidence`: of the recogniser, from 0 to 1; None if it does not say.
    `alternative`: what it may have been instead, if the recogniser hesitated.
    """

    text: str
    final: bool = False
    confidence: float | None = None
    alternative: str = ""


@dataclass(frozen=True, slots=True)
class TranscriptCompleted(ParticipantEvent):
    """All words of the turn are known up to where `FinishTurn(turn=…)` was asked."""

    turn: int


@dataclass(frozen=True, slots=True)
class ParticipantLeft(ParticipantEvent):
    """The participant is gone."""


@dataclass(frozen=True, slots=True)
class VoiceCompared(ParticipantEvent):
    """How much the speaker's voice resembles the one in conversation: a cosine, from -1 to 1."""

    similarity: float


@dataclass(frozen=True, slots=True)
class Voted(ParticipantEvent):
    """A strategy from outside votes on the participant's speech in the challenge of that number (`Evidence`).

    One for another challenge than the one that is open comes too late and is without effect.
    """

    challenge: int
    strategy: str
    weight: float
    reason: str


@dataclass(frozen=True, slots=True)
class InterruptingAllowed(ParticipantEvent):
    """From now on the participant's speech may interrupt the agent, or may not; at first everybody's may."""

    allowed: bool


# What the agent does.


@dataclass(frozen=True, slots=True)
class ReplyEvent(FloorEvent):
    """Something about one reply."""

    reply: int


@dataclass(frozen=True, slots=True)
class ReplyRequested(ReplyEvent):
    """Code wants the agent to speak (`say`, `simple_response`).

    `reply` is above every number used before (`Floor.last_reply`); another one is taken for a repetition and is without
    effect. `interruptible`: whether speech may interrupt it (`InterruptRequested` always does).
    """

    interruptible: bool = True


@dataclass(frozen=True, slots=True)
class ReplyStarted(ReplyEvent):
    """A realtime model begins a reply of its own accord. `reply`: a new number, as in `ReplyRequested`."""


@dataclass(frozen=True, slots=True)
class AudioStarted(ReplyEvent):
    """The first sample of the reply was pulled."""


@dataclass(frozen=True, slots=True)
class AudioProgressed(ReplyEvent):
    """More of the reply was pulled. Comes a few times a second while it plays."""


@dataclass(frozen=True, slots=True)
class AgentWordsPlayed(ReplyEvent):
    """The last words of the reply that were heard."""

    text: str


@dataclass(frozen=True, slots=True)
class AudioDrained(ReplyEvent):
    """The reply is complete and its last sample was pulled; also comes when it turns out to have no sound at all."""


@dataclass(frozen=True, slots=True)
class ReplyFailed(ReplyEvent):
    """The reply cannot be made, or no more of it."""


@dataclass(frozen=True, slots=True)
class InterruptRequested(FloorEvent):
    """Somebody called `interrupt()`: the epoch is already `epoch`, or is to advance if None."""

    epoch: int | None = None
