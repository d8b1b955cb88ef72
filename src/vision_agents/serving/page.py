"""The page of `local.Edge` for served agents: any number of browsers, each with an agent of its own.

They ask for what stands in the local plugin's `protocol`; here the index takes the token as `?token=…`, once.
What pages are told, and whom they talk with, is decided in the local plugin's switchboard; who is taken, by the host.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from fastapi import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from vision_agents.plugins.local.page_files import INDEX, page_file, page_headers
from vision_agents.plugins.local.recorded_call import LONGEST, Replays
from vision_agents.plugins.local.refused import RefusedError
from vision_agents.plugins.local.switchboard import Switchboard
from vision_agents.plugins.local.terms import Terms

from .guard import check
from .host import CallHost
from .options import ServeOptions

CALL = "page"
"""The call that a token has to name to open the page."""

# Callers at a time, where the host is not told a number.
MANY = 1000

# Seconds that a conversation is kept for a caller who is gone.
KEEP = 60.0

_BUSY = 1013


class Page:
    """The page of one host."""

    def __init__(self, host: CallHost, options: ServeOptions) -> None:
        self._host = host
        self._options = options
        places = host.launcher.max_concurrent_sessions or MANY
        self._replays = Replays()
        terms = Terms(places, KEEP, host.private, options.workbench, self._refused)
        self._workbench = terms.open_workbench
        self._switchboard = Switchboard(self._hold, terms, {"agent": "Agent", "recorded": False})

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the page; what is not a file of it is not found."""
        return [
            WebSocketRoute("/records", self._records),
            Route("/offer", self._offer, methods=["POST"]),
            Route("/call/{file}", self._call_file),
            Route("/replay", self._replay, methods=["POST"]),
            Route("/", self._index),
            Route("/{part}", self._part),
        ]

    @property
    def bodies(self) -> dict[str, int]:
        """The most bytes of requests that may be longer than others, by their paths."""
        return {"/replay": LONGEST} if self._workbench else {}

    async def close(self) -> None:
        """End all conversations. Harmless twice."""
        await self._switchboard.close()

    def _refused(self) -> str | None:
        refusal = self._host.refusal()
        return None if refusal is None else f"No further call is taken: {refusal}. Try again in a moment."

    async def _hold(self, edge: Any) -> None:
        await self._host.hold(edge, f"{CALL}-{secrets.token_urlsafe(9)}")

    def _check(self, connection: HTTPConnection) -> None:
        check(connection, self._options, CALL, "start", cookie=_cookie(connection))

    # Requests.

    async def _index(self, request: Request) -> Response:
        try:
            self._check(request)
        except HTTPException as error:
            return JSONResponse({"error": error.detail}, error.status_code)
        if (token := request.query_params.get("token")) is None:
            return self._file(request, INDEX)
        # The page once more, without the token in its address, which people show and share.
        answer = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(_cookie(request), token, httponly=True, samesite="lax", secure=secure, path="/")
        return answer

    async def _part(self, request: Request) -> Response:
        return self._file(request, request.path_params["part"])

    def _file(self, request: Request, name: str) -> Response:
        try:
            file = page_file(name)
        except RefusedError as refused:
            return _explained(refused)
        headers = page_headers(request.headers.get("host", ""), secure=request.url.scheme == "https")
        return Response(file.body, media_type=f"{file.type}; charset=utf-8", headers=headers)

    async def _offer(self, request: Request) -> Response:
        try:
            self._check(request)
            return JSONResponse(await self._switchboard.offer(await request.json()))
        except HTTPException as error:
            return JSONResponse({"error": error.detail}, error.status_code)
        except RefusedError as refused:
            return _explained(refused)
        except (ValueError, RecursionError):
            return JSONResponse({"error": "an offer is JSON"}, 400)

    async def _call_file(self, request: Request) -> Response:
        try:
            self._check(request)
            path = await self._switchboard.file(request.query_params.get("page", ""), request.path_params["file"])
        except HTTPException as error:
            return JSONResponse({"error": error.detail}, error.status_code)
        except RefusedError as refused:
            return _explained(refused)
        return FileResponse(path, headers={"Cache-Control": "no-store"})

    async def _replay(self, request: Request) -> Response:
        try:
            self._check(request)
            self._switchboard.check_workbench()
            return JSONResponse(await self._replays.answer(await request.body(), request.query_params.get("policy")))
        except HTTPException as error:
            return JSONResponse({"error": error.detail}, error.status_code)
        except RefusedError as refused:
            return _explained(refused)

    async def _records(self, socket: WebSocket) -> None:
        async def send(text: str) -> None:
            try:
                await socket.send_text(text)
            except (RuntimeError, WebSocketDisconnect) as error:
                raise ConnectionError("the page is gone") from error

        asked = socket.query_params
        try:
            self._check(socket)
            page = self._switchboard.open(send, tab=asked.get("tab", ""), browser=asked.get("browser", ""))
        except HTTPException as error:
            await socket.close(1008, error.detail)
            return
        except RefusedError as refused:
            await socket.close(_BUSY, refused.sentence)
            return
        sending: asyncio.Task[None] | None = None
        try:
            await socket.accept()
            sending = asyncio.create_task(page.feed.run(), name="records of a page")
            async for message in socket.iter_text():
                self._switchboard.take(page, message)
        finally:
            self._switchboard.close_page(page)
            if sending is not None:
                sending.cancel()


def _explained(refused: RefusedError) -> Response:
    return JSONResponse({"error": refused.sentence}, refused.status)


def _cookie(connection: HTTPConnection) -> str:
    # Cookies know no ports, and two servers may be on one machine.
    return f"vision_agents_{connection.url.port}"
