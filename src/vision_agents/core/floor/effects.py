"""Effects: the floor's output. They are data: the session carries them out, in order and at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .evidence import Vote


@dataclass(frozen=True, slots=True)
class Effect:
    """Base of all effects: something to be done now."""


@dataclass(frozen=True, slots=True)
class Hold(Effect):
    """Fade the reply out within a frame and keep its place; if it is not audible yet, keep it from becoming so.

    The hold ends with `Resume`, `Commit`, or the end of the reply (`DropReply`, `AudioDrained`).
    """

    reply: int
    """The reply to be held; no other one is."""

    participant: str
    """The id of the participant whose speech it is held for."""


@dataclass(frozen=True, slots=True)
class Resume(Effect):
    """Let the held reply go on."""

    reply: int
    """The reply that is held."""

    rewind: Literal["word", "exact"]
    """Where it goes on: at the start of the word that was cut, or at the exact sample."""

    reason: str
    """Why the speech is no interruption, in words."""

    evidence: tuple[Vote, ...] = ()
    """The votes on the speech that it was held for."""


@dataclass(frozen=True, slots=True)
class Commit(Effect):
    """Carry out an interruption: only audio of `epoch` may be played from now on; cancel everything older.

    Replies of code that waited follow as `DropReply`.
    """

    epoch: int
    """The new epoch."""

    reply: int | None
    """The reply that is cut off, None if there was none."""

    participant: str | None
    """The id of who interrupts. None: code asked for it, and an answer that still waited is not given either."""

    reason: str
    """Why it is an interruption, in words."""

    evidence: tuple[Vote, ...] = ()
    """The votes that led to it."""


@dataclass(frozen=True, slots=True)
class AnnounceTurnStarted(Effect):
    """Send `TurnStartedEvent`: the participant took the turn."""

    participant: str
    """The participant's id."""

    confidence: float
    """The detector's highest confidence that this is speech, from 0 to 1."""

    interrupted: bool
    """True if it was taken from the agent: then it comes right after the `Commit`."""

    epoch: int
    """The epoch since then."""


@dataclass(frozen=True, slots=True)
class AnnounceTurnEnded(Effect):
    """Send `TurnEndedEvent`: the participant is done."""

    participant: str
    """The participant's id."""

    confidence: float
    """The confidence that the turn is over, from 0 to 1."""

    duration: float
    """Seconds from the first sound of the turn to its last."""

    trailing_silence: float
    """Seconds of silence since."""


@dataclass(frozen=True, slots=True)
class AnnounceNoWords(Effect):
    """Send `NoWordsEvent`: the participant spoke, and nothing was understood."""

    participant: str
    """The participant's id."""


@dataclass(frozen=True, slots=True)
class AnnounceUserAway(Effect):
    """Send `UserAwayEvent`: neither a participant nor the agent has said anything for long."""

    silence: float
    """Seconds since the last of it."""


@dataclass(frozen=True, slots=True)
class AnnounceUserBack(Effect):
    """Send `UserBackEvent`: after `AnnounceUserAway` somebody says something again."""

    participant: str
    """The participant's id."""


@dataclass(frozen=True, slots=True)
class AnnounceFailure(Effect):
    """Send `ErrorEvent`: what makes the agent's voice is not in time, or failed at the apology, the last resort. What
    raises is told without this."""

    reply: int
    """The reply that is given up, 0 for one that a realtime model owed and did not begin."""

    reason: str
    """What was waited for and how long, or what comes of it, in words."""


@dataclass(frozen=True, slots=True)
class BeginTurn(Effect):
    """Tell the recogniser that the participant's speech begins, or goes on after a pause."""

    participant: str
    """The participant's id."""


@dataclass(frozen=True, slots=True)
class FinishTurn(Effect):
    """Get the final transcript of the participant's turn, then report `TranscriptCompleted(turn=turn)`."""

    participant: str
    """The participant's id."""

    turn: int
    """The number of this request; an answer to an older one is without effect."""

    reason: str = ""
    """Why the turn is over, if the floor decided that by the pause; in words."""


@dataclass(frozen=True, slots=True)
class DiscardTurn(Effect):
    """Forget the participant's turn: it was none, or had no words."""

    participant: str
    """The participant's id."""

    awaits_words: bool = False
    """False: the recogniser forgets the audio and reports no words of it. True: it has reported nothing yet, and words
    that come late are put into the history after all."""


@dataclass(frozen=True, slots=True)
class RecordTurn(Effect):
    """Put the participant's complete turn into the history. Comes before the reply that answers it."""

    participant: str
    """The participant's id."""

    text: str
    """The transcript, never empty."""

    place: int | None = None
    """Its place in the history (`Conversation.place`) where a model that transcribes late knows it; None: the end."""


@dataclass(frozen=True, slots=True)
class RecordOverheard(Effect):
    """Put words into the history that were said over the agent and are not answered: perhaps to somebody else."""

    participant: str
    """The participant's id."""

    text: str
    """The transcript, never empty."""


@dataclass(frozen=True, slots=True)
class BeginReply(Effect):
    """Begin to make a reply."""

    reply: int
    """Its number."""

    epoch: int
    """The epoch that everything made for it inherits."""

    answer: bool
    """True: an answer to the history. False: what code asked for under this number, or a continuation."""

    continues: int | None = None
    """The reply whose unplayed rest is to be said: what interrupted it had no words, or it broke off by itself. 0: a
    realtime model is asked for an answer that it owes."""

    news: bool = False
    """True: it tells what functions found that nobody waited for."""

    filler: str = ""
    """The words, where nobody wants it but the floor: a realtime model is silent while a function runs, or what was to
    be said could not be made."""

    prepared: bool = False
    """The reply was prepared (`PrepareReply`): what there is of it may be heard, and done, from now on."""


@dataclass(frozen=True, slots=True)
class TellNews(Effect):
    """Count as told, by a realtime model's answer, what functions found that nobody waited for: it knew of that."""

    reply: int
    """The answer's number."""

    later: int = 0
    """So many things it did not know of: they were found since it was asked for."""


@dataclass(frozen=True, slots=True)
class PrepareReply(Effect):
    """Begin to make the answer to what the participant has perhaps said.

    Nothing of it is heard, put into the history or done until `BeginReply` has its number. `DiscardReply` ends it too.
    """

    reply: int
    """Its number."""

    epoch: int
    """The epoch that everything made for it inherits."""

    participant: str
    """The participant's id."""

    text: str
    """The words, as they are known by now."""


@dataclass(frozen=True, slots=True)
class DiscardReply(Effect):
    """Throw away a reply that was prepared."""

    reply: int
    """Its number."""

    reason: str
    """Why, in words."""


@dataclass(frozen=True, slots=True)
class InsertSpeech(Effect):
    """Say inside a reply, next, what a function that runs for it wants. `AudioDrained` tells when it was heard."""

    reply: int
    """Its number; it never has the voice of its own."""

    within: int
    """The reply that it is said in, which has the voice."""

    filler: str = ""
    """The words, where no function wants it but the floor, since the reply is silent for long."""


@dataclass(frozen=True, slots=True)
class DropReply(Effect):
    """Give a reply up and cancel everything that makes it."""

    reply: int
    """Its number."""

    reason: str
    """Why: it failed, took too long, or waited when others were interrupted."""
