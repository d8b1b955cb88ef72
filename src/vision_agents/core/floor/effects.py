"""What the floor wants done. Effects are data: the session carries them out, in order and at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .evidence import Vote


@dataclass(frozen=True, slots=True)
class Effect:
    """Something to be done now."""


@dataclass(frozen=True, slots=True)
class Hold(Effect):
    """Fade the reply out within a frame and keep its place; if it is not audible yet, do not let it become so.

    The hold is of this reply: it ends with `Resume`, `Commit`, or the end of the reply (`DropReply`, `AudioDrained`).
    """

    reply: int
    participant: str


@dataclass(frozen=True, slots=True)
class Resume(Effect):
    """Let the held reply go on, from the start of the cut word or from the exact sample.

    `evidence`: the votes on the speech that it was held for.
    """

    reply: int
    rewind: Literal["word", "exact"]
    reason: str
    evidence: tuple[Vote, ...] = ()


@dataclass(frozen=True, slots=True)
class Commit(Effect):
    """The interruption is real: from now on only audio of `epoch` may be heard; cancel everything older.

    `reply` is the one that was cut off, None if there was none. `participant` is None when code asked for it; an answer
    that still waited is then not given either. Replies of code that waited follow as `DropReply`. `evidence`: the votes
    that led to it.
    """

    epoch: int
    reply: int | None
    participant: str | None
    reason: str
    evidence: tuple[Vote, ...] = ()


@dataclass(frozen=True, slots=True)
class AnnounceTurnStarted(Effect):
    """Tell everyone that the participant took the turn. `interrupted`: from the agent, right after the `Commit`."""

    participant: str
    confidence: float
    interrupted: bool
    epoch: int


@dataclass(frozen=True, slots=True)
class AnnounceTurnEnded(Effect):
    """Tell everyone that the participant is done. `duration` and `trailing_silence` in seconds."""

    participant: str
    confidence: float
    duration: float
    trailing_silence: float


@dataclass(frozen=True, slots=True)
class BeginTurn(Effect):
    """Tell the recogniser that the participant's speech begins, or goes on after a pause."""

    participant: str


@dataclass(frozen=True, slots=True)
class FinishTurn(Effect):
    """Get the final words of the participant's turn, then report `TranscriptCompleted(turn=turn)`."""

    participant: str
    turn: int


@dataclass(frozen=True, slots=True)
class DiscardTurn(Effect):
    """What the participant uttered was no turn, or had no words: forget its audio and words."""

    participant: str


@dataclass(frozen=True, slots=True)
class RecordTurn(Effect):
    """The participant's turn is complete: put `text` into the history. Comes before the reply that answers it."""

    participant: str
    text: str


@dataclass(frozen=True, slots=True)
class BeginReply(Effect):
    """Begin to make a reply in `epoch`: an answer to the history, or (`answer` false) the one that code asked for.

    `continues`: the reply whose unheard rest it is to say, since what interrupted that one had no words.
    """

    reply: int
    epoch: int
    answer: bool
    continues: int | None = None


@dataclass(frozen=True, slots=True)
class DropReply(Effect):
    """Give a reply up and cancel what makes it: it failed, took too long, or waited when others were interrupted."""

    reply: int
    reason: str
