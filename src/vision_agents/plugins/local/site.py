"""The web side of the local edge: the page, WebRTC signalling, the records, the recorded caller.

    GET  /                          the page and its parts
    GET  /records                   WebSocket: arrays of records; the page may send "hang up"
    POST /offer                     {"type": "offer", "sdp", "page"} -> {"type": "answer", "sdp", "participant"}
    GET  /caller/<line>.wav         what the recorded caller says

An error is answered as {"error": …}, with a sentence for people. Who is answered at all is decided in `access`.
"""

from __future__ import annotations

import asyncio
import io
import logging
import wave
from collections.abc import Awaitable, Callable
from importlib.resources import files

from aiohttp import WSMsgType, web

from vision_agents.core.audio import PcmData

from .access import Access, refusal
from .feed import Feed, Feeds
from .rtc import OfferError
from .switchboard import Switchboard

logger = logging.getLogger(__name__)

Caller = Callable[[str], Awaitable[PcmData]]

# What the recorded caller can say.
LINES = ("question", "interruption")

# Open tabs. More than anyone has; who has more gets an error instead of a slow machine.
MAX_PAGES = 16

# An offer has about 3 kB.
MAX_BODY = 64 * 1024

# Seconds in which all of it has to come.
BODY_TIMEOUT = 10.0

# In seconds: making what the recorded caller says; noticing a tab that went without a word; waiting for a tab that is
# told that the agent stopped.
CALLER_TIMEOUT = 60.0
HEARTBEAT = 10.0
CLOSE_TIMEOUT = 1.0

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {socket}://{host}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Site:
    """The requests of pages. `name` is the agent's."""

    def __init__(self, name: str, feeds: Feeds, switchboard: Switchboard, caller: Caller | None) -> None:
        self._name = name
        self._feeds = feeds
        self._switchboard = switchboard
        self._caller = caller
        self._lines: dict[str, asyncio.Task[bytes]] = {}
        self._sockets: set[web.WebSocketResponse] = set()
        self._parts = {part.name: part.read_bytes() for part in (files(__package__) / "page").iterdir()}

    def application(self, access: Access) -> web.Application:
        """An aiohttp application that answers those whom `access` lets through."""
        application = web.Application(client_max_size=MAX_BODY, middlewares=[access.guard])
        application.add_routes(
            [
                web.get("/records", self._records),
                web.post("/offer", self._offer),
                web.get("/caller/{line}.wav", self._line),
                web.get("/", self._part),
                web.get("/{part}", self._part),
            ]
        )
        return application

    async def close(self) -> None:
        """Let go of the pages and of what is being made."""
        for line in self._lines.values():
            line.cancel()
        await asyncio.gather(*self._lines.values(), return_exceptions=True)
        await asyncio.gather(*(socket.close(message=b"the agent stopped") for socket in self._sockets))

    # Requests.

    async def _part(self, request: web.Request) -> web.Response:
        name = request.match_info.get("part", "index.html")
        body = self._parts.get(name)
        if body is None:
            return refusal(404, f"there is no {name} here")
        return web.Response(
            body=body,
            content_type=_TYPES[name.rpartition(".")[2]],
            charset="utf-8",
            headers={
                "Cache-Control": "no-cache",
                "Content-Security-Policy": _POLICY.format(socket="wss" if request.secure else "ws", host=request.host),
                "X-Content-Type-Options": "nosniff",
            },
        )

    async def _records(self, request: web.Request) -> web.StreamResponse:
        if len(self._feeds) >= MAX_PAGES:
            return refusal(503, f"this page is open in {MAX_PAGES} tabs already; close some")
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, timeout=CLOSE_TIMEOUT, max_msg_size=MAX_BODY)
        await socket.prepare(request)
        feed = Feed(socket)
        page = self._feeds.open(feed)
        self._sockets.add(socket)
        feed.put(
            {
                "edge": "hello",
                "page": page,
                "agent": self._name,
                "caller": self._caller is not None,
                "busy": self._switchboard.busy,
            }
        )
        sending = asyncio.create_task(feed.run(), name=f"records of page {page}")
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and message.data == "hang up":
                    self._switchboard.hang_up(page)
        finally:
            self._feeds.close(page)
            self._sockets.discard(socket)
            self._switchboard.hang_up(page)
            sending.cancel()
        return socket

    async def _offer(self, request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                offer = await request.json()
        except (ValueError, RecursionError):
            offer = None
        except TimeoutError:
            return refusal(408, f"the offer did not come within {BODY_TIMEOUT:.0f} s")
        match offer:
            case {"type": "offer", "sdp": str()}:
                page = offer.get("page")
            case _:
                return refusal(400, 'an offer is JSON: {"type": "offer", "sdp": "…"}')
        if not isinstance(page, int | None):
            return refusal(400, "the number of a page is a number, or left out")
        if page is not None and page not in self._feeds:
            return refusal(409, "the page has lost its connection to the agent; reload it")
        try:
            sdp, participant = await self._switchboard.answer(offer["sdp"], page)
        except OfferError as error:
            return refusal(400, str(error))
        return web.json_response({"type": "answer", "sdp": sdp, "participant": participant.id})

    async def _line(self, request: web.Request) -> web.Response:
        name = request.match_info["line"]
        if self._caller is None or name not in LINES:
            return refusal(404, f"there is no recorded {name}")
        making = self._lines.get(name)
        if making is None or (making.done() and (making.cancelled() or making.exception())):
            making = self._lines[name] = asyncio.create_task(_wav(self._caller, name), name=f"recorded {name}")
        try:
            body = await asyncio.shield(making)
        except Exception as error:
            logger.exception("the recorded %s could not be made", name)
            return refusal(503, f"the recorded {name} could not be made: {str(error) or type(error).__name__}")
        return web.Response(body=body, content_type="audio/wav")


async def _wav(caller: Caller, name: str) -> bytes:
    async with asyncio.timeout(CALLER_TIMEOUT):
        audio = await caller(name)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.sample_rate)
        file.writeframes(audio.to_bytes())
    return buffer.getvalue()
