"""Sends records to an open page, whatever carries them there."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable

from . import protocol
from .protocol import Record

# Records that may wait for one page: about half a minute of a lively call. Beyond that the oldest are left out, and the
# page is told how many: captions that are a minute old are worth less than those of now.
LIMIT = 1000

# A page that takes nothing for so long, in seconds, is gone.
SEND_TIMEOUT = 10.0

# Takes a record for somebody, and returns at once.
Tell = Callable[[Record], None]

# Sends a text to a page; returns when it is sent.
Send = Callable[[str], Awaitable[None]]


class Backlog:
    """Records that wait to be taken. Of too many the oldest are left out, and whoever takes the others is told."""

    def __init__(self) -> None:
        self._waiting: deque[Record] = deque()
        self._lost = 0
        self.more = asyncio.Event()
        """Set when there is something to take."""

    def put(self, record: Record) -> None:
        """Add a record. Returns at once."""
        if len(self._waiting) == LIMIT:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(record)
        self.more.set()

    def take(self) -> list[Record]:
        """All that wait, in their order."""
        self.more.clear()
        taken: list[Record] = [*self._waiting]
        self._waiting.clear()
        if self._lost:
            taken.insert(0, protocol.lost(self._lost))
            self._lost = 0
        return taken


class Feed:
    """The records for one page, sent in batches: a JSON array a message."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._backlog = Backlog()

    def put(self, record: Record) -> None:
        """Send `record` when its turn comes. Returns at once."""
        self._backlog.put(record)

    async def run(self) -> None:
        """Send what is put, until the page is gone or takes longer than `SEND_TIMEOUT` for it."""
        while True:
            await self._backlog.more.wait()
            batch = self._backlog.take()
            try:
                async with asyncio.timeout(SEND_TIMEOUT):
                    await self._send(json.dumps(batch, default=str))
            except (ConnectionError, TimeoutError):
                return
