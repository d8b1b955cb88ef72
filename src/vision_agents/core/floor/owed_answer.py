"""An owed answer: what a realtime model has still to say by itself, and whether it knows to what."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(slots=True)
class OwedAnswer:
    """One answer to all whose turns ended since the last one, or the next part of one.

    Who asked is kept for each participant: a turn without words is nothing that is answered, and takes nothing from
    another's question that ended at the same time.
    """

    # The model owes it since then; None: it owes none, or somebody has the turn.
    since: float | None = None
    # Somebody took the turn before it began: the model answers what is said in that, and this with it, or makes
    # nothing of a noise.
    suspended: bool = False
    # It did not come in time, and what waited for it may begin. It is owed still if words of it become known before.
    overdue: bool = False
    # It is the next part of one of which a part was heard, since it called functions.
    part: bool = False
    # When the first turns began that it answers, or answered last, by their participants, and the latest of all; and
    # words of one of them are known, or functions were called for them.
    asked: dict[str, float] = field(default_factory=dict)
    asked_from: float = 0.0
    understood: bool = False

    def ask(self, at: float, participant: str, began: float, *, understood: bool) -> None:
        """Take note that it answers a turn of the participant, too, that `began` then, and of which words are known."""
        if self.since is None and not self.suspended:
            self.asked, self.asked_from, self.understood, self.part = {}, began, False, False
        self.since, self.suspended, self.overdue = at, False, False
        self.asked.setdefault(participant, began)
        self.asked_from = max(self.asked_from, began)
        self.understood |= understood

    def ask_part(self, at: float) -> None:
        """Take note that it is the next part of what was being said."""
        self.since, self.part, self.overdue = at, True, False

    def suspend(self) -> None:
        """Somebody takes the turn: nothing is awaited until that is over."""
        self.suspended |= self.since is not None
        self.since, self.overdue = None, False

    def resume(self, at: float) -> None:
        """Whoever had the turn has left."""
        if self.suspended:
            self.since, self.suspended = at, False

    def settle(self) -> None:
        """It was begun, or will not be: none is owed any more."""
        self.since, self.suspended, self.overdue = None, False, False

    def understand(self, participant: str, began: float) -> None:
        """Take note of words of a turn of the participant that `began` then."""
        if began >= self.asked.get(participant, math.inf):
            self.understood, self.overdue = True, False

    @property
    def awaited(self) -> bool:
        """True if what would ask the model for more waits for it."""
        return self.since is not None and not self.overdue

    @property
    def expected(self) -> bool:
        """True if it may come still, or be asked for: it is awaited, or it is known that somebody wants it."""
        return self.since is not None and (not self.overdue or self.wanted)

    @property
    def wanted(self) -> bool:
        """True if it is known that somebody wants it: they were understood, or heard a part of it."""
        return self.understood or self.part
