"""The barrier: where a function with effects waits until the floor gives clearance."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..floor import Clearance


class Barrier:
    """Implements `CallBarrier` for the models of a call.

    Args:
        clearance: the floor's word on a call, by the epoch and the number of its answer.
        changed: told how many calls wait, whenever that changes.
    """

    def __init__(self, clearance: Callable[[int, int | None], Clearance], changed: Callable[[int], None]) -> None:
        self._clearance = clearance
        self._changed = changed
        self._waiting: set[asyncio.Event] = set()

    async def passed(self, epoch: int, reply: int | None = None) -> bool:
        """Wait for clearance. Returns False if there will be none.

        When it has returned True, nothing else has happened since the floor said so.
        """
        if (clearance := self._clearance(epoch, reply)) is not Clearance.WAIT:
            return clearance is Clearance.GO
        moved = asyncio.Event()
        self._waiting.add(moved)
        self._changed(len(self._waiting))
        try:
            while (clearance := self._clearance(epoch, reply)) is Clearance.WAIT:
                moved.clear()
                await moved.wait()
        finally:
            self._waiting.discard(moved)
            self._changed(len(self._waiting))
        return await self.passed(epoch, reply)  # Telling that may have changed it.

    def moved(self) -> None:
        """Something has happened: whoever waits asks again."""
        for waiting in self._waiting:
            waiting.set()
