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

    # The model owes it since then; None: it owes none.
    since: float | None = None
    # It did not come in time, and what waited for it may begin. It is owed still if words of it become known before.
    overdue: bool = False
    # It is the next part of one of which a part was heard, since it called functions.
    part: bool = False
    # When the turns began that it answers, or answered last, by their participants; and words of one of them are known.
    asked: dict[str, float] = field(default_factory=dict)
    understood: bool = False

    def ask(self, at: float, participant: str, began: float, *, understood: bool) -> None:
        """Take note that it answers a turn of the participant, too, that `began` then, and of which words are known."""
        if self.since is None:
            self.asked, self.understood = {}, False
        self.since, self.part, self.overdue = at, False, False
        self.asked[participant] = began
        self.understood |= understood

    def settle(self) -> None:
        """It was begun, or will not be: none is owed any more."""
        self.since, self.overdue = None, False

    def understand(self, participant: str, began: float) -> None:
        """Take note of words of a turn of the participant that `began` then."""
        if began >= self.asked.get(participant, math.inf):
            self.understood, self.overdue = True, False

    @property
    def awaited(self) -> bool:
        """True if what would ask the model for more waits for it."""
        return self.since is not None and not self.overdue

    @property
    def asked_from(self) -> float:
        """The beginning of the latest turn that it answers, or answered last."""
        return max(self.asked.values(), default=0.0)
