"""Text models of OpenAI, by the Responses API."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, closing, suppress
from typing import Any

import openai
from openai.types.responses import (
    EasyInputMessageParam,
    FunctionToolParam,
    ResponseFunctionToolCall,
    ResponseInputItemParam,
    ResponseOutputMessage,
    ResponseStreamEvent,
)

from vision_agents.core import llm as base
from vision_agents.core.conversation import CUT, Message, Role, ToolCall, spoken_text
from vision_agents.core.settings import check_number

from .client import TIMEOUT, failure, make_client
from .context import history_tokens
from .phases import Phases, Writing
from .stream import Requests, Stopped
from .usage import of_response

SERVICE_NAME = "OpenAI Responses"


class LLM(base.LLM):
    """A text model of OpenAI. An interruption closes the stream, which ends the work at the service.

    Args:
        model: its name, such as "gpt-5.4".
        api_key, base_url, organization, project: by default from OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_ORG_ID and
            OPENAI_PROJECT_ID.
        temperature, max_output_tokens, reasoning_effort, service_tier: as the API has them; None is its default.
        timeout: seconds without a sign of life from the service before a request is given up.
        max_retries: how often a request is repeated that failed before its first byte.
        client: a client of the SDK to use instead; it is not closed.

    Nothing is stored at the service: each request brings the whole conversation.

    Raises:
        ValueError: there is no key, or a number is out of its range.
    """

    def __init__(
        self,
        model: str = "gpt-5.4",
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        reasoning_effort: str | None = None,
        service_tier: str | None = None,
        timeout: float = TIMEOUT,
        max_retries: int = openai.DEFAULT_MAX_RETRIES,
        client: openai.AsyncOpenAI | None = None,
    ) -> None:
        check_number("temperature", temperature, 0.0, 2.0, optional=True)
        check_number("max_output_tokens", max_output_tokens, 1, whole=True, optional=True)
        super().__init__()
        self.model = model

        # No partial: its repr would show the key.
        def make_own() -> openai.AsyncOpenAI:
            return make_client(api_key, base_url, organization, project, timeout, max_retries)

        self._make_client = make_own if client is None else None
        self._client = make_own() if client is None else client
        options: dict[str, Any] = {
            "temperature": temperature,
            "max_output_tokens": max_output_tokens,
            "reasoning": {"effort": reasoning_effort} if reasoning_effort else None,
            "service_tier": service_tier,
        }
        self._options = {name: value for name, value in options.items() if value is not None}
        self._requests = Requests(SERVICE_NAME)
        self._phases = Phases()
        self.history_tokens = history_tokens(model) or self.history_tokens

    async def start(self) -> None:
        """Make the client anew, if `close` has closed it."""
        if self._make_client is not None and self._client.is_closed():
            self._client = self._make_client()

    async def stream(self, request: base.LLMRequest) -> AsyncGenerator[str | ToolCall, None]:
        """Answer `request`. Raises OpenAIError."""

        async def begin() -> openai.AsyncStream[ResponseStreamEvent]:
            stream: openai.AsyncStream[ResponseStreamEvent] = await self._client.responses.create(
                model=self.model,
                instructions=request.instructions or openai.omit,
                input=[item for message in request.messages for item in _items(message, self._phases)],
                tools=[_tool(tool) for tool in request.tools] or openai.omit,
                store=False,
                stream=True,
                **self._options,
            )
            return stream

        epoch, writing = self.epoch, Writing(self._phases)
        with suppress(Stopped), closing(writing):
            async with aclosing(self._requests.stream(begin, epoch, _is_last)) as events:
                async for event in events:
                    match event.type:
                        case "response.output_text.delta" | "response.refusal.delta":
                            writing.write(event.delta)
                            yield event.delta
                        case "response.output_item.added" if isinstance(event.item, ResponseOutputMessage):
                            if gap := writing.begin(event.item.phase):
                                yield gap
                        case "response.output_item.done" if isinstance(event.item, ResponseOutputMessage):
                            writing.complete(event.item.phase)
                        case "response.output_item.done" if isinstance(event.item, ResponseFunctionToolCall):
                            yield _tool_call(event.item)
                        case "response.completed" | "response.incomplete" if event.response.usage is not None:
                            self.report_usage(of_response(event.response.usage, self.model), epoch)
                        case "response.failed":
                            error = event.response.error
                            text = error.message if error else "the answer failed, and it does not say why"
                            raise failure(SERVICE_NAME, text, error.code if error else None)
                        case "error":
                            raise failure(SERVICE_NAME, event.message, event.code)

    async def cancel_work(self) -> None:
        self._requests.stop(before=self.epoch)

    async def close(self) -> None:
        """End what is being written and close the client. Harmless twice."""
        self._requests.stop()
        if self._make_client is not None:
            await self._client.close()


def _is_last(event: ResponseStreamEvent) -> bool:
    # An incomplete answer reached `max_output_tokens`: that is all there is.
    return event.type in ("response.completed", "response.incomplete")


def _tool(tool: base.Tool) -> FunctionToolParam:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
        # Strict schemas know no optional parameters; those of Python functions have them.
        "strict": False,
    }


def _tool_call(item: ResponseFunctionToolCall) -> ToolCall:
    return ToolCall.from_json(item.call_id, item.name, item.arguments)


def _items(message: Message, phases: Phases) -> Iterator[ResponseInputItemParam]:
    if message.role is Role.TOOL:
        yield {"type": "function_call_output", "call_id": message.tool_call_id or "", "output": message.text}
    elif message.role is Role.USER:
        yield {"role": "user", "content": message.text}
    elif text := spoken_text(message):
        *parts, (rest, last) = phases.divide(text.removesuffix(CUT))
        for part, phase in (*parts, (rest + CUT if text.endswith(CUT) else rest, last)):
            said: EasyInputMessageParam = {"role": "assistant", "content": part}
            if phase is not None:
                said["phase"] = phase
            yield said
    for call in message.tool_calls:
        arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
        yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}
