"""A loopback server that speaks ElevenLabs' websocket protocols: realtime speech to text, and multi-context speech.

It is strict: what ElevenLabs refuses is refused, by status at the handshake and by error message or close code
afterwards. What ElevenLabs has been seen to do beyond its documentation it does, too: it repeats partial transcripts,
echoes a commit, and makes a context of whatever is sent to an unknown one.
"""

from __future__ import annotations

import http
import json
import math
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from vision_agents.testing.contract import Provider

from .hearing import Hearing
from .voice import Voice

KEY = "a key for the stand-in"

LISTEN = "/v1/speech-to-text/realtime"
SPEAK = "/v1/text-to-speech/"
VOICES = {"JBFqnCBsd6RMkjVDRZzb"}

_LISTEN_PARAMETERS = {
    "model_id",
    "audio_format",
    "commit_strategy",
    "vad_silence_threshold_secs",
    "vad_threshold",
    "min_speech_duration_ms",
    "min_silence_duration_ms",
    "language_code",
    "include_timestamps",
    "keyterms",
    "no_verbatim",
}
_SPEAK_PARAMETERS = {
    "model_id",
    "output_format",
    "language_code",
    "inactivity_timeout",
    "sync_alignment",
    "auto_mode",
    "apply_text_normalization",
    "enable_logging",
    "enable_ssml_parsing",
    "seed",
}


class ElevenLabsServer(Provider):
    """`async with ElevenLabsServer() as server:` listens on a free port; `server.url` is the base URL for the SDK.

    `stubborn`: seconds after which a context that was closed says so. `pace`: seconds that a piece of speech takes to
    make. `refusals`: statuses with which the next
    handshakes are refused. `commits`: whether Scribe's VAD ends a segment. `most_contexts`: the most that were open on
    one socket. `said`: client messages as (path, message).
    """

    def __init__(self) -> None:
        super().__init__({"cancel": "a context that is closed finishes what was flushed"})
        self.stubborn = 0.0
        self.pace = 0.0
        self.commits = True
        self.refusals: list[int] = []
        self.connections_made = 0
        self.most_connections = 0
        self.most_contexts = 0
        self.overflows = 0
        self.said: list[tuple[str, Any]] = []
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
    def url(self) -> str:
        assert self._server is not None
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        return f"http://{host}:{port}"

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
        for handler in self.handlers:
            if isinstance(handler, Voice):
                await handler.send_late()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        problem: int | None = None
        speaks = parts.path.startswith(SPEAK) and parts.path.endswith("/multi-stream-input")
        if self.refusals:
            problem = self.refusals.pop(0)
        elif speaks:
            voice = parts.path.removeprefix(SPEAK).split("/")[0]
            if request.headers.get("xi-api-key") != KEY:
                problem = 401
            elif voice not in VOICES:
                problem = 404
            elif not set(query) <= _SPEAK_PARAMETERS or not 1 <= int(query.get("inactivity_timeout", 20)) <= 180:
                problem = 400
        elif parts.path != LISTEN:
            problem = 404
        elif _refused(query):
            problem = 400
        return None if problem is None else connection.respond(http.HTTPStatus(problem), "")

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        parts = urlsplit(socket.request.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self._sockets.add(socket)
        self.open_connections += 1
        self.connections_made += 1
        self.most_connections = max(self.most_connections, self.open_connections)
        wire = Wire(socket)
        handler: Any
        if parts.path == LISTEN:
            # ElevenLabs takes anyone in, and tells who may not stay.
            handler = Hearing(self, wire, query, socket.request.headers.get("xi-api-key") == KEY)
        else:
            handler = Voice(self, wire, query)
        self.handlers.append(handler)
        try:
            await handler.begin()
            async for raw in socket:
                message = json.loads(raw)
                self.said.append((parts.path, message))
                await handler.take(message)
        except ConnectionClosed:
            pass
        finally:
            handler.end()
            self.handlers.remove(handler)
            self._sockets.discard(socket)
            self.open_connections -= 1


def _refused(query: dict[str, str]) -> bool:
    """Whether Scribe would refuse these parameters."""
    return any(
        (
            not set(query) <= _LISTEN_PARAMETERS,
            not query.get("model_id", "").endswith("_realtime"),
            query.get("audio_format") != "pcm_16000",
            query.get("commit_strategy") not in ("vad", "manual"),
            not 0.3 <= float(query.get("vad_silence_threshold_secs", 1.5)) <= 3.0,
            not 0.1 <= float(query.get("vad_threshold", 0.4)) <= 0.9,
        )
    )


class Wire:
    """One connection's way to the client. What is sent to one who has gone is lost."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    async def send(self, **message: Any) -> None:
        await self._quietly(self._socket.send(json.dumps(message)))

    async def send_raw(self, data: str) -> None:
        await self._quietly(self._socket.send(data))

    async def close(self, code: int, reason: str) -> None:
        await self._quietly(self._socket.close(code, reason))

    @staticmethod
    async def _quietly(sending: Awaitable[None]) -> None:
        with suppress(ConnectionClosed):
            await sending
