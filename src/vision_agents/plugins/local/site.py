"""The page over HTTP, by aiohttp. What pages ask for stands in `protocol`.

Who is answered at all is decided in `access`, what pages are told and whom they talk with in `switchboard`: here is
only what carries it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from .access import Access, refusal
from .page_files import INDEX, page_file, page_headers
from .protocol import BODY_TIMEOUT, MAX_BODY
from .recorded_call import Replays
from .recorded_lines import RecordedLines
from .refused import RefusedError, check_parameters
from .switchboard import Switchboard

# In seconds: noticing a tab that went without a word; waiting for one that is told that the agent stopped.
HEARTBEAT = 5.0
CLOSE_TIMEOUT = 1.0


class Site:
    """The requests of pages."""

    def __init__(self, switchboard: Switchboard, lines: RecordedLines) -> None:
        self.switchboard = switchboard
        self.lines = lines
        self._replays = Replays()
        self._sockets: set[web.WebSocketResponse] = set()

    def application(self, access: Access) -> web.Application:
        """An aiohttp application that answers those whom `access` lets through."""
        application = web.Application(client_max_size=MAX_BODY, middlewares=[access.guard, _explain])
        application.add_routes(
            [
                web.get("/records", self._records),
                web.post("/offer", self._offer),
                web.get("/caller/{line}.wav", self._line),
                web.get("/call/{file}", self._file),
                web.post("/replay", self._replay),
                web.get("/", self._part),
                web.get("/{part}", self._part),
            ]
        )
        return application

    async def close(self) -> None:
        """Let go of the pages."""
        await asyncio.gather(*(socket.close(message=b"the agent stopped") for socket in self._sockets))

    async def _part(self, request: web.Request) -> web.Response:
        file = page_file(request.match_info.get("part", INDEX))
        headers = page_headers(request.host, secure=request.secure)
        return web.Response(body=file.body, content_type=file.type, charset="utf-8", headers=headers)

    async def _records(self, request: web.Request) -> web.StreamResponse:
        check_parameters(request.query, "tab", "browser")
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, timeout=CLOSE_TIMEOUT, max_msg_size=MAX_BODY)
        page = self.switchboard.open(
            socket.send_str, tab=request.query.get("tab", ""), browser=request.query.get("browser", "")
        )
        sending: asyncio.Task[None] | None = None
        try:
            await socket.prepare(request)
            self._sockets.add(socket)
            sending = asyncio.create_task(page.feed.run(), name="records of a page")
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self.switchboard.take(page, message.data)
        finally:
            self.switchboard.close_page(page)
            self._sockets.discard(socket)
            if sending is not None:
                sending.cancel()
        return socket

    async def _offer(self, request: web.Request) -> web.Response:
        check_parameters(request.query)
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                offer = await request.json()
        except (ValueError, RecursionError, LookupError):  # The last for a charset that nobody knows.
            offer = None
        except TimeoutError:
            return refusal(408, f"the offer did not come within {BODY_TIMEOUT:.0f} s")
        return web.json_response(await self.switchboard.offer(offer))

    async def _file(self, request: web.Request) -> web.StreamResponse:
        check_parameters(request.query, "page")
        path = await self.switchboard.file(request.query.get("page", ""), request.match_info["file"])
        return web.FileResponse(path, headers={"Cache-Control": "no-store"})

    async def _replay(self, request: web.Request) -> web.Response:
        self.switchboard.check_workbench()
        check_parameters(request.query, "policy")
        answer = await self._replays.answer(request.content.iter_any(), request.query.get("policy"))
        return web.Response(body=answer, content_type="application/json")

    async def _line(self, request: web.Request) -> web.Response:
        check_parameters(request.query)
        body = await self.lines.wav(request.match_info["line"])
        return web.Response(body=body, content_type="audio/wav")


@web.middleware
async def _explain(request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]) -> Any:
    try:
        return await handler(request)
    except RefusedError as refused:
        return refusal(refused.status, refused.sentence)
