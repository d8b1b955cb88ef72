"""The page in an ASGI application, by Starlette. What pages ask for stands in `protocol`; here is what carries it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from .access import PARAMETER, cookie_name
from .growing_file import GrowingFile
from .page_files import INDEX, page_file, page_headers
from .pages import Pages
from .protocol import BODY_TIMEOUT, MAX_BODY
from .recorded_call import Replays
from .recorded_lines import RecordedLines
from .refused import RefusedError, check_parameters

# What closes a WebSocket: whoever opened it may not, or there is no room.
_NOT_ALLOWED = 1008
_BUSY = 1013

# Raises RefusedError for whoever may not have what they ask for.
Check = Callable[[HTTPConnection], None]


class AsgiSite:
    """The requests of pages. `lines`: what a recorded caller says; None for no such caller."""

    def __init__(self, pages: Pages, check: Check, lines: RecordedLines | None = None) -> None:
        self._pages, self._check, self._lines = pages, check, lines
        self._replays = Replays()

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the page; what is not a file of it is not found."""
        return [
            WebSocketRoute("/records", self._records),
            Route("/offer", _explained(self._offer), methods=["POST"]),
            Route("/call/{file}", _explained(self._call_file)),
            Route("/replay", _explained(self._replay), methods=["POST"]),
            Route("/caller/{line}.wav", _explained(self._line)),
            Route("/", _explained(self._index)),
            Route("/{part}", _explained(self._part)),
        ]

    async def _index(self, request: Request) -> Response:
        self._check(request)
        if (token := request.query_params.get(PARAMETER)) is None:
            return self._page_file(request, INDEX)
        # The page once more, without the token in its address, which people show and share.
        answer = RedirectResponse(request.url.path, 303)
        name, secure = cookie_name(request.headers.get("host", "")), request.url.scheme == "https"
        answer.set_cookie(name, token, httponly=True, samesite="lax", secure=secure, path=request.url.path)
        return answer

    async def _part(self, request: Request) -> Response:
        return self._page_file(request, request.path_params["part"])

    def _page_file(self, request: Request, name: str) -> Response:
        file = page_file(name)
        headers = page_headers(request.headers.get("host", ""), secure=request.url.scheme == "https")
        return Response(file.body, media_type=f"{file.type}; charset=utf-8", headers=headers)

    async def _offer(self, request: Request) -> Response:
        self._check(request)
        check_parameters(request.query_params)
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                offer = await _body(request, MAX_BODY)
            return JSONResponse(await self._pages.offer(json.loads(offer)))
        except TimeoutError:
            raise RefusedError(408, f"the offer did not come within {BODY_TIMEOUT:.0f} s") from None
        except (ValueError, RecursionError):
            raise RefusedError(400, "an offer is JSON") from None

    async def _call_file(self, request: Request) -> Response:
        self._check(request)
        check_parameters(request.query_params, "page")
        path = await self._pages.file(request.query_params.get("page", ""), request.path_params["file"])
        return GrowingFile(path, headers={"Cache-Control": "no-store"})

    async def _replay(self, request: Request) -> Response:
        self._check(request)
        self._pages.check_workbench()
        check_parameters(request.query_params, "policy")
        answer = await self._replays.answer(request.stream(), request.query_params.get("policy"))
        return Response(answer, media_type="application/json")

    async def _line(self, request: Request) -> Response:
        self._check(request)
        check_parameters(request.query_params)
        if self._lines is None:
            raise RefusedError(404, "there is no recorded caller here")
        return Response(await self._lines.wav(request.path_params["line"]), media_type="audio/wav")

    async def _records(self, socket: WebSocket) -> None:
        async def send(text: str) -> None:
            try:
                await socket.send_text(text)
            except (RuntimeError, WebSocketDisconnect) as error:
                raise ConnectionError("the page is gone") from error

        asked = socket.query_params
        client = "" if socket.client is None else socket.client.host
        try:
            self._check(socket)
            check_parameters(asked, "tab", "browser")
        except RefusedError as refused:
            await socket.close(_NOT_ALLOWED, refused.sentence)
            return
        try:
            keys = {name: asked.get(name, "") for name in ("tab", "browser")}
            page = self._pages.open(send, **keys, client=client)
        except RefusedError as refused:
            await socket.close(_BUSY, refused.sentence)
            return
        sending: asyncio.Task[None] | None = None
        try:
            await socket.accept()
            sending = asyncio.create_task(page.feed.run(), name="records of a page")
            async for message in socket.iter_text():
                self._pages.take(page, message)
        finally:
            self._pages.close_page(page)
            if sending is not None:
                sending.cancel()


Handler = Callable[[Request], Awaitable[Response]]


def _explained(handler: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except RefusedError as refused:
            return JSONResponse({"error": refused.sentence}, refused.status)
        except ClientDisconnect:
            return Response(status_code=400)  # Nobody reads it.

    return answer


async def _body(request: Request, longest: int) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > longest:
            raise RefusedError(413, f"a request has at most {longest} bytes here")
    return bytes(body)
