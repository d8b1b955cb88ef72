"""Turns starts away that cannot be taken, before anything else is done for them.

A crowd that comes at once is answered one after the other, so what each refusal costs is what the last one waits: the
way through the application takes a millisecond, this one a tenth. Who may start and how often is decided as there. For
who is let through a place is kept, or all of the crowd would be on that way before the first of them has taken one.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import MutableMapping
from typing import Any

from fastapi import HTTPException
from starlette.requests import HTTPConnection

from .admission import Refused
from .body import Application, Receive, Send
from .guard import check
from .host import CallHost
from .options import ServeOptions
from .rate import RateLimit
from .tokens import NAME

PLACE = "vision_agents.place"
"""The place that is kept for a request, in its scope."""

# A request for a session, and the name of its call. What does not look like one goes the usual way.
_START = re.compile(f"/calls/({NAME})/sessions")


class TurningAway:
    """An ASGI middleware that answers starts as long as `host` takes none, and keeps a place for those it passes on."""

    def __init__(self, app: Application, host: CallHost, options: ServeOptions, rate: RateLimit) -> None:
        self._app = app
        self._host, self._options, self._rate = host, options, rate
        self._turns = asyncio.Lock()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        call = self._asked_for(scope)
        # A permission of the program's own is a dependency, which only the application can ask.
        if call is None or self._options.can_start_session is not None:
            await self._app(scope, receive, send)
            return
        refusal = self._host.refusal()
        try:
            self._check(HTTPConnection(scope), call, refusal)
        except HTTPException as error:
            await _answer(send, error)
            return
        place = scope[PLACE] = self._host.keep()
        try:
            # One after the other: in between those are turned away who came at the same moment, or have come since.
            async with self._turns:
                await asyncio.sleep(0)
            await self._app(scope, receive, send)
        finally:
            self._host.give_up(place)

    def _check(self, connection: HTTPConnection, call: str, refusal: Refused | None) -> None:
        """Raise HTTPException for who may not start, and for who is refused."""
        check(connection, self._options, call, "start")
        if refusal is not None:
            limit_starts(self._rate, connection)
            self._host.count(refusal)
            raise busy(refusal)

    def _asked_for(self, scope: MutableMapping[str, Any]) -> str | None:
        """The call for which the request wants a session; None if it wants something else."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return None
        found = _START.fullmatch(scope["path"])
        return None if found is None else found[1]


def busy(refusal: Refused) -> HTTPException:
    """The answer to whoever is refused for now."""
    return HTTPException(503, str(refusal), {"Retry-After": str(math.ceil(refusal.retry_after))})


def limit_starts(rate: RateLimit, connection: HTTPConnection) -> None:
    """Count a start of a client. Raises HTTPException if there are too many."""
    client = connection.client.host if connection.client is not None else ""
    wait = rate.take(client, asyncio.get_running_loop().time())
    if wait:
        raise HTTPException(429, "too many starts by this client", {"Retry-After": str(math.ceil(wait))})


async def _answer(send: Send, error: HTTPException) -> None:
    body = json.dumps({"detail": error.detail}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **(error.headers or {})}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status_code, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
