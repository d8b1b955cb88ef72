"""A file that may grow while it is sent: what was declared is sent and no more, and a recording says how long it is."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from vision_agents.core.audio.files import HEADER_BYTES, cut_header

# By which a server sends a file itself: all that is in it by then.
_BY_ITSELF = "http.response.pathsend"

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class GrowingFile(FileResponse):
    """The file as it is when it is asked for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        extensions = {name: each for name, each in scope.get("extensions", {}).items() if name != _BY_ITSELF}
        recording = str(self.path).endswith(".wav")
        await super().__call__({**scope, "extensions": extensions}, receive, _Declared(send, recording))


class _Declared:
    """Hands on what is sent, up to the length that its head declared."""

    def __init__(self, send: Send, recording: bool) -> None:
        self._send = send
        self._recording = recording
        self._left = 0
        self._over = False
        # Of the whole file; None unless its beginning comes next.
        self._size: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begin(message)
            await self._send(message)
        elif not self._over:
            body = self._cut(message["body"])
            self._over = self._left == 0 or not message.get("more_body", False)
            await self._send({**message, "body": body, "more_body": not self._over})

    def _begin(self, start: Message) -> None:
        headers = Headers(raw=start["headers"])
        self._left = int(headers["content-length"])
        if self._recording and start["status"] == 200:
            self._size = self._left
        elif self._recording and (found := _RANGE.fullmatch(headers.get("content-range", ""))) and found[1] == "0":
            self._size = int(found[2])

    def _cut(self, body: bytes) -> bytes:
        body = body[: self._left]
        self._left -= len(body)
        size, self._size = self._size, None
        if size is None or len(body) < HEADER_BYTES:
            return body
        return cut_header(body[:HEADER_BYTES], size) + body[HEADER_BYTES:]
