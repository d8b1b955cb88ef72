"""The records of a dialogue with Nova Sonic: responses and their requests, contents and their mark."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from vision_agents.core.conversation import ToolCall


@dataclass(slots=True)
class Response:
    """The model's work on one prompt.

    `number`: of no other; what began later has a greater one. `epoch`: in which it was asked for. `key`: of the text
    that it answers. `started`: it was reported. `over`: the service says no more of it.

    `interrupted`: the service has stopped it. `dropped`: nobody wants it, though nothing new has begun.
    """

    number: int
    epoch: int
    key: int | None = None
    started: bool = False
    over: bool = False
    interrupted: bool = False
    dropped: bool = False
    audible: bool = False
    text: str = ""
    # Functions that it called and whose results are not sent yet.
    pending: int = 0

    @property
    def id(self) -> str:
        """The name under which it is reported."""
        return f"answer {self.number}"


@dataclass(frozen=True, slots=True)
class ResponseRequest:
    """A text to be answered, None for the results of functions. `key`: of it, as the agent asked.

    `during`: what the model was at when it was sent. `dropped`: nobody wants the answer.
    """

    text: str | None
    key: int | None
    epoch: int
    at: float
    during: Response | None
    dropped: bool = False


@dataclass(slots=True)
class Content:
    """A content that is open at the service. `epoch`: in which it began. `response`: what it is a part of.

    `unclear`: it begins an answer unless it turns out to tell of an interruption.
    """

    role: str
    kind: str
    final: bool
    epoch: int
    response: Response | None = None
    unclear: bool = False
    call: ToolCall | None = None


def is_interruption(text: str) -> bool:
    """Returns whether a text of the service says nothing but that the model was interrupted."""
    if "interrupted" not in text:
        return False
    try:
        mark: Any = json.loads(text)
    except ValueError:
        return False
    return isinstance(mark, dict) and mark.get("interrupted") is True
