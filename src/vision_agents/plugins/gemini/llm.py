"""Text models of Gemini."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from google import genai
from google.genai import types

from vision_agents.core import llm as base
from vision_agents.core.conversation import Message, Role, ToolCall, spoken_text
from vision_agents.core.remote.requests import Stopped, StreamingRequests
from vision_agents.core.settings import check_number

from .client import ERRORS, GeminiError, explained, make_client
from .config import content, declarations

SERVICE_NAME = "Gemini"
DEFAULT_MODEL = "gemini-flash-latest"

# The SDK alone would wait up to 10 s before it repeats a request whose connection broke, and the caller with it.
_RETRY = types.HttpRetryOptions(attempts=2, initial_delay=0.1, max_delay=0.2, jitter=0.1, http_status_codes=[503])

# The SDK takes whichever of these is there, and raises its errors.
_CLIENTS = {"aiohttp": "ClientError", "httpx": "HTTPError", "httpx2": "HTTPError"}
_ERRORS = (*ERRORS, *(getattr(import_module(name), error) for name, error in _CLIENTS.items() if find_spec(name)))

# Function calls whose signatures are kept; the service wants them back with the calls.
SIGNATURES = 256


class LLM(base.LLM):
    """A text model of Gemini. An interruption closes the stream, which ends the work at the service.

    Args:
        model: its name, such as "gemini-flash-latest".
        temperature, max_output_tokens: as the API has them; None is its default.
        thinking_budget: tokens that the model may think with before it answers; 0 for none, -1 for as many as it wants,
            None for its default.
        config: the SDK's `GenerateContentConfig`, or a dict of its fields, for everything else. Instructions are set
            here; functions are added to its tools.
        api_key: by default from GEMINI_API_KEY or GOOGLE_API_KEY, as the SDK reads them.
        http_options: the SDK's `HttpOptions`, to make its client with.
        client: a client of the SDK, instead of the two before; it is not closed.

    Raises:
        ValueError: a key is missing, the configuration cannot be, or a number is out of its range.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        thinking_budget: int | None = None,
        config: types.GenerateContentConfigOrDict | None = None,
        api_key: str | None = None,
        http_options: types.HttpOptionsOrDict | None = None,
        client: genai.Client | None = None,
    ) -> None:
        if client is not None and (api_key is not None or http_options is not None):
            raise ValueError("pass either a client or what to make one from (api_key, http_options), not both")
        check_number("temperature", temperature, 0.0, 2.0, optional=True)
        check_number("max_output_tokens", max_output_tokens, 1, whole=True, optional=True)
        # -1 leaves it to the model.
        check_number("thinking_budget", thinking_budget, -1, whole=True, optional=True)
        super().__init__()
        self.model = model
        options: dict[str, Any] = {
            "temperature": temperature,
            "max_output_tokens": max_output_tokens,
            "thinking_config": None
            if thinking_budget is None
            else types.ThinkingConfig(thinking_budget=thinking_budget),
            # The functions are the agent's, which are called by this framework.
            "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
        }
        changes = {name: value for name, value in options.items() if value is not None}
        given = types.GenerateContentConfig.model_validate(config or {})
        if given.http_options is None:
            changes["http_options"] = types.HttpOptions(retry_options=_RETRY)
        self._config = given.model_copy(update=changes)
        make_own = partial(make_client, api_key, http_options)
        self._make_client = make_own if client is None else None
        self._client: genai.Client | None = client or make_own()
        self._requests = StreamingRequests(SERVICE_NAME, _ERRORS, explained, GeminiError)
        self._signatures: OrderedDict[str, bytes] = OrderedDict()
        self._calls = 0

    async def start(self) -> None:
        """Make the client anew, if `close` has closed it."""
        if self._client is None and self._make_client is not None:
            self._client = self._make_client()

    async def stream(self, request: base.LLMRequest) -> AsyncGenerator[str | ToolCall, None]:
        """Answer `request`. Raises GeminiError."""

        async def begin() -> _Stream:
            assert self._client is not None, "the model was closed, and not started again"
            return _Stream(
                await self._client.aio.models.generate_content_stream(
                    model=self.model, contents=list(self._contents(request)), config=self._configured(request)
                )
            )

        with suppress(Stopped):
            async with aclosing(self._requests.stream(begin, self.epoch, _is_last)) as chunks:
                async for chunk in chunks:
                    for part in _parts(chunk):
                        if part.function_call is not None:
                            yield self._called(part)
                        elif part.text and not part.thought:
                            yield part.text

    async def cancel_work(self) -> None:
        self._requests.stop(before=self.epoch)

    async def close(self) -> None:
        """End what is being written and close the client. Harmless twice."""
        self._requests.stop()
        client = self._client
        if client is not None and self._make_client is not None:
            self._client = None
            await client.aio.aclose()

    def _configured(self, request: base.LLMRequest) -> types.GenerateContentConfig:
        changes: dict[str, Any] = {}
        if request.instructions:
            changes["system_instruction"] = request.instructions
        if request.tools:
            changes["tools"] = [
                *(self._config.tools or []),
                types.Tool(function_declarations=declarations(request.tools)),
            ]
        return self._config.model_copy(update=changes)

    def _called(self, part: types.Part) -> ToolCall:
        call = part.function_call
        assert call is not None
        self._calls += 1
        # The service numbers calls only where it has to tell them apart.
        name = call.id or f"call-{id(self):x}-{self._calls}"
        if part.thought_signature is not None:
            self._signatures[name] = part.thought_signature
            while len(self._signatures) > SIGNATURES:
                self._signatures.popitem(last=False)
        return ToolCall(name, call.name or "", dict(call.args or {}))

    def _contents(self, request: base.LLMRequest) -> Iterator[types.Content]:
        """The history in the service's form: the outputs of one message's calls are one message of the user's."""
        names: dict[str, str] = {}
        outputs: list[types.Part] = []
        for message in request.messages:
            if message.role is Role.TOOL:
                outputs.append(_output(message, names))
                continue
            if outputs:
                yield types.Content(role="user", parts=outputs)
                outputs = []
            names.update((call.id, call.name) for call in message.tool_calls)
            if message.tool_calls:
                yield types.Content(role="model", parts=list(self._call_parts(message)))
            else:
                yield content("model" if message.role is Role.ASSISTANT else "user", spoken_text(message))
        if outputs:
            yield types.Content(role="user", parts=outputs)

    def _call_parts(self, message: Message) -> Iterator[types.Part]:
        if text := spoken_text(message):
            yield types.Part(text=text)
        for call in message.tool_calls:
            made = types.FunctionCall(id=call.id, name=call.name, args=dict(call.arguments))
            yield types.Part(function_call=made, thought_signature=self._signatures.get(call.id))


class _Stream:
    """The SDK's stream, which closes the connection when it is left."""

    def __init__(self, chunks: AsyncIterator[types.GenerateContentResponse]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[types.GenerateContentResponse]:
        return self._chunks

    async def close(self) -> None:
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()


def _output(message: Message, names: dict[str, str]) -> types.Part:
    call = message.tool_call_id or ""
    response = {"output": spoken_text(message)}
    return types.Part(function_response=types.FunctionResponse(id=call, name=names.get(call, ""), response=response))


def _parts(chunk: types.GenerateContentResponse) -> list[types.Part]:
    candidates = chunk.candidates or []
    if not candidates or candidates[0].content is None:
        return []
    return candidates[0].content.parts or []


def _is_last(chunk: types.GenerateContentResponse) -> bool:
    blocked = chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason is not None
    return blocked or any(candidate.finish_reason for candidate in chunk.candidates or ())
