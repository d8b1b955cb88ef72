"""What loopback servers of websocket protocols have in common: who is let in, and who is there."""

from __future__ import annotations

import abc
import asyncio
import http
import json
import math
import ssl
from collections.abc import Awaitable, Mapping
from typing import Any, Protocol, Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from vision_agents.testing.contract import Provider


class Wire:
    """One connection's way to the client. What is sent to one who has gone is lost."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    async def send(self, **message: Any) -> None:
        await self._quietly(self._socket.send(json.dumps(message)))

    async def send_raw(self, data: str | bytes) -> None:
        await self._quietly(self._socket.send(data))

    async def close(self, code: int, reason: str) -> None:
        await self._quietly(self._socket.close(code, reason))

    @staticmethod
    async def _quietly(sending: Awaitable[None]) -> None:
        try:
            await sending
        except ConnectionClosed:
            await asyncio.sleep(0)  # Whoever goes on sending still lets others run.


class Handler(Protocol):
    """One connection, as the protocol has it."""

    async def begin(self) -> None:
        """The connection is open."""

    async def take(self, message: Any) -> None:
        """A message of the client: bytes, or what its JSON says."""

    def end(self) -> None:
        """The client has gone."""


class Opening:
    """How a client asks for a connection: the address in its parts (of parameters the last ones), and the headers."""

    def __init__(self, request: Request) -> None:
        parts = urlsplit(request.path)
        self.path = parts.path
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.headers = request.headers


class Loopback(Provider, abc.ABC):
    """`async with` listens on a free port. `pace`: seconds that a piece of an answer takes to make."""

    def __init__(self, cannot: Mapping[str, str] | None = None) -> None:
        super().__init__(cannot)
        self.pace = 0.0
        self.connections_made = 0
        self.most_connections = 0
        self._sockets: set[ServerConnection] = set()
        self._server: Server | None = None

    @abc.abstractmethod
    def _refusal(self, opening: Opening) -> int | tuple[int, str] | None:
        """The status, and what is said with it, with which the provider would refuse this connection, if it would."""

    @abc.abstractmethod
    async def _attend(self, socket: ServerConnection) -> None:
        """Serve a connection until it ends."""

    def _certificate(self) -> ssl.SSLContext | None:
        """With what it proves who it is, if it does."""
        return None

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            ssl=self._certificate(),
            process_request=self._admit,
            close_timeout=1.0,
            ping_interval=None,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await self.release()
        self._server.close()
        await self._server.wait_closed()

    @property
    def address(self) -> str:
        """Host and port."""
        assert self._server is not None
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        return f"{host}:{port}"

    async def disconnect(self) -> None:
        self._check("disconnect")
        for socket in list(self._sockets):
            socket.transport.abort()

    @property
    def at_ease(self) -> bool:
        """Whether it is told neither to stall nor to fail."""
        return math.isinf(self.limit) and not self._failures

    async def unstalled(self) -> None:
        """Wait until nothing stalls."""
        while not math.isinf(self.limit):
            await self.released.wait()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        refusal = self._refusal(Opening(request))
        if refusal is None:
            return None
        status, words = (refusal, "") if isinstance(refusal, int) else refusal
        return connection.respond(http.HTTPStatus(status), words)

    async def _serve(self, socket: ServerConnection) -> None:
        self._sockets.add(socket)
        self.open_connections += 1
        self.connections_made += 1
        self.most_connections = max(self.most_connections, self.open_connections)
        try:
            await self._attend(socket)
        finally:
            self._sockets.discard(socket)
            self.open_connections -= 1


class WebSocketServer(Loopback):
    """A loopback server that has a handler for each connection.

    `refusals`: statuses with which the next handshakes are refused. `said`: client messages as (path, message), audio
    as its length in bytes. `handlers`: the connections that are open, oldest first: a test may speak through them.
    """

    def __init__(self, cannot: Mapping[str, str] | None = None) -> None:
        super().__init__(cannot)
        self.refusals: list[int] = []
        self.said: list[tuple[str, Any]] = []
        self.handlers: list[Any] = []

    @abc.abstractmethod
    def _handler(self, opening: Opening, wire: Wire) -> Handler:
        """Who answers on this connection."""

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.refusals:
            return connection.respond(http.HTTPStatus(self.refusals.pop(0)), "")
        return super()._admit(connection, request)

    async def _attend(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        opening = Opening(socket.request)
        handler = self._handler(opening, Wire(socket))
        self.handlers.append(handler)
        try:
            await handler.begin()
            async for raw in socket:
                message = json.loads(raw) if isinstance(raw, str) else raw
                self.said.append((opening.path, len(raw) if isinstance(raw, bytes) else message))
                await handler.take(message)
        except ConnectionClosed:
            pass
        finally:
            handler.end()
            self.handlers.remove(handler)
