"""Acme's text model: a connection for each request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from vision_agents.core import llm
from vision_agents.core.conversation import Message, ToolCall
from vision_agents.core.llm import LLMRequest

from .wire import ADDRESS, Lines


class LLM(llm.LLM):
    """Text from the service at `address` ("host:port")."""

    def __init__(self, address: str = ADDRESS) -> None:
        super().__init__()
        self._lines = Lines(address)

    async def stream(self, request: LLMRequest) -> AsyncIterator[str | ToolCall]:
        """Stream the answer. Raises AcmeError."""
        tools = [{"name": tool.name, "parameters": dict(tool.parameters)} for tool in request.tools]
        messages = [as_json(message) for message in request.messages]
        async with self._lines.connected() as line:
            await line.send(kind="answer", instructions=request.instructions, messages=messages, tools=tools)
            while "done" not in (message := await line.receive()):
                yield ToolCall(**message["call"]) if "call" in message else message["text"]

    async def close(self) -> None:
        self._lines.close()
        await self.events.close()


def as_json(message: Message) -> dict[str, Any]:
    """A message of the history as Acme wants it."""
    calls = [{"id": call.id, "name": call.name, "arguments": dict(call.arguments)} for call in message.tool_calls]
    return {"role": message.role.value, "text": message.text, "calls": calls, "result_of": message.tool_call_id}
