"""Responses and Chat Completions: a request is checked, then answered word by word."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from aiohttp import web
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

from vision_agents.core.conversation import ToolCall
from vision_agents.testing.contract import Answer

from .errors import Refusal, check_failure, check_model, of_type, one_of, only, required

if TYPE_CHECKING:
    from .server import StandIn

Json = dict[str, Any]


class TextEndpoint:
    """What both have in common."""

    def __init__(self, service: StandIn) -> None:
        self._service: StandIn = service
        self._bodies: list[Json] = service.bodies

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The handler of the route."""
        body = await request.json()
        with self._service.answering() as answer:
            self.check(body)
            check_model(body["model"])
            self._bodies.append(body)
            check_failure(answer)
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
            await response.prepare(request)
            if answer.failure == "malformed":
                await response.write(b"data: {this is not JSON\n\n")
                return response
            async for message in self.messages(body, self._service.next_said(), answer):
                await response.write(message)
                if self._service.breaks_off and answer.sent:
                    break
            return response

    def check(self, body: Json) -> None:
        """Refuse what the service would refuse."""
        raise NotImplementedError

    def messages(self, body: Json, said: str | ToolCall, answer: Answer) -> AsyncIterator[bytes]:
        """The answer as it goes over the wire."""
        raise NotImplementedError


def pieces(text: str) -> list[str]:
    """A text as it streams."""
    return re.findall(r"\s*\S+", text)


class Responses(TextEndpoint):
    """POST /v1/responses"""

    def check(self, body: Json) -> None:
        only(body, *ResponseCreateParamsStreaming.__annotations__)
        required(body, "model", "input")
        one_of(body.get("stream"), True, where="stream")
        of_type(body["input"], list, "input")
        if not body["input"]:
            raise Refusal(400, "Invalid 'input': empty array.", code="empty_array", param="input")
        calls: set[str] = set()
        answered: set[str] = set()
        for number, item in enumerate(body["input"]):
            self._check_item(item, f"input[{number}].", calls, answered)
        if calls - answered:
            raise Refusal(400, f"No tool output found for function call {calls - answered}.", param="input")
        for number, tool in enumerate(body.get("tools", ())):
            where = f"tools[{number}]."
            only(tool, "type", "name", "description", "parameters", "strict", where=where)
            required(tool, "type", "name", where=where)
            one_of(tool["type"], "function", where=where)

    @staticmethod
    def _check_item(item: Json, where: str, calls: set[str], answered: set[str]) -> None:
        match item.get("type", "message"):
            case "message":
                only(item, "type", "role", "content", "status", "id", "phase", where=where)
                required(item, "role", "content", where=where)
                one_of(item["role"], "user", "assistant", "system", "developer", where=f"{where}role")
                of_type(item["content"], (str, list), f"{where}content")
            case "function_call":
                only(item, "type", "call_id", "name", "arguments", "id", "status", where=where)
                required(item, "call_id", "name", "arguments", where=where)
                json.loads(item["arguments"])
                calls.add(item["call_id"])
            case "function_call_output":
                only(item, "type", "call_id", "output", "id", "status", where=where)
                required(item, "call_id", "output", where=where)
                if item["call_id"] not in calls:
                    text = f"No tool call found for function call output with call_id {item['call_id']}."
                    raise Refusal(400, text, param="input")
                answered.add(item["call_id"])
            case other:
                one_of(other, "message", "function_call", "function_call_output", where=f"{where}type")

    async def messages(self, body: Json, said: str | ToolCall, answer: Answer) -> AsyncIterator[bytes]:
        numbers = count()
        response = {
            "id": "resp_1",
            "object": "response",
            "created_at": 1,
            "status": "in_progress",
            "model": body["model"],
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": body.get("tools", []),
        }

        def event(kind: str, **fields: Any) -> bytes:
            data = {"type": kind, "sequence_number": next(numbers), **fields}
            return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()

        yield event("response.created", response=response)
        yield event("response.in_progress", response=response)
        output: list[Json] = []
        before = self._service.says_before_calls if isinstance(said, ToolCall) else ""
        aloud = "" if isinstance(said, ToolCall) else self._service.thinks_aloud
        parts = [self._message(text, "commentary") for text in (before, aloud) if text]
        parts.append(self._call(said) if isinstance(said, ToolCall) else self._message(said, "final_answer"))
        for kind, fields, waits in chain(*parts):
            if waits and self._service.fails_midway:
                error = {"code": "server_error", "message": "The model gave up."}
                yield event("response.failed", response=response | {"status": "failed", "error": error})
                return
            if waits:
                await answer.permit()
            if kind == "response.output_item.done":
                output.append(fields["item"])
            yield event(kind, output_index=len(output), **fields)
        used = {"input_tokens": 10, "output_tokens": 4, "total_tokens": 14}
        details = {"input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0}}
        usage = used | details | {"output_tokens_details": {"reasoning_tokens": 1}}
        yield event("response.completed", response=response | {"status": "completed", "output": output, "usage": usage})

    @staticmethod
    def _message(text: str, phase: str) -> Iterator[tuple[str, Json, bool]]:
        item: Json = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        item["phase"] = phase
        here = {"item_id": "msg_1", "content_index": 0}
        part = {"type": "output_text", "text": "", "annotations": []}
        yield "response.output_item.added", {"item": item}, False
        yield "response.content_part.added", {**here, "part": part}, False
        for piece in pieces(text):
            yield "response.output_text.delta", {**here, "delta": piece, "logprobs": []}, True
        whole = part | {"text": text}
        yield "response.output_text.done", {**here, "text": text, "logprobs": []}, False
        yield "response.content_part.done", {**here, "part": whole}, False
        yield "response.output_item.done", {"item": item | {"status": "completed", "content": [whole]}}, False

    @staticmethod
    def _call(call: ToolCall) -> Iterator[tuple[str, Json, bool]]:
        arguments = json.dumps(dict(call.arguments))
        item: Json = {
            "id": "fc_1",
            "type": "function_call",
            "status": "in_progress",
            "call_id": call.id,
            "name": call.name,
            "arguments": "",
        }
        yield "response.output_item.added", {"item": item}, False
        for start in range(0, len(arguments), 5):
            delta = arguments[start : start + 5]
            yield "response.function_call_arguments.delta", {"item_id": "fc_1", "delta": delta}, True
        done = {"item_id": "fc_1", "name": call.name, "arguments": arguments}
        yield "response.function_call_arguments.done", done, False
        yield "response.output_item.done", {"item": item | {"status": "completed", "arguments": arguments}}, False


class ChatCompletions(TextEndpoint):
    """POST /v1/chat/completions"""

    def check(self, body: Json) -> None:
        only(body, *CompletionCreateParamsStreaming.__annotations__)
        if self._service.tells_no_usage and "stream_options" in body:
            raise Refusal(422, "Extra inputs are not permitted: stream_options", param="stream_options")
        required(body, "model", "messages")
        one_of(body.get("stream"), True, where="stream")
        of_type(body["messages"], list, "messages")
        owed: list[str] = []
        for number, message in enumerate(body["messages"]):
            where = f"messages[{number}]."
            only(message, "role", "content", "name", "tool_calls", "tool_call_id", where=where)
            required(message, "role", where=where)
            one_of(message["role"], "system", "developer", "user", "assistant", "tool", where=f"{where}role")
            if message["role"] == "tool":
                if message.get("tool_call_id") not in owed:
                    text = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
                    raise Refusal(400, text, param=f"{where}role")
                owed.remove(message["tool_call_id"])
                continue
            self._check_owed(owed)
            if message["role"] == "assistant" and message.get("tool_calls"):
                owed = [call["id"] for call in message["tool_calls"]]
            else:
                of_type(message.get("content"), (str, list), f"{where}content")
        self._check_owed(owed)

    @staticmethod
    def _check_owed(owed: list[str]) -> None:
        if owed:
            text = (
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each of them."
            )
            raise Refusal(400, f"{text} These have none: {owed}", param="messages")

    async def messages(self, body: Json, said: str | ToolCall, answer: Answer) -> AsyncIterator[bytes]:
        def chunk(delta: Json | None, finish: str | None = None) -> bytes:
            if self._service.tells_no_reason:
                finish = None
            data = {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": body["model"],
                "choices": [],
            }
            if delta is None:
                data["usage"] = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
                data["usage"]["prompt_tokens_details"] = {"cached_tokens": 2}
            else:
                data["choices"] = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
            return f"data: {json.dumps(data)}\n\n".encode()

        if isinstance(said, ToolCall):
            function: Json = {"name": said.name, "arguments": ""}
            head = {"index": 0, "id": said.id, "type": "function", "function": function}
            yield chunk({"role": "assistant", "content": None, "tool_calls": [head]})
            arguments = json.dumps(dict(said.arguments))
            for start in range(0, len(arguments), 5):
                await answer.permit()
                piece = {"arguments": arguments[start : start + 5]}
                yield chunk({"tool_calls": [{"index": 0, "function": piece}]})
            yield chunk({}, "tool_calls")
        else:
            yield chunk({"role": "assistant", "content": ""})
            for text in pieces(said):
                await answer.permit()
                parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": text}]
                yield chunk({"content": parts if self._service.sends_parts else text})
            yield chunk({}, "stop")
        if (body.get("stream_options") or {}).get("include_usage"):
            yield chunk(None)
        yield b"data: [DONE]\n\n"
