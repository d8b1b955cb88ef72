"""The records of a dialogue with Nova Sonic: responses and their requests, contents, the user's turn."""

from __future__ import annotations

from dataclasses import dataclass

from vision_agents.core.conversation import ToolCall
from vision_agents.core.participants import Participant


@dataclass(slots=True)
class Response:
    """The model's work on one prompt.

    `epoch`: in which it was asked for. `key`: of the text that it answers. `started`: it was reported. `over`: the
    service says no more of it.

    `interrupted`: the service has stopped it. `dropped`: nobody wants it, though nothing new has begun.
    """

    id: str
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


@dataclass(frozen=True, slots=True)
class ResponseRequest:
    """A text to be answered, None for the results of functions. `key`: of it, as the agent asked.

    `during`: what the model was saying when it was sent.
    """

    text: str | None
    key: int | None
    epoch: int
    at: float
    during: Response | None


@dataclass(slots=True)
class Content:
    """A content that is open at the service. `response`: what it is a part of."""

    role: str
    kind: str
    final: bool
    response: Response | None
    call: ToolCall | None = None


@dataclass(slots=True)
class UserTurn:
    """A user's turn. `place`: where the next words stand in the history. `answered`: the answer has begun."""

    place: int
    participant: Participant
    began: float = 0.0
    ended: bool = False
    answered: bool = False
    said: bool = False
