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

import trustme
from google.genai import types
from websockets.asyncio.server import ServerConnection

from ..websocket import Opening
from ..websocket_sessions import SessionServer
from .session import LiveSession, Memory
from .wire import Refusal

KEY = "stand-in-key"

_PATH = re.compile(r"/ws/google\.ai\.generativelanguage\.v1(alpha|beta)?\.GenerativeService\.BidiGenerateContent")


@cache
def authority() -> trustme.CA:
    """Who vouches for the stand-in."""
    return trustme.CA()


class StandIn(SessionServer[LiveSession]):
    """Use it as `async with StandIn() as service:`, and give `service.http_options` to the SDK.

    `tells_activity`: it says when it hears somebody, as some models do. `transcribes_late`: the user's words come when
    the answer has begun. `words_after`: so many seconds after that was begun to be made. `tells_words`: it tells them
    at all. `sends_away`: it tells every client to go as soon as it comes.
    """

    def __init__(self, cannot: Mapping[str, str] | None = None, *, word_seconds: float = 0.1) -> None:
        super().__init__(cannot, word_seconds=word_seconds)
        self.key = KEY
        self.tells_activity = False
        self.transcribes_late = False
        self.words_after: float | None = None
        self.tells_words = True
        self.sends_away = False
        self.handles: dict[str, tuple[LiveSession, Memory]] = {}
        self.poisoned: set[str] = set()
        self.refused: list[Refusal] = []

    @property
    def http_options(self) -> types.HttpOptions:
        """How the SDK finds it."""
        context = ssl.create_default_context()
        authority().configure_trust(context)
        port = self.address.rpartition(":")[2]
        return types.HttpOptions(base_url=f"https://localhost:{port}", async_client_args={"ssl": context})

    def forget(self) -> None:
        """Forget what was said and sent so far."""
        self.handles.clear()
        self.session.received.clear()
        self.session.memory.turns.clear()

    async def send_late(self) -> None:
        # In this protocol nothing tells what an answer belongs to: late can only be what comes before the service
        # confirms the cancellation, so it is made deaf to it until it is asked for something else.
        self._check("send_late")
        generation = self.session.last
        if generation is not None and generation.running:
            generation.deaf = True
            await generation.speak("late")

    def _certificate(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority().issue_cert("localhost").configure_cert(context)
        return context

    def _refusal(self, opening: Opening) -> int | tuple[int, str] | None:
        if _PATH.fullmatch(opening.path) is None or opening.query:
            return HTTPStatus.NOT_FOUND, "no such method\n"
        return super()._refusal(opening)

    def _session(self, socket: ServerConnection) -> LiveSession:
        return LiveSession(self, socket)
