"""A bounded queue of the pieces of an answer that have come and were not taken yet."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

# Seconds without a piece after which the service counts as stuck. Below the floor's own patience with a reply that
# stalls (8 s), so that the error says whose fault it was.
PATIENCE = 7.0

# Pieces that may wait. A service sends an answer much faster than it is played, in pieces of some 20 to 500 ms; beyond
# this it is no answer to one sentence any more, and it fails.
LIMIT = 4096


class Inbox(Generic[T]):
    """A bounded queue from the connection that reads pieces to the iteration that passes them on.

    It never blocks the connection.

    `what` is the service, for its errors. All is synchronous but `get`.
    """

    def __init__(self, what: str, patience: float = PATIENCE, limit: int = LIMIT) -> None:
        self._what = what
        self._patience = patience
        self._limit = limit
        self._pieces: deque[T] = deque()
        self._news = asyncio.Event()
        self._error: BaseException | None = None
        self.over = False

    def put(self, piece: T) -> None:
        """Add a piece; after the end it is dropped. At the limit the answer fails, and what waits is thrown away."""
        if self.over:
            return
        if len(self._pieces) >= self._limit:
            self.stop()
            self._error = BufferError(f"{self._what} sent more than {self._limit} pieces of audio for one text")
            return
        self._pieces.append(piece)
        self._news.set()

    def end(self) -> None:
        """Mark it as complete."""
        self.over = True
        self._news.set()

    def stop(self) -> None:
        """Throw away what waits, and end: nobody wants it any more."""
        self._pieces.clear()
        self.end()

    def fail(self, error: BaseException) -> None:
        """End with an error: what waits is still given, then `error` is raised."""
        if not self.over:
            self._error = error
            self.end()

    async def get(self) -> T | None:
        """Returns the next piece, None after the last one.

        Raises what it failed with, TimeoutError if nothing comes for `patience` seconds.
        """
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.over:
                return None
            self._news.clear()
            try:
                async with asyncio.timeout(self._patience):
                    await self._news.wait()
            except TimeoutError:
                raise TimeoutError(f"{self._what} sent no audio for {self._patience:.0f} s") from None
        return self._pieces.popleft()
