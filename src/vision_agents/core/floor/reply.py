"""A reply: one that has the agent's voice, one that waits for it, and one that is prepared."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class ReplyPhase(Enum):
    """The phases of a reply that has the voice."""

    PREPARING = "preparing"
    AUDIBLE = "audible"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at something that is to be said: what has to be known of it at the next one, or at its rest."""

    # When it was asked for, and when the first attempt began.
    wanted: float = 0.0
    begun: float = 0.0
    # So many times in a row a part has failed at it; and the service has stopped it.
    failures: int = 0
    stopped: int = 0
    # Somebody waits for it who has said something: nobody asks for what code wants said.
    owed: bool = False
    # The words, of what the floor says by itself: a filler, or the apology for what could not be made.
    filler: str = ""
    is_apology: bool = False


FIRST = Attempt()


@dataclass(slots=True)
class Reply:
    """The reply that has the voice."""

    number: int
    interruptible: bool
    answer: bool
    # The participants whom it answers; None: nobody or everybody.
    to: frozenset[str] | None = None
    # One of them has said more since it began: what it would do is not sure any more.
    outdated: bool = False
    # It tells what functions found that nobody waited for; it is no answer, but wanted by a function that runs for one.
    news: bool = False
    inner: bool = False
    attempt: Attempt = FIRST
    # The reply whose rest it is; and when a part failed at this one, of which something is heard.
    continues: int | None = None
    failed_at: float | None = None
    phase: ReplyPhase = ReplyPhase.PREPARING
    # When the phase began or the playout last got on.
    since: float = 0.0
    # What functions say inside it and was not heard yet, by its numbers; and whether speech may interrupt that.
    insertions: dict[int, bool] = field(default_factory=dict)

    @property
    def yields(self) -> bool:
        """True if speech may interrupt it now."""
        return self.interruptible and all(self.insertions.values())

    @property
    def unheard_answer(self) -> bool:
        """True for an answer of which nothing was played: if it is cut off now, the question still stands."""
        return self.answer and self.phase is ReplyPhase.PREPARING

    @property
    def unheard_apology(self) -> bool:
        """True for the apology, if nothing of it was played."""
        return self.attempt.is_apology and self.phase is ReplyPhase.PREPARING

    @property
    def untold(self) -> bool:
        """True if what it was to tell is still to be told if it is cut off now."""
        return self.news and self.phase is ReplyPhase.PREPARING


@dataclass(frozen=True, slots=True)
class QueuedReply:
    """A reply that waits for the voice, and may have it from `since` on."""

    since: float
    # None for what is numbered when it begins: an answer, news, a continuation, the apology.
    number: int | None = None
    interruptible: bool = True
    # A realtime model makes it already: it waits for nobody but the reply before it.
    started: bool = False
    # The reply whose unplayed rest it is to say; and when the turn began that cut it off, or a part failed at it: words
    # of turns from then on take its place.
    continues: int | None = None
    cut_by: float = 0.0
    attempt: Attempt = FIRST
    # A function wants it: it belongs to the answer that waits for that.
    inner: bool = False
    # It tells what functions found that nobody waited for; but for so many things, which were found later.
    news: bool = False
    later: int = 0
    # It is being made already, and has made way for what its functions want said.
    aside: Reply | None = None

    @property
    def is_answer(self) -> bool:
        """True for an answer to what was said."""
        return self.number is None and self.continues is None and not (self.news or self.attempt.filler)

    @property
    def is_continuation(self) -> bool:
        """True for the rest of a reply that somebody may interrupt."""
        return self.continues is not None and self.interruptible

    @property
    def is_rest(self) -> bool:
        """True for the rest of a reply that nobody may interrupt: it is said in any case, and answers nobody."""
        return self.continues is not None and not self.interruptible


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer that is prepared to what a participant has perhaps said."""

    number: int
    epoch: int
    participant: str
    text: str
