"""One entry of a conversation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..characters import whole, whole_values


class Role(StrEnum):
    """The author of a message."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's request to have a function called. `arguments` are already decoded.

    `wrong`: why it cannot be called so, such as arguments that cannot be read; the model is told, and may try again.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    wrong: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "arguments", whole_values(self.arguments))

    @classmethod
    def from_json(cls, id: str, name: str, arguments: str) -> ToolCall:
        """Make one whose arguments are given as text; it is `wrong` if they are no JSON object."""
        try:
            decoded = json.loads(arguments or "{}")
        except ValueError:
            decoded = None
        if isinstance(decoded, dict):
            return cls(id, name, decoded)
        return cls(id, name, wrong=f"{name} was called with arguments that are no JSON object: {arguments[:200]!r}")


@dataclass(frozen=True, slots=True)
class Message:
    """Something that was said, or a call of a function, or its result.

    `text`: of an assistant's message, the part that was heard. `unheard`: what was made but not played. `playing`: more
    of it is being played, so what is unheard will be heard unless somebody interrupts. `interrupted`: the user cut it
    off. `tool_calls`: of an assistant's message; `tool_call_id`: of a tool's result. `participant`: the id of the
    person who spoke. `overheard`: a user's words over the agent's that were not answered, perhaps meant for somebody
    else. `reply`: the number of the reply that the message came from, unique within a call.
    """

    role: Role
    text: str
    interrupted: bool = False
    unheard: str = ""
    participant: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    reply: int | None = None
    playing: bool = False
    overheard: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", whole(self.text))
        object.__setattr__(self, "unheard", whole(self.unheard))


def grouped(messages: Iterable[Message]) -> list[list[Message]]:
    """Return what belongs together: a message, and the outputs of the functions that it calls."""
    groups: list[list[Message]] = []
    for message in messages:
        if message.role is not Role.TOOL:
            groups.append([message])
        elif groups:
            groups[-1].append(message)
        # Else its call was forgotten.
    return groups
