"""A loopback server that speaks OpenAI's wire protocols: Responses and Chat Completions over SSE, and Realtime (GA).

It is reached by the unmodified official SDK, and is as strict as the service: what that refuses is refused here too, in
the same shape. What was refused stands in `refused`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from itertools import count
from typing import Any, Self

from aiohttp import web

from vision_agents.testing.contract import Provider

from .errors import Refusal, check_model
from .realtime import RealtimeSession
from .text import ChatCompletions, Responses

KEY = "sk-stand-in"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StandIn(Provider):
    """Use it as `async with StandIn() as service:`, and give `service.url` to the SDK as its `base_url`.

    Of realtime sessions, `word_seconds`: how long a word is, `pace`: how long it takes to make, `deaf_for`: how
    long a cancellation is ignored, `refuses`: how connections are refused, if they are. `fails_midway`: answers of
    Responses fail after their first event; `breaks_off`: texts end in the middle, in all peace; `sends_parts`,
    `tells_no_reason`: Chat Completions has contents of parts, and no `finish_reason`, as with other servers;
    `tells_no_usage`: it refuses to be asked for its usage; `says_before_calls`: a message before each call, in one
    response with it; `thinks_aloud`: one before each answer of Responses; `repeats_transcripts`: the words of a
    turn come three times, `tells_words`: at all; `unwritten`: what it cannot write down; `renames`: other names of
    a realtime session's events, None for those that it does not have. `bodies`, `sessions`: the requests and the
    realtime sessions so far; `numbers`: no id comes twice, whatever the session.
    """

    def __init__(
        self, cannot: Mapping[str, str] | None = None, *, word_seconds: float = 0.1, deaf_for: float = 0.0
    ) -> None:
        super().__init__(cannot)
        self.word_seconds = word_seconds
        self.deaf_for = deaf_for
        self.pace = 0.0
        self.refuses: HTTPStatus | None = None
        self.fails_midway = False
        self.breaks_off = False
        self.sends_parts = False
        self.tells_no_reason = False
        self.tells_no_usage = False
        self.says_before_calls = ""
        self.thinks_aloud = ""
        self.repeats_transcripts = False
        self.tells_words = True
        self.unwritten: set[str] = set()
        self.renames: dict[str, str | None] = {}
        self.url = ""
        self.bodies: list[dict[str, Any]] = []
        self.refused: list[Refusal] = []
        self.sessions: list[RealtimeSession] = []
        self.numbers = count(1)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._guard])
        app.router.add_post("/v1/responses", Responses(self).answer)
        app.router.add_post("/v1/chat/completions", ChatCompletions(self).answer)
        app.router.add_get("/v1/realtime", self._realtime)
        # Without this a handler would not notice that the client has gone.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self.disconnect()
        await self._runner.cleanup()

    @property
    def session(self) -> RealtimeSession:
        """The latest realtime session."""
        return self.sessions[-1]

    # What a case tells the provider.

    def count_connections(self) -> int:
        return len(self._transports())

    async def disconnect(self) -> None:
        for transport in self._transports():
            transport.abort()

    async def send_late(self) -> None:
        self._check("send_late")
        await self.session.send_late()

    def _transports(self) -> list[Any]:
        server = self._runner.server if self._runner is not None else None
        found = (protocol.transport for protocol in server.connections) if server is not None else ()
        return [transport for transport in found if transport is not None]

    # What is the same for all.

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if given != KEY:
                raise Refusal(401, f"Incorrect API key provided: {given}.", "invalid_request_error", "invalid_api_key")
            return await handler(request)
        except Refusal as refusal:
            self.refused.append(refusal)
            return web.json_response({"error": refusal.body}, status=refusal.status)

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        if self.refuses is not None:
            raise Refusal(self.refuses, "not now")
        check_model(request.query.get("model"))
        unknown = set(request.query) - {"model"}
        if unknown:
            raise Refusal(400, f"Unknown query parameter: {unknown}", "invalid_request_error", "unknown_parameter")
        socket = web.WebSocketResponse(max_msg_size=15 * 2**20)
        await socket.prepare(request)
        session = RealtimeSession(self, socket, request.query["model"])
        self.sessions.append(session)
        await session.serve()
        return socket
