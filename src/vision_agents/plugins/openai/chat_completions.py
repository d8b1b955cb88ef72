"""Any server that speaks OpenAI's Chat Completions: Ollama, vLLM, llama.cpp, and many services."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import openai
from openai.types import CompletionUsage
from openai.types.chat import (
    ChatCompletionChunk,
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageParam,
    ChatCompletionStreamOptionsParam,
)
from openai.types.chat.chat_completion_chunk import Choice, ChoiceDeltaToolCall

from vision_agents.core import llm as base
from vision_agents.core.conversation import Message, Role, ToolCall, spoken_text
from vision_agents.core.settings import check_number

from .client import TIMEOUT, make_client
from .context import history_tokens
from .stream import Requests, Stopped
from .usage import of_completion


class ChatCompletionsLLM(base.LLM):
    """A text model behind Chat Completions. An interruption closes the stream, which ends the work at the server.

    Args:
        model: its name at the server.
        base_url: the server's address up to and with "/v1", such as "http://127.0.0.1:11434/v1" for Ollama; by default
            from OPENAI_BASE_URL, or OpenAI itself.
        api_key, organization, project: by default from OPENAI_API_KEY, OPENAI_ORG_ID and OPENAI_PROJECT_ID. With a
            `base_url` no key is needed.
        temperature, max_tokens: as the API has them; None is the server's default.
        extra_body: further fields for the request, for what only one server knows.
        timeout: seconds without a sign of life from the server before a request is given up.
        max_retries: how often a request is repeated that failed before its first byte.
        client: a client of the SDK to use instead; it is not closed.

    Raises:
        ValueError: there is neither a key nor a `base_url`, or a number is out of its range.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        extra_body: dict[str, Any] | None = None,
        timeout: float = TIMEOUT,
        max_retries: int = openai.DEFAULT_MAX_RETRIES,
        client: openai.AsyncOpenAI | None = None,
    ) -> None:
        check_number("temperature", temperature, 0.0, optional=True)
        check_number("max_tokens", max_tokens, 1, whole=True, optional=True)
        super().__init__()
        self.model = model

        # No partial: its repr would show the key.
        def make_own() -> openai.AsyncOpenAI:
            return make_client(api_key, base_url, organization, project, timeout, max_retries)

        self._make_client = make_own if client is None else None
        self._client = make_own() if client is None else client
        options: dict[str, Any] = {"temperature": temperature, "max_tokens": max_tokens, "extra_body": extra_body}
        self._options = {name: value for name, value in options.items() if value is not None}
        # An answer of this server had a `finish_reason`, so one without is not whole. Other servers never tell any.
        self._tells_reason = False
        self.history_tokens = history_tokens(model) or self.history_tokens
        # It has not refused to be asked for its usage, as older servers do.
        self._tells_usage = True
        self._requests = Requests(f"Chat Completions at {self._client.base_url.host}")

    async def start(self) -> None:
        """Make the client anew, if `close` has closed it."""
        if self._make_client is not None and self._client.is_closed():
            self._client = self._make_client()

    async def stream(self, request: base.LLMRequest) -> AsyncGenerator[str | ToolCall, None]:
        """Answer `request`. Raises OpenAIError."""

        epoch, usage = self.epoch, None
        calls = Calls()
        complete = False
        with suppress(Stopped):
            async with aclosing(
                self._requests.stream(partial(self._begin, request), epoch, self._may_be_last)
            ) as chunks:
                async for chunk in chunks:
                    told = getattr(chunk, "usage", None)
                    usage = told if isinstance(told, CompletionUsage) else usage  # Some tell it with each, counting up.
                    complete = complete or _is_last(chunk)
                    for choice in _choices(chunk)[:1]:
                        if text := _text(getattr(choice.delta, "content", None)):
                            yield text
                        calls.add(getattr(choice.delta, "tool_calls", None))
            self._tells_reason = self._tells_reason or complete
            if usage is not None:
                self.report_usage(of_completion(usage, self.model), epoch)
            if not complete and not all(call.is_whole for call in calls.all):
                raise self._requests.broken_off()
            for call in calls.all:
                yield call.whole()

    async def _begin(self, request: base.LLMRequest) -> openai.AsyncStream[ChatCompletionChunk]:
        try:
            return await self._create(request, {"include_usage": True} if self._tells_usage else openai.omit)
        except openai.APIStatusError as error:
            if not self._tells_usage or "stream_options" not in str(error):
                raise
        self._tells_usage = False
        return await self._create(request, openai.omit)

    async def _create(
        self, request: base.LLMRequest, stream_options: ChatCompletionStreamOptionsParam | openai.Omit
    ) -> openai.AsyncStream[ChatCompletionChunk]:
        stream: openai.AsyncStream[ChatCompletionChunk] = await self._client.chat.completions.create(
            model=self.model,
            messages=_messages(request),
            tools=[_tool(tool) for tool in request.tools] or openai.omit,
            stream=True,
            stream_options=stream_options,
            **self._options,
        )
        return stream

    def _may_be_last(self, chunk: ChatCompletionChunk) -> bool:
        """Return whether the answer may end with this: of a server that never tells a reason, with anything."""
        return not self._tells_reason or _is_last(chunk)

    async def cancel_work(self) -> None:
        self._requests.stop(before=self.epoch)

    async def close(self) -> None:
        """End what is being written and close the client. Harmless twice."""
        self._requests.stop()
        if self._make_client is not None:
            await self._client.close()


@dataclass(slots=True)
class Call:
    """A function call, which comes in pieces."""

    id: str = ""
    name: str = ""
    arguments: str = ""

    def add(self, piece: ChoiceDeltaToolCall) -> None:
        self.id = piece.id or self.id
        if piece.function is not None:
            self.name = piece.function.name or self.name
            self.arguments += _json(piece.function.arguments)

    @property
    def is_whole(self) -> bool:
        """Return whether nothing is missing: a name, and arguments that can be read."""
        try:
            json.loads(self.arguments or "{}")
        except ValueError:
            return False
        return bool(self.name)

    def whole(self) -> ToolCall:
        # Some servers give none, and the outputs of several calls would be mixed up.
        return ToolCall.from_json(self.id or f"call_{uuid4().hex}", self.name, self.arguments)


class Calls:
    """The function calls of an answer, in the order in which they began."""

    def __init__(self) -> None:
        self.all: list[Call] = []
        self._latest: dict[int | None, Call] = {}

    def add(self, pieces: Any) -> None:
        """Take what a delta has of them, if it has anything."""
        for piece in pieces if isinstance(pieces, list) else ():
            if isinstance(piece, ChoiceDeltaToolCall):
                self._call_of(piece).add(piece)

    def _call_of(self, piece: ChoiceDeltaToolCall) -> Call:
        # Some servers number none of them, or all alike: a second id is a second call.
        call = self._latest.get(piece.index)
        if call is None or (piece.id and call.id and piece.id != call.id):
            call = self._latest[piece.index] = Call()
            self.all.append(call)
        return call


def _json(arguments: Any) -> str:
    """The text of a piece of arguments; some servers send them read."""
    return arguments if isinstance(arguments, str) else "" if arguments is None else json.dumps(arguments)


def _text(content: Any) -> str:
    """Returns the text of a delta's content: other servers send parts, of which not all are text."""
    parts = content if isinstance(content, list) else [content]
    return "".join(text for text in map(_text_of_part, parts) if isinstance(text, str))


def _text_of_part(part: Any) -> Any:
    return part.get("text") if isinstance(part, dict) and part.get("type") == "text" else part


def _choices(chunk: ChatCompletionChunk) -> list[Choice]:
    """The choices of a chunk: other servers send chunks that have none, and things that are no chunk."""
    choices: Any = getattr(chunk, "choices", None)
    return [choice for choice in choices if isinstance(choice, Choice)] if isinstance(choices, list) else []


def _is_last(chunk: ChatCompletionChunk) -> bool:
    return any(choice.finish_reason for choice in _choices(chunk))


def _tool(tool: base.Tool) -> ChatCompletionFunctionToolParam:
    parameters = dict(tool.parameters)
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": parameters},
    }


def _messages(request: base.LLMRequest) -> list[ChatCompletionMessageParam]:
    messages: list[ChatCompletionMessageParam] = []
    if request.instructions:
        # "developer" is what OpenAI calls it now; other servers know only "system", and OpenAI takes both.
        messages.append({"role": "system", "content": request.instructions})
    return messages + [_message(message) for message in request.messages]


def _message(message: Message) -> ChatCompletionMessageParam:
    text = spoken_text(message)
    if message.role is Role.TOOL:
        return {"role": "tool", "tool_call_id": message.tool_call_id or "", "content": text}
    if message.role is Role.USER:
        return {"role": "user", "content": text}
    if not message.tool_calls:
        return {"role": "assistant", "content": text}
    return {
        "role": "assistant",
        "content": text or None,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments), ensure_ascii=False)},
            }
            for call in message.tool_calls
        ],
    }
