"""What loopback servers of realtime models have in common: each connection is a session with a speaking model."""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from .websocket import Loopback, Opening, Wire


class Session(abc.ABC):
    """One connection. What is begun in it ends with it."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._wire = Wire(socket)
        self._tasks: set[asyncio.Task[Any]] = set()

    @abc.abstractmethod
    async def _converse(self) -> None:
        """Take what the client sends, as long as it does."""

    async def serve(self) -> None:
        """Until either side closes it."""
        try:
            await self._converse()
        except ConnectionClosed:
            pass
        finally:
            for task in self._tasks:
                task.cancel()

    async def send_raw(self, data: str | bytes) -> None:
        """Send whatever it is."""
        await self._wire.send_raw(data)

    async def close(self, code: int, reason: str) -> None:
        """End the connection."""
        await self._wire.close(code, reason)

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        """Do something beside."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


S = TypeVar("S", bound=Session)


class SessionServer(Loopback, Generic[S]):
    """A loopback server that keeps its `sessions`.

    `word_seconds`: how long a word lasts; `pace`: seconds before each. `deaf_for`: seconds for which it ignores a
    cancellation and goes on. `refuses`: how it refuses connections, if it does. `says_before_calls`: what the model
    says before each call, in one response with it.
    """

    def __init__(self, cannot: Mapping[str, str] | None = None, *, word_seconds: float = 0.1) -> None:
        super().__init__(cannot)
        self.word_seconds = word_seconds
        self.deaf_for = 0.0
        self.says_before_calls = ""
        self.refuses: HTTPStatus | None = None
        self.sessions: list[S] = []

    @abc.abstractmethod
    def _session(self, socket: ServerConnection) -> S:
        """Who answers on this connection."""

    @property
    def session(self) -> S:
        """The latest session."""
        return self.sessions[-1]

    def _refusal(self, opening: Opening) -> int | tuple[int, str] | None:
        return None if self.refuses is None else (self.refuses, "not now\n")

    async def _attend(self, socket: ServerConnection) -> None:
        session = self._session(socket)
        self.sessions.append(session)
        await session.serve()
