"""A loopback server that speaks the wire protocol of Qwen-Omni-Realtime, as strictly as the service does."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from itertools import count

from websockets.asyncio.server import ServerConnection

from ..websocket import Opening
from ..websocket_sessions import SessionServer
from .session import RealtimeSession
from .wire import MODELS, Json

KEY = "sk-stand-in"

_PATH = "/api-ws/v1/realtime"


class StandIn(SessionServer[RealtimeSession]):
    """Use it as `async with StandIn() as service:`, and give `service.url` to the SDK.

    `repeats_itself`: it says twice that speech began. `guesses`: it tells words in pieces, `tells_words`: at all.
    `unwritten`: what it cannot write down. `renames`: other names of its events.
    """

    def __init__(self, cannot: Mapping[str, str] | None = None, *, word_seconds: float = 0.1) -> None:
        super().__init__(cannot, word_seconds=word_seconds)
        self.repeats_itself = False
        self.guesses = False
        self.tells_words = True
        self.unwritten: set[str] = set()
        self.renames: dict[str, str] = {}
        self.numbers = count(1)

    @property
    def url(self) -> str:
        """How the SDK finds it."""
        return f"ws://{self.address}{_PATH}"

    @property
    def refused(self) -> list[Json]:
        """What was refused in any session."""
        return [error for session in self.sessions for error in session.refused]

    def forget(self) -> None:
        """Forget what was said and sent so far."""
        self.session.received.clear()
        del self.session.refused[:], self.session.responses[:-3]

    async def send_late(self) -> None:
        self._check("send_late")
        if self.session.responses:
            await self.session.responses[-1].speak("late")

    def _refusal(self, opening: Opening) -> int | tuple[int, str] | None:
        if opening.path != _PATH:
            return HTTPStatus.NOT_FOUND, "no such path\n"
        if opening.headers.get("Authorization") != f"Bearer {KEY}":
            return HTTPStatus.UNAUTHORIZED, '{"code":"InvalidApiKey","message":"Invalid API-key."}'
        if opening.query.get("model") not in MODELS:
            return HTTPStatus.BAD_REQUEST, '{"code":"ModelNotFound","message":"Model not found."}'
        return super()._refusal(opening)

    def _session(self, socket: ServerConnection) -> RealtimeSession:
        return RealtimeSession(self, socket)
