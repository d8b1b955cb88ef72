"""Events: the floor's input. Participants are named by their ids, replies by their numbers."""

from __future__ import annotations

from dataclasses import dataclass

from .policy import InterruptionPolicy


@dataclass(frozen=True, slots=True)
class FloorEvent:
    """Base of all events."""

    at: float
    """Seconds on the session's clock."""


@dataclass(frozen=True, slots=True)
class TimePassed(FloorEvent):
    """A deadline that the floor had asked for has come."""


@dataclass(frozen=True, slots=True)
class PolicySet(FloorEvent):
    """Interruptions are judged, and waits limited, by another policy from now on."""

    policy: InterruptionPolicy
    """The new one."""


# Participants.


@dataclass(frozen=True, slots=True)
class ParticipantEvent(FloorEvent):
    """Base of the events about one participant."""

    participant: str
    """The participant's id."""


@dataclass(frozen=True, slots=True)
class SpeechStarted(ParticipantEvent):
    """The first window of speech."""

    confidence: float = 1.0
    """The detector's, from 0 to 1."""

    onset_delay: float = 0.0
    """Seconds from the first sound to this event."""


@dataclass(frozen=True, slots=True)
class SpeechContinued(ParticipantEvent):
    """Another window, of speech or between two of them."""

    confidence: float = 1.0
    """The detector's for this window, from 0 to 1."""

    voiced: float = 0.0
    """Seconds of speech since `SpeechStarted`."""

    level: float | None = None
    """The level of this window in dB of full scale; None if it was not measured."""


@dataclass(frozen=True, slots=True)
class SpeechEnded(ParticipantEvent):
    """The speech stopped."""

    voiced: float = 0.0
    """Seconds of speech since `SpeechStarted`."""

    trailing_silence: float = 0.0
    """Seconds from the last sound to this event."""


@dataclass(frozen=True, slots=True)
class TurnStarted(ParticipantEvent):
    """A detector or a provider reports that the participant took the turn. It will also report the end."""

    confidence: float = 1.0
    """The reporter's, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class TurnEnded(ParticipantEvent):
    """A detector or a provider reports that the participant is done.

    If the participant has begun to speak again since the pause that was judged, it comes too late and is without
    effect.
    """

    confidence: float = 1.0
    """The reporter's, from 0 to 1."""

    duration: float | None = None
    """Seconds from the first sound of the turn to its last; None if the floor's own count is to be used."""

    trailing_silence: float = 0.0
    """Seconds of the pause that was judged, up to this event."""


@dataclass(frozen=True, slots=True)
class PauseJudged(ParticipantEvent):
    """A detector has judged a pause and leaves it to the floor when the turn ends. At `longest` it reports the end."""

    confidence: float = 0.5
    """That the participant is done, from 0 to 1."""

    longest: float = 1.5
    """Seconds of silence that end any turn."""


@dataclass(frozen=True, slots=True)
class TurnEndExpected(ParticipantEvent):
    """A detector or a provider expects that the participant is done, and will say so, or `TurnResumed`.

    The words that it expects to be all have been reported before.
    """

    confidence: float = 1.0
    """The reporter's, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class TurnResumed(ParticipantEvent):
    """The turn of which the end was expected goes on."""


@dataclass(frozen=True, slots=True)
class TranscriptReceived(ParticipantEvent):
    """The recogniser's words for what the participant says."""

    text: str
    """The words; empty if none were found."""

    final: bool = False
    """Final words stay, others are replaced by the next event's."""

    confidence: float | None = None
    """The recogniser's, from 0 to 1; None if it gives none."""

    alternative: str = ""
    """The recogniser's second guess, if it hesitated."""

    place: int | None = None
    """The place of the words in the history (`Conversation.place`), if that was known before they were."""

    began: float | None = None
    """When the turn was reported to begin that the words are of; None if that is not known: it counts as the latest."""


@dataclass(frozen=True, slots=True)
class TranscriptCompleted(ParticipantEvent):
    """All words of the turn are known up to where `FinishTurn(turn=…)` was asked."""

    turn: int
    """The number of that request."""


@dataclass(frozen=True, slots=True)
class ParticipantJoined(ParticipantEvent):
    """The participant joined the call."""


@dataclass(frozen=True, slots=True)
class ParticipantLeft(ParticipantEvent):
    """The participant left the call."""


@dataclass(frozen=True, slots=True)
class CallOver(FloorEvent):
    """The call is over for everybody in it."""


@dataclass(frozen=True, slots=True)
class VoiceCompared(ParticipantEvent):
    """The speaker's voice was compared with the one in conversation."""

    similarity: float
    """The cosine of their voiceprints, from -1 to 1."""

    seconds: float = 1.0
    """What that rests on: a·b / (a + b) of the seconds of speech that the two were worked out from."""


@dataclass(frozen=True, slots=True)
class Voted(ParticipantEvent):
    """A strategy from outside votes on the participant's speech over the agent."""

    challenge: int
    """The challenge that it judged (`Evidence.challenge`). A vote on one that is over is without effect."""

    strategy: str
    """Its name; a second vote of the same name replaces the first."""

    weight: float
    """1.0 is enough for an interruption, a negative weight speaks against one."""

    reason: str
    """A few words for people."""


@dataclass(frozen=True, slots=True)
class InterruptingAllowed(ParticipantEvent):
    """From now on the participant's speech may interrupt the agent, or may not; at first everybody's may."""

    allowed: bool
    """Return whether it may."""


# The agent.


@dataclass(frozen=True, slots=True)
class ReplyEvent(FloorEvent):
    """Base of the events about one reply."""

    reply: int
    """The reply's number."""


@dataclass(frozen=True, slots=True)
class ReplyRequested(ReplyEvent):
    """Code wants the agent to speak (`say`, `simple_response`).

    Its number is above every number used before (`Floor.last_reply`); another one is taken for a repetition and is
    without effect.
    """

    interruptible: bool = True
    """Return whether speech may interrupt it (`InterruptRequested` always does)."""

    interrupts: bool = False
    """True: what the agent says, or was about to say, is cut off for it. False: it waits its turn."""

    within: int | None = None
    """The reply for which the function runs that wants this, 0 if nothing of that has begun: it belongs to that reply,
    and cuts nothing off. None: no function wants it."""


@dataclass(frozen=True, slots=True)
class ReplyStarted(ReplyEvent):
    """A realtime model begins a reply of its own accord, under a new number as in `ReplyRequested`."""


@dataclass(frozen=True, slots=True)
class AudioStarted(ReplyEvent):
    """The first sample of the reply was pulled."""


@dataclass(frozen=True, slots=True)
class AudioProgressed(ReplyEvent):
    """More of the reply was pulled. Comes a few times a second while it plays."""


@dataclass(frozen=True, slots=True)
class AgentWordsPlayed(ReplyEvent):
    """More words of the reply were played."""

    text: str
    """The last of them."""


@dataclass(frozen=True, slots=True)
class AudioDrained(ReplyEvent):
    """The reply is complete and its last sample was pulled; also comes when it turns out to have no sound at all, and
    of what was said inside another reply."""

    more: bool = False
    """It is a part of an answer of a realtime model, which called functions in it and owes the next part."""


@dataclass(frozen=True, slots=True)
class ReplyFailed(ReplyEvent):
    """The reply cannot be made, or no more of it."""

    told: bool = False
    """Something else has told what it was to tell."""

    begun: bool = False
    """There is some audio of it, which is about to be played."""

    again: bool = False
    """A part failed at it, which may do better if it is asked once more."""


@dataclass(frozen=True, slots=True)
class PreparedInVain(ReplyEvent):
    """The reply that began was prepared for a history that has changed since: it has to be made anew."""


@dataclass(frozen=True, slots=True)
class AnswerLost(FloorEvent):
    """A realtime model will not finish, or not begin, an answer that is still wanted: it heard a noise and stopped, or
    its connection broke."""

    reply: int = 0
    """The reply that the answer is; 0 if nothing of it had begun."""

    begun: bool = True
    """The model has begun the reply, and it ends as any other. False: it never will."""


@dataclass(frozen=True, slots=True)
class FunctionStarted(ReplyEvent):
    """A function that the reply needs was called; reply 0 if nothing of it has begun. Until it ends, no deadline of the
    reply runs but its own."""

    filler: str = ""
    """The words to be said if nothing is said for long; empty for none."""

    filler_after: float = 0.0
    """Seconds from here, or from the first such function of the reply, to those words."""

    spoken: bool = False
    """True if the reply says something before."""

    told: bool = False
    """What it finds is told by itself if the reply is given up meanwhile."""


@dataclass(frozen=True, slots=True)
class FunctionFound(FloorEvent):
    """A function has returned when nobody waited for it any more, and what it found is to be told."""

    epoch: int
    """The epoch in which its reply was wanted."""

    known: bool = True
    """The model is told of it, and knows it when it is asked what it answers next."""


@dataclass(frozen=True, slots=True)
class FunctionEnded(ReplyEvent):
    """A function that the reply needs returned, failed or was given up."""


@dataclass(frozen=True, slots=True)
class CallsWait(FloorEvent):
    """The number of functions that a model wants called has changed which wait for their clearance."""

    count: int
    """So many wait now."""


@dataclass(frozen=True, slots=True)
class InterruptRequested(FloorEvent):
    """Code called `interrupt()`, or a realtime model stopped its own reply."""

    epoch: int | None = None
    """The epoch that was already advanced to, None if the floor is to advance it."""

    by_model: bool = False
    """True if it was the model, which heard somebody: nobody asked for silence."""
