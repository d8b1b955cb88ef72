"""Responses that we ask for: one at a time, since the service refuses a second one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import count

from .wire import ClientEvent

# Responses that may wait; at the limit the oldest goes, since what was asked last is what is wanted now.
LIMIT = 16

# Seconds after which a response that was asked for is not waited for any more.
TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Ask:
    """A response that we ask for. It carries its number, so that it is known again when it begins."""

    number: int
    epoch: int

    @property
    def event_id(self) -> str:
        """The id of the message with which it is asked for."""
        return f"ask_{self.number}"

    @property
    def message(self) -> ClientEvent:
        """That message."""
        return {
            "event_id": self.event_id,
            "type": "response.create",
            "response": {"metadata": {"ask": str(self.number)}},
        }


class Asks:
    """What is to be asked for, and what was asked for and has not begun yet."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._waiting: deque[Ask] = deque(maxlen=LIMIT)
        self._asked: Ask | None = None
        self._deadline = 0.0

    def add(self, epoch: int) -> None:
        """A response is wanted, by somebody in `epoch`."""
        self._waiting.append(Ask(next(self._numbers), epoch))

    def next(self, epoch: int, now: float) -> Ask | None:
        """What to ask for now, if anything. What was wanted before `epoch` is not wanted any more."""
        self._waiting = deque((ask for ask in self._waiting if ask.epoch >= epoch), LIMIT)
        if not self._waiting or (self._asked is not None and now < self._deadline):
            return None
        self._asked, self._deadline = self._waiting.popleft(), now + TIMEOUT
        return self._asked

    def began(self, number: str | None) -> int | None:
        """A response with this number began: the epoch in which it was asked for, None if it was not."""
        if self._asked is None or number != str(self._asked.number):
            return None
        epoch, self._asked = self._asked.epoch, None
        return epoch

    def refused(self, event_id: str | None) -> Ask | None:
        """The service refused a message: what was asked for with it, if anything was."""
        if self._asked is None or event_id != self._asked.event_id:
            return None
        ask, self._asked = self._asked, None
        return ask

    def again(self, ask: Ask | None = None) -> None:
        """Let `ask`, or what was asked for in a session that is gone, be asked for once more, before all others."""
        ask = ask or self._asked
        self._asked = None
        if ask is not None and len(self._waiting) < LIMIT:
            self._waiting.appendleft(ask)
