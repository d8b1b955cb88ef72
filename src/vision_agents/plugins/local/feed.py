"""Sends records to open pages, each over its WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from typing import Any

from aiohttp import web

# Records that may wait for one page: about half a minute of a lively call. Beyond that the oldest are left out, and the
# page is told how many: captions that are a minute old are worth less than those of now.
LIMIT = 1000

# A page that takes nothing for so long, in seconds, is gone.
SEND_TIMEOUT = 10.0

Record = Mapping[str, Any]


class Feed:
    """The records for one page, sent in batches: a JSON array a message."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._waiting: deque[Record] = deque()
        self._lost = 0
        self._more = asyncio.Event()

    def put(self, record: Record) -> None:
        """Send `record` when its turn comes. Returns at once."""
        if len(self._waiting) == LIMIT:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(record)
        self._more.set()

    async def run(self) -> None:
        """Send what is put, until the page is gone or takes longer than `SEND_TIMEOUT` for it."""
        while True:
            await self._more.wait()
            self._more.clear()
            batch: list[Record] = [*self._waiting]
            self._waiting.clear()
            if self._lost:
                batch.insert(0, {"edge": "lost", "records": self._lost})
                self._lost = 0
            try:
                async with asyncio.timeout(SEND_TIMEOUT):
                    await self._socket.send_str(json.dumps(batch, default=str))
            except (ConnectionError, TimeoutError):
                return


class Feeds:
    """The open pages, by number."""

    def __init__(self) -> None:
        self._feeds: dict[int, Feed] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._feeds)

    def __contains__(self, page: int) -> bool:
        return page in self._feeds

    def open(self, feed: Feed) -> int:
        """Add a page and return its number."""
        self._last += 1
        self._feeds[self._last] = feed
        return self._last

    def close(self, page: int) -> None:
        """Forget a page."""
        self._feeds.pop(page, None)

    def tell(self, page: int | None, record: Record) -> None:
        """Tell one page, if it is still there."""
        if page in self._feeds:
            self._feeds[page].put(record)

    def tell_all(self, record: Record) -> None:
        """Tell every page."""
        for feed in self._feeds.values():
            feed.put(record)
