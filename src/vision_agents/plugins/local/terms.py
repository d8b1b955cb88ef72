"""The terms on which callers are taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

TAKEN = "Somebody else talks with this agent, and it is there for one caller: it would tell them what the other said."


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which callers are taken.

    Args:
        limit: conversations at a time. One in which nobody is gives way to a caller who needs its place.
        keep: seconds that a conversation goes on for a caller who is gone. None: for ever; nobody takes its place, and
            there is no other one for its caller.
        private: calls have no port that can be reached from outside of this machine.
        workbench: callers may see and change the settings of their agent, have the trace, a recording and a report of
            their own conversation, and ask what another policy would have done. None: as `private`.
        refuse: returns a sentence for people if nobody else is to be taken now, whatever places there are. It is given
            the number of conversations that end for the new one.
        refused: told of each caller who is sent away because of these terms.
    """

    limit: int = 8
    keep: float | None = 60.0
    private: bool = True
    workbench: bool | None = None
    refuse: Callable[[int], str | None] = field(default=lambda _: None)
    refused: Callable[[], None] = field(default=lambda: None)

    @property
    def sole(self) -> bool:
        """Return whether there is one conversation, which is never replaced by another."""
        return self.keep is None

    @property
    def open_workbench(self) -> bool:
        """Return whether callers have the workbench."""
        return self.private if self.workbench is None else self.workbench

    @property
    def full(self) -> str:
        """The sentence for a caller for whom there is no place."""
        if self.sole:
            return TAKEN
        places = "The only place is" if self.limit == 1 else f"All {self.limit} places are"
        return f"{places} taken. Try again in a moment."
