"""Bounds the bodies of requests: how long they are, and how long they may take to come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

# An offer has about 3 kB.
LONGEST = 64 * 1024

# Seconds in which all of a body has to come.
TIMEOUT = 10.0

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class BoundedBodies:
    """An ASGI middleware that reads the body of a request before anything else looks at it, or refuses it."""

    def __init__(
        self,
        app: Application,
        longest: int = LONGEST,
        timeout: float = TIMEOUT,
        unread: Collection[str] = (),
    ) -> None:
        self._app = app
        self._longest, self._timeout = longest, timeout
        # Paths of requests that are bounded by whoever reads them, once it is known who asks.
        self._unread = unread

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get("path", "") in self._unread:
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._timeout):
                body = await self._read(scope, receive)
        except TimeoutError:
            await _refuse(send, 408, f"the request did not come within {self._timeout:.0f} s")
            return
        if body is None:
            await _refuse(send, 413, f"a request has at most {self._longest} bytes")
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    async def _read(self, scope: MutableMapping[str, Any], receive: Receive) -> bytes | None:
        """The whole body; None if it is too long, as soon as that is known."""
        headers = dict(scope["headers"])
        told = headers.get(b"content-length", b"0")
        if not told.isdigit() or int(told) > self._longest:
            return None
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return bytes(body)  # The client has gone; what answers it will notice.
            body += message.get("body", b"")
            if len(body) > self._longest:
                return None
            if not message.get("more_body", False):
                return bytes(body)


async def _refuse(send: Send, status: int, text: str) -> None:
    body = json.dumps({"detail": text}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # What is left of the body is not waited for.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
