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

# SmolLM2 with 135 million parameters follows examples more than instructions: without these it lectures in lists and
# headings until it is cut off. They say nothing of who it is, which is the instructions' business, and show that what
# stands right before a question (`recall`) is what to answer from. They cost half a second of reading, once.
SMOLLM2_INSTRUCTIONS = "You're a helpful voice assistant."
SMOLLM2_EXAMPLES: tuple[Example, ...] = (
    (
        "How do I make tea?",
        "Boil some water and pour it over the tea. Wait about four minutes, then take the tea out and enjoy it.",
    ),
    (
        "Tickets cost four dollars, and a map costs two dollars. How much is a map?",
        "A map costs two dollars.",
    ),
    (
        "The museum is shut on Mondays. Can I come on Monday?",
        "No, the museum is shut on Mondays.",
    ),
)

# Many templates insist that a user speaks first; this stands before an agent's greeting.
_BEFORE_GREETING = "Hello!"

CUT_OFF = "…"
"""Marks a reply that was interrupted."""


def prefix(instructions: str, examples: Sequence[Example]) -> list[Json]:
    """The beginning of every prompt, which has to be read only once."""
    messages = [_text("system", instructions)] if instructions else []
    for asked, answered in examples:
        messages += [_text("user", asked), _text("assistant", answered)]
    return messages


def history(messages: Iterable[Message], cut: str = CUT_OFF) -> list[Json]:
    """The conversation, with users and assistant in turn as templates want it; an interrupted text ends in `cut`."""
    result: list[Json] = []
    for message in messages:
        entry = _entry(message, cut)
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


def shown_from(messages: Sequence[Message], exchanges: int) -> int:
    """The beginning of the part of a conversation that has one to `exchanges` exchanges before the last turn; 0: none.

    It moves by several at once: a model that has read it reads it anew only then.
    """
    places = range(len(messages))
    turns = [n for n in places if messages[n].role is Role.USER and not (n and messages[n - 1].role is Role.USER)]
    if not exchanges:
        return turns[-1] if turns else 0
    first = (len(turns) - 1) // exchanges * exchanges - 1
    return turns[first] if first > 0 else 0


def _entry(message: Message, cut: str) -> Json | None:
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
    return _text(message.role.value, text + cut if message.interrupted else text)


def _can_join(first: Json, second: Json) -> bool:
    return first["role"] == second["role"] != "tool" and "tool_calls" not in first and "tool_calls" not in second


def _function(tool: Tool) -> Json:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _text(role: str, text: str) -> Json:
    # Half a surrogate pair, as a broken transcript may hold, cannot be encoded and would fail the whole prompt.
    return {"role": role, "content": text.encode("utf-8", "replace").decode("utf-8")}
