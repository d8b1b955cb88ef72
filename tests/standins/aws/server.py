"""A loopback Bedrock Runtime: one operation, InvokeModelWithBidirectionalStream, with a Nova Sonic behind it.

It is reached by the unmodified official SDK over TLS and HTTP/2, and refuses what the service refuses. What was refused
stands in `refused`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import unquote

from vision_agents.testing.contract import Provider

from .client_events import Refusal
from .eventstream import Decoder, Frame, FramingError, decode
from .http2 import Request, Server
from .sonic import SonicSession

KEY_ID = "AKIASTANDIN"
SECRET = "stand-in-secret"
REGION = "us-east-1"
MODELS = ("amazon.nova-sonic-v1:0", "amazon.nova-2-sonic-v1:0")

_PATH = re.compile(r"/model/([^/]+)/invoke-with-bidirectional-stream\??")
_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]+)/bedrock/aws4_request, ?SignedHeaders=")


class StandIn(Provider):
    """Use it as `async with StandIn() as service:`, with `service.url` as `endpoint_uri` and `service.ca_pem` trusted.

    `word_seconds`: how long a word is, `pace`: how long it takes to make, `thinks`: how long before the first one,
    `deaf_for`: how long speech does not stop the model, `lifetime`: after how long a stream is ended by the service.
    `refuses`: (status, error type, message) of the coming requests. `says_before_calls`: what the model says before
    each call. `sessions`: the streams so far.
    """

    def __init__(self, cannot: Mapping[str, str] | None = None, *, word_seconds: float = 0.1) -> None:
        super().__init__(cannot)
        self.word_seconds = word_seconds
        self.pace = 0.0
        self.thinks = 0.03
        self.says_before_calls = ""
        self.deaf_for = 0.0
        self.lifetime = 480.0
        self.refuses: list[tuple[int, str, str]] = []
        self.refused: list[str] = []
        self.sessions: list[SonicSession] = []
        self._server = Server(self._serve)

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._server.__aexit__(*exc)

    @property
    def url(self) -> str:
        return f"https://localhost:{self._server.port}"

    @property
    def ca_pem(self) -> bytes:
        """The authority of the server's certificate."""
        return self._server.ca_pem

    @property
    def session(self) -> SonicSession:
        """The latest stream."""
        return self.sessions[-1]

    @property
    def open_connections(self) -> int:
        return len(self._server.connections)

    async def disconnect(self) -> None:
        self._server.disconnect()

    async def send_late(self) -> None:
        self._check("send_late")
        await self.session.send_late()

    # One stream.

    async def _serve(self, request: Request) -> None:
        refusal = self._refusal(request.headers)
        if refusal is not None:
            status, kind, message = refusal
            self.refused.append(message)
            request.start(status, {"content-type": "application/json", "x-amzn-errortype": kind})
            await request.send(json.dumps({"message": message}).encode())
            return
        request.start(200, {"content-type": "application/vnd.amazon.eventstream"})

        async def send(event: dict[str, Any] | bytes) -> None:
            data = event if isinstance(event, bytes) else json.dumps({"event": event}).encode()
            payload = json.dumps({"bytes": base64.b64encode(data).decode()}).encode()
            headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
            await request.send(Frame(headers, payload).encode())

        model = unquote(_path(request.headers)[1])
        session = SonicSession(self, send, cross_modal=model.startswith("amazon.nova-2"))
        self.sessions.append(session)
        try:
            await session.serve(_Body(request))
        except Refusal as refused:
            if refused.counts:
                self.refused.append(str(refused))
            headers = {
                ":exception-type": refused.kind,
                ":content-type": "application/json",
                ":message-type": "exception",
            }
            await request.send(Frame(headers, json.dumps({"message": str(refused)}).encode()).encode())

    def _refusal(self, headers: Mapping[str, str]) -> tuple[int, str, str] | None:
        if self.refuses:
            return self.refuses.pop(0)
        path = _PATH.fullmatch(headers[":path"])
        if headers[":method"] != "POST" or path is None:
            return 404, "UnknownOperationException", "There is no such operation."
        credential = _CREDENTIAL.match(headers.get("authorization", ""))
        if credential is None or credential[1] != KEY_ID:
            return 403, "UnrecognizedClientException", "The security token included in the request is invalid."
        if credential[2] != REGION:
            return 403, "InvalidSignatureException", "Credential should be scoped to a valid region."
        if headers.get("content-type") != "application/vnd.amazon.eventstream":
            return 400, "ValidationException", "The content type is not supported."
        if unquote(path[1]) not in MODELS:
            return 400, "ValidationException", "The provided model identifier is invalid."
        return None


class _Body:
    """The events that the client sends."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._decoder = Decoder()
        self._waiting: list[Frame] = []

    async def next(self) -> dict[str, Any] | None:
        """The next event, None at the end. Raises Refusal."""
        while not self._waiting:
            data = await self._request.read()
            if data is None:
                return None
            try:
                self._waiting += self._decoder.feed(data)
            except FramingError as error:
                raise Refusal(str(error)) from None
        return self._event(self._waiting.pop(0))

    def _event(self, signed: Frame) -> dict[str, Any] | None:
        if not {":date", ":chunk-signature"} <= signed.headers.keys():
            raise Refusal("The event is not signed.")
        if not signed.payload:
            return None  # What ends a signed stream.
        frame = decode(signed.payload)
        if frame.headers.get(":message-type") != "event" or frame.headers.get(":event-type") != "chunk":
            raise Refusal("The event type is not known.")
        try:
            body = json.loads(base64.b64decode(json.loads(frame.payload)["bytes"], validate=True))
            (name,) = body
            event = body["event"]
        except (ValueError, KeyError, TypeError):
            raise Refusal("Invalid input request, please fix your input and try again.") from None
        if name != "event" or not isinstance(event, dict) or len(event) != 1:
            raise Refusal("Invalid input request, please fix your input and try again.")
        return event


def _path(headers: Mapping[str, str]) -> re.Match[str]:
    path = _PATH.fullmatch(headers[":path"])
    assert path is not None
    return path
