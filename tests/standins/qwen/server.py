"""A loopback server that speaks the wire protocol of Qwen-Omni-Realtime, as strictly as the service does."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from itertools import count
from typing import Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from vision_agents.testing.contract import Provider

from .session import RealtimeSession
from .wire import MODELS, Json

KEY = "sk-stand-in"


class StandIn(Provider):
    """Use it as `async with StandIn() as service:`, and give `service.url` to the SDK.

    `word_seconds`: how long a word lasts; `pace`: seconds before each. `deaf_for`: seconds for which it ignores a
    cancellation and goes on. `repeats_itself`: it says twice that speech began. `guesses`: it tells words in pieces.
    """

    def __init__(self, cannot: Mapping[str, str] | None = None, *, word_seconds: float = 0.1) -> None:
        super().__init__(cannot)
        self.word_seconds = word_seconds
        self.pace = 0.0
        self.deaf_for = 0.0
        self.repeats_itself = False
        self.guesses = False
        # How it refuses connections, if it does.
        self.refuses: HTTPStatus | None = None
        self.numbers = count(1)
        self.sessions: list[RealtimeSession] = []
        self.url = ""
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve, "127.0.0.1", 0, process_request=self._admit, close_timeout=0.1, compression=None
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/api-ws/v1/realtime"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await self.disconnect()
        self._server.close()
        await self._server.wait_closed()

    @property
    def session(self) -> RealtimeSession:
        """The latest session."""
        return self.sessions[-1]

    @property
    def refused(self) -> list[Json]:
        """What was refused in any session."""
        return [error for session in self.sessions for error in session.refused]

    def forget(self) -> None:
        """Forget what was said and sent so far."""
        self.session.received.clear()
        del self.session.refused[:], self.session.responses[:-3]

    async def disconnect(self) -> None:
        self._check("disconnect")
        for session in self.sessions:
            session.break_off()

    async def send_late(self) -> None:
        self._check("send_late")
        if self.session.responses:
            await self.session.responses[-1].speak("late")

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        where = urlsplit(request.path)
        if self.refuses is not None:
            return connection.respond(self.refuses, "not now\n")
        if where.path != "/api-ws/v1/realtime":
            return connection.respond(HTTPStatus.NOT_FOUND, "no such path\n")
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return connection.respond(HTTPStatus.UNAUTHORIZED, '{"code":"InvalidApiKey","message":"Invalid API-key."}')
        if parse_qs(where.query).get("model", [""])[0] not in MODELS:
            return connection.respond(HTTPStatus.BAD_REQUEST, '{"code":"ModelNotFound","message":"Model not found."}')
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        self.open_connections += 1
        session = RealtimeSession(self, socket)
        self.sessions.append(session)
        try:
            await session.serve()
        finally:
            self.open_connections -= 1
