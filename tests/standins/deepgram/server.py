"""A loopback server that speaks Deepgram's websocket protocols: listen v1 and v2, speak v1 and v2.

It is strict: what Deepgram refuses is refused, by status at the handshake and by `Error` or close code afterwards.
"""

from __future__ import annotations

import asyncio
import http
import json
import math
from collections.abc import Awaitable, Callable
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from deepgram import DeepgramClientEnvironment
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from vision_agents.testing.contract import Provider

from .listen import ListenV1, ListenV2
from .speak import SpeakV1, SpeakV2

KEY = "a key for the stand-in"

_COMMON = {"model", "encoding", "sample_rate", "mip_opt_out", "tag"}
_PARAMETERS: dict[str, set[str]] = {
    "/v1/listen": _COMMON
    | {"language", "endpointing", "interim_results", "utterance_end_ms", "vad_events", "smart_format", "punctuate"}
    | {"keyterm", "numerals", "profanity_filter", "channels", "diarize"},
    "/v2/listen": _COMMON
    | {"eot_threshold", "eager_eot_threshold", "eot_timeout_ms", "keyterm", "language_hint", "numerals"}
    | {"profanity_filter"},
    "/v1/speak": _COMMON - {"tag"} | {"speed"},
    "/v2/speak": _COMMON | {"speed", "expressivity"},
}
_HANDLERS: dict[str, Callable[..., Any]] = {
    "/v1/listen": ListenV1,
    "/v2/listen": ListenV2,
    "/v1/speak": SpeakV1,
    "/v2/speak": SpeakV2,
}


class DeepgramServer(Provider):
    """`async with DeepgramServer() as server:` listens on a free port; `server.environment` leads the SDK to it.

    `credit`: whether the account has any. `stubborn`: seconds for which an interruption is ignored.
    `pace`: seconds that a piece of speech takes to make.
    `refusals`: statuses with which the next handshakes are refused. `idle`: seconds after which a Nova stream without
    audio is closed. `said`: client messages as (path, message), audio as its length in bytes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.credit = True
        self.stubborn = 0.0
        self.pace = 0.0
        self.idle = 10.0
        # Whether `Finalize` is answered where there is nothing to finalize.
        self.answers_empty_finalize = True
        self.refusals: list[int] = []
        self.connections_made = 0
        self.most_connections = 0
        self.said: list[tuple[str, Any]] = []
        self.last_stopped: Any = None
        # The connections that are open, oldest first: a test may speak through them.
        self.handlers: list[Any] = []
        self._sockets: set[ServerConnection] = set()
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve, "127.0.0.1", 0, process_request=self._admit, close_timeout=1.0, ping_interval=None
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await self.release()
        self._server.close()
        await self._server.wait_closed()

    @property
    def environment(self) -> DeepgramClientEnvironment:
        """What to pass to the SDK's client."""
        assert self._server is not None
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        ws, web = f"ws://{host}:{port}", f"http://{host}:{port}"
        return DeepgramClientEnvironment(base=web, production=ws, agent=ws, agent_rest=web)

    def types(self, path: str) -> list[str]:
        """The types of all messages that came on `path`, audio left out."""
        return [message["type"] for where, message in self.said if where == path and isinstance(message, dict)]

    async def disconnect(self) -> None:
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

    async def send_late(self) -> None:
        if self.last_stopped is not None:
            await self.last_stopped.send_late()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        problem: int | None = None
        if self.refusals:
            problem = self.refusals.pop(0)
        elif request.headers.get("Authorization") != f"Token {KEY}":
            problem = 401
        elif not self.credit:
            problem = 402
        elif parts.path not in _HANDLERS:
            problem = 404
        elif _refused(parts.path, query):
            problem = 400
        if problem is None:
            return None
        return connection.respond(http.HTTPStatus(problem), json.dumps({"err_code": str(problem)}))

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        parts = urlsplit(socket.request.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self._sockets.add(socket)
        self.open_connections += 1
        self.connections_made += 1
        self.most_connections = max(self.most_connections, self.open_connections)
        handler = _HANDLERS[parts.path](self, Wire(socket), query)
        self.handlers.append(handler)
        try:
            await handler.begin()
            async for raw in socket:
                message: Any = raw
                if isinstance(raw, str):
                    message = json.loads(raw)
                self.said.append((parts.path, len(raw) if isinstance(raw, bytes) else message))
                await handler.take(message)
        except ConnectionClosed:
            pass
        finally:
            handler.end()
            self.handlers.remove(handler)
            self._sockets.discard(socket)
            self.open_connections -= 1


def _refused(path: str, query: dict[str, str]) -> bool:
    """Whether Deepgram would refuse these parameters."""
    model = query.get("model", "")
    flux = model.startswith("flux")
    end = query.get("utterance_end_ms")
    return any(
        (
            not set(query) <= _PARAMETERS[path],
            query.get("encoding") != "linear16",
            not query.get("sample_rate", "").isdigit(),
            flux != path.startswith("/v2"),
            any(value in ("True", "False") for value in query.values()),
            end is not None and (int(end) < 1000 or query.get("interim_results") != "true"),
            not 0.5 <= float(query.get("eot_threshold", 0.7)) <= 1.0,
            not 0.3 <= float(query.get("eager_eot_threshold", 0.5)) <= 0.9,
        )
    )


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
            await asyncio.sleep(0)
