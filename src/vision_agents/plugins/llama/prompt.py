"""From a conversation to the messages that a chat template takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from vision_agents.core.conversation import Message, Role
from vision_agents.core.llm import LLMRequest, Tool

Json = dict[str, Any]
Example = tuple[str, str]
"""What a user says, and what the agent answers."""

# SmolLM2 with 135 million parameters follows examples, not instructions: without these it lectures in lists
# and headings until it is cut off. With them it answers in a few spoken sentences. They cost a second of reading, once.
SMOLLM2_INSTRUCTIONS = "You're a helpful voice assistant."
SMOLLM2_EXAMPLES: tuple[Example, ...] = (
    ("Hi!", "Hello! What can I do for you today?"),
    (
        "Who are you?",
        "I'm a voice assistant that runs on your own computer. Ask me something, and interrupt me whenever you like.",
    ),
    (
        "How far away is the moon?",
        "The moon is about three hundred and eighty thousand kilometers away. "
        "Light needs a little more than one second to get here from there.",
    ),
    (
        "How do I make tea?",
        "Boil some water and pour it over the tea. Wait about four minutes, then take the tea out and enjoy it.",
    ),
)

# Many templates insist that a user speaks first; this stands before an agent's greeting.
_BEFORE_GREETING = "Hello!"

_CUT_OFF = "…"


def prefix(instructions: str, examples: Sequence[Example]) -> list[Json]:
    """The beginning of every prompt, which has to be read only once."""
    messages = [_text("system", instructions)] if instructions else []
    for asked, answered in examples:
        messages += [_text("user", asked), _text("assistant", answered)]
    return messages


def history(messages: Iterable[Message]) -> list[Json]:
    """The conversation, with users and assistant in turn as templates want it; an interrupted text ends in "…"."""
    result: list[Json] = []
    for message in messages:
        entry = _entry(message)
        if entry is None:
            continue
        if not result and entry["role"] == "assistant":
            result.append(_text("user", _BEFORE_GREETING))
        if result and _can_join(result[-1], entry):
            result[-1] = _text(entry["role"], f"{result[-1]['content']} {entry['content']}")
        else:
            result.append(entry)
    return result


def functions(request: LLMRequest) -> list[Json]:
    """The functions that the model may call."""
    return [_function(tool) for tool in request.tools]


def _entry(message: Message) -> Json | None:
    if message.role is Role.TOOL:
        return {"role": "tool", "tool_call_id": message.tool_call_id or "", "content": message.text}
    if message.tool_calls:
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
            }
            for call in message.tool_calls
        ]
        return {"role": "assistant", "content": message.text, "tool_calls": calls}
    text = message.text.strip()
    if not text:
        return None
    return _text(message.role.value, text + _CUT_OFF if message.interrupted else text)


def _can_join(first: Json, second: Json) -> bool:
    return first["role"] == second["role"] != "tool" and "tool_calls" not in first and "tool_calls" not in second


def _function(tool: Tool) -> Json:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _text(role: str, text: str) -> Json:
    # Half a surrogate pair, as a broken transcript may hold, cannot be encoded and would fail the whole prompt.
    return {"role": role, "content": text.encode("utf-8", "replace").decode("utf-8")}
