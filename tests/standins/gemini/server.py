"""A loopback server that speaks the Live API's wire protocol, over TLS by a certificate authority of its own.

It is reached by the unmodified official SDK, and as strict as the service: what that refuses is refused here too, in
the same way, and stands in `refused`.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Self

import trustme
from google.genai import types
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from vision_agents.testing.contract import Provider

from .session import LiveSession, Memory
from .wire import Refusal

KEY = "stand-in-key"

_PATH = re.compile(r"/ws/google\.ai\.generativelanguage\.v1(alpha|beta)?\.GenerativeService\.BidiGenerateContent")


@cache
def authority() -> trustme.CA:
    """Who vouches for the stand-in."""
    return trustme.CA()


class StandIn(Provider):
    """Use it as `async with StandIn() as service:`, and give `service.http_options` to the SDK.

    `word_seconds`: how long a word lasts; `pace`: seconds before each. `deaf_for`: seconds for which it ignores a
    cancellation and goes on. `tells_activity`: it says when it hears somebody, as some models do. `transcribes_late`:
    the user's words come when the answer has begun.
    """

    def __init__(self, cannot: Mapping[str, str] | None = None, *, word_seconds: float = 0.1) -> None:
        super().__init__(cannot)
        self.key = KEY
        self.word_seconds = word_seconds
        self.pace = 0.0
        self.deaf_for = 0.0
        self.tells_activity = False
        self.transcribes_late = False
        # It tells every client to go as soon as it comes.
        self.sends_away = False
        # How it refuses connections, if it does.
        self.refuses: HTTPStatus | None = None
        self.sessions: list[LiveSession] = []
        self.handles: dict[str, tuple[LiveSession, Memory]] = {}
        self.poisoned: set[str] = set()
        self.refused: list[Refusal] = []
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority().issue_cert("localhost").configure_cert(context)
        self._server = await serve(
            self._serve, "127.0.0.1", 0, ssl=context, process_request=self._admit, close_timeout=0.1, compression=None
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await self.disconnect()
        self._server.close()
        await self._server.wait_closed()

    @property
    def http_options(self) -> types.HttpOptions:
        """How the SDK finds it."""
        assert self._server is not None
        context = ssl.create_default_context()
        authority().configure_trust(context)
        port = next(iter(self._server.sockets)).getsockname()[1]
        return types.HttpOptions(base_url=f"https://localhost:{port}", async_client_args={"ssl": context})

    @property
    def session(self) -> LiveSession:
        """The latest session."""
        return self.sessions[-1]

    def forget(self) -> None:
        """Forget what was said and sent so far."""
        self.handles.clear()
        self.session.received.clear()
        self.session.memory.turns.clear()

    async def disconnect(self) -> None:
        self._check("disconnect")
        for session in self.sessions:
            session.break_off()

    async def send_late(self) -> None:
        # In this protocol nothing tells what an answer belongs to: late can only be what comes before the service
        # confirms the cancellation, so it is made deaf to it until it is asked for something else.
        self._check("send_late")
        generation = self.session.last
        if generation is not None and generation.running:
            generation.deaf = True
            await generation.speak("late")

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.refuses is not None:
            return connection.respond(self.refuses, "not now\n")
        if not _PATH.fullmatch(request.path):
            return connection.respond(HTTPStatus.NOT_FOUND, "no such method\n")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        self.open_connections += 1
        session = LiveSession(self, socket)
        self.sessions.append(session)
        try:
            await session.serve()
        finally:
            self.open_connections -= 1
