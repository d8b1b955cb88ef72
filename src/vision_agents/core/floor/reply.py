"""A reply: one that has the agent's voice, one that waits for it, and one that is prepared."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class ReplyPhase(Enum):
    """The phases of a reply that has the voice."""

    PREPARING = "preparing"
    AUDIBLE = "audible"


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
    # So many times in a row the service has stopped what it is the rest of.
    stopped: int = 0
    # When the first attempt at it began.
    wanted: float = 0.0
    # It is what the floor says by itself: a filler or the apology.
    filler: bool = False
    # The reply whose rest it is; so many times in a row a part has failed at it; and when it did at this one, of which
    # something is heard.
    continues: int | None = None
    failures: int = 0
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
    def is_apology(self) -> bool:
        """True for what the floor says since something could not be made."""
        return self.filler and not self.inner

    @property
    def owed(self) -> bool:
        """True if somebody waits for it who has said something: nobody asks for what code wants said."""
        return self.answer or self.to is not None

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
    # So many times in a row the service has stopped that.
    stopped: int = 0
    # When the first attempt at it began, if a part has failed at it.
    wanted: float = 0.0
    # A function wants it: it belongs to the answer that waits for that.
    inner: bool = False
    # It tells what functions found that nobody waited for; but for so many things, which were found later.
    news: bool = False
    later: int = 0
    # The words of a filler, or of the apology.
    filler: str = ""
    # So many times in a row a part has failed at it; and somebody waits for it who has said something.
    failures: int = 0
    owed: bool = False
    # It is being made already, and has made way for what its functions want said.
    aside: Reply | None = None

    @property
    def is_answer(self) -> bool:
        """True for an answer to what was said."""
        return self.number is None and self.continues is None and not (self.news or self.filler)

    @property
    def is_apology(self) -> bool:
        """True for what the floor says since something could not be made."""
        return self.number is None and bool(self.filler)

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
