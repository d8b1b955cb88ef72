"""The records of a dialogue with Qwen-Omni: responses, what they are asked for with, and the users' turns."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vision_agents.core.participants import Participant


@dataclass(slots=True)
class ResponseRequest:
    """Something that is to be answered. `instructions`: for this answer; None where it answers results of functions.

    `key`: of the text that it answers, as the agent asked for it. `at`: when it was put in the queue.
    """

    epoch: int
    instructions: str | None = None
    key: int | None = None
    at: float = 0.0


@dataclass(slots=True)
class Response:
    """The response that the service makes now. `epoch`: in which it was asked for."""

    id: str
    epoch: int
    # What it answers; None if that was spoken.
    request: ResponseRequest | None = None
    # The epoch in which a turn had ended that it may answer instead.
    spoken: int | None = None
    # Some of it was reported; and some of that can be heard.
    started: bool = False
    audible: bool = False
    cancelled_at: float | None = None
    # Functions that it called and whose results are not sent yet; and whether it has called any.
    pending: int = 0
    called: bool = False
    done: bool = False

    @property
    def key(self) -> int | None:
        """The key of the text that it answers."""
        return self.request.key if self.request is not None else None

    @property
    def unheard_text(self) -> ResponseRequest | None:
        """The request with the text that it answers, if nothing has come of that."""
        asked = self.request
        return asked if asked is not None and asked.instructions and not (self.started or self.called) else None


@dataclass(slots=True)
class UserTurn:
    """A user's turn. `started_ms`: on the service's clock, in milliseconds of audio. `seconds`: its length; as long as
    can be while it is not over. `place`: of the words in the history."""

    participant: Participant
    place: int
    started_ms: float
    words: str = ""
    ended: bool = False
    seconds: float = math.inf
