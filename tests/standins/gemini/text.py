"""A loopback server of `streamGenerateContent`, over TLS: a request is checked, then answered word by word."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

from aiohttp import web
from google.genai import types

from vision_agents.core.conversation import ToolCall
from vision_agents.testing.contract import Answer, Provider

from .server import KEY, authority

Json = dict[str, Any]

MODELS = {"gemini-flash-latest"}

SIGNATURE = "c2lnbmVk"  # base64


class Refusal(Exception):
    """A request that is refused, in the words of the service."""

    def __init__(self, code: int, status: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.body = {"error": {"code": code, "message": message, "status": status}}


class TextStandIn(Provider):
    """Use it as `async with TextStandIn() as service:`, and give `service.http_options` to the SDK.

    `bodies`: the requests so far. `breaks_off`: answers end in the middle, in all peace.
    """

    def __init__(self, cannot: Mapping[str, str] | None = None) -> None:
        super().__init__(cannot)
        self.bodies: list[Json] = []
        self.refused: list[Refusal] = []
        self.breaks_off = False
        self.thinks = ""
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post(r"/{version:v1(?:beta)?}/models/{model:[^/:]+}:streamGenerateContent", self._generate)
        # Without this a handler would not notice that the client has gone.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority().issue_cert("localhost").configure_cert(context)
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def http_options(self) -> types.HttpOptions:
        """How the SDK finds it."""
        context = ssl.create_default_context()
        authority().configure_trust(context)
        return types.HttpOptions(base_url=f"https://localhost:{self._port}", async_client_args={"ssl": context})

    async def disconnect(self) -> None:
        self._check("disconnect")
        assert self._runner is not None
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    def count_connections(self) -> int:
        assert self._runner is not None
        assert self._runner.server is not None
        return len(self._runner.server.connections)

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        body = camel_case(await request.json())
        with self.answering() as answer:
            try:
                self._check_request(request, body, answer)
            except Refusal as refusal:
                self.refused.append(refusal)
                return web.json_response(refusal.body, status=refusal.code)
            self.bodies.append(body)
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            if answer.failure == "malformed":
                await response.write(b"data: {this is not JSON\n\n")
                return response
            async for chunk in self._chunks(self.next_said(), answer):
                await response.write(f"data: {json.dumps(chunk)}\r\n\r\n".encode())
                if self.breaks_off and answer.sent:
                    break
            return response

    def _check_request(self, request: web.Request, body: Json, answer: Answer) -> None:
        if request.headers.get("x-goog-api-key") != KEY:
            raise Refusal(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
        model = request.match_info["model"]
        if model not in MODELS:
            raise Refusal(404, "NOT_FOUND", f"models/{model} is not found for API version v1beta")
        if answer.failure == "error":
            raise Refusal(500, "INTERNAL", "An internal error has occurred.")
        if answer.failure == "quota":
            raise Refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.")
        unknown = set(body) - {"contents", "systemInstruction", "generationConfig", "tools", "safetySettings"}
        if unknown or request.query.get("alt") != "sse":
            raise Refusal(400, "INVALID_ARGUMENT", f"Invalid JSON payload received. Unknown name {sorted(unknown)}")
        check_contents(body["contents"])

    async def _chunks(self, said: str | ToolCall, answer: Answer) -> AsyncIterator[Json]:
        if self.thinks:
            yield candidate({"text": self.thinks, "thought": True})
        if isinstance(said, ToolCall):
            await answer.permit()
            call = {"name": said.name, "args": dict(said.arguments)}
            yield candidate({"functionCall": call, "thoughtSignature": SIGNATURE})
        else:
            for piece in re.findall(r"\s*\S+", said):
                await answer.permit()
                yield candidate({"text": piece})
        # The end comes with a part that has nothing in it.
        yield candidate({"text": ""}, "STOP") | {"usageMetadata": {"totalTokenCount": 3}}


def camel_case(value: Any) -> Any:
    """What the service reads: its JSON may have either spelling of a field's name, and the SDK sends both."""
    if isinstance(value, list):
        return [camel_case(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {re.sub(r"_(\w)", lambda found: found[1].upper(), name): camel_case(each) for name, each in value.items()}


def candidate(part: Json, finish: str | None = None) -> Json:
    """One piece of an answer."""
    made: Json = {"content": {"parts": [part], "role": "model"}, "index": 0}
    if finish is not None:
        made["finishReason"] = finish
    return {"candidates": [made], "modelVersion": "gemini-flash-latest", "responseId": "r"}


def check_contents(contents: list[Json]) -> None:
    """Refuse a history that the service would refuse."""
    if not contents or contents[-1]["role"] != "user":
        raise Refusal(400, "INVALID_ARGUMENT", "Please ensure that single turn requests end with a user role.")
    owed: list[str] = []
    for turn in contents:
        for content in (parts := turn["parts"]):
            types.Part.model_validate(content)
        answers = [part["functionResponse"]["name"] for part in parts if "functionResponse" in part]
        if answers != owed:
            raise Refusal(
                400,
                "INVALID_ARGUMENT",
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn.",
            )
        owed = [part["functionCall"]["name"] for part in parts if "functionCall" in part]
