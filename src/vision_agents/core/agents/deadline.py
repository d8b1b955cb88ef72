"""A timer for a deadline that moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class DeadlineTimer:
    """Calls `due(deadline)` when the deadline has come, once for each that was set.

    Each window of speech moves the floor's deadline a little later. The timer is left as it is then, and set anew when
    it comes too early: that is once in a while, instead of thirty times a second.
    """

    def __init__(self, due: Callable[[float], None]) -> None:
        self._due = due
        self._loop = asyncio.get_running_loop()
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self, deadline: float | None) -> None:
        """Move the deadline, a time on the event loop's clock; None if there is none any more."""
        self._deadline = deadline
        timer = self._timer
        if timer is not None and deadline is not None and timer.when() <= deadline:
            return
        if timer is not None:
            timer.cancel()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._wake, deadline)

    def _wake(self, when: float) -> None:
        self._timer, deadline = None, self._deadline
        if deadline is not None and deadline > when:
            self.set(deadline)
        elif deadline is not None:
            self._deadline = None
            self._due(deadline)
