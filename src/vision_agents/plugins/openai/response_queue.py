"""A queue of responses to ask for: one at a time, since the service refuses a second one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import count

from .wire import ClientEvent, user_text

# Requests that may wait; at the limit the oldest goes, since what was asked last is what is wanted now.
LIMIT = 16


@dataclass(slots=True)
class ResponseRequest:
    """A request for a response. It carries its number, so that the response is known when it begins.

    `text`: what is to be answered, unless that is a spoken turn or the result of a function; `told`: the session that
    is open has it. `key`: of the text, as the agent asked for it. `at`: when it was made.
    """

    number: int
    epoch: int
    text: str | None = None
    key: int | None = None
    at: float = 0.0
    told: bool = False

    @property
    def event_id(self) -> str:
        """The id of its message, by which the service names it when it refuses it."""
        return f"ask_{self.number}"

    def messages(self) -> list[ClientEvent]:
        """Returns what asks for the response: the text, if it is not told yet, and the request."""
        create: ClientEvent = {
            "event_id": self.event_id,
            "type": "response.create",
            "response": {"metadata": {"ask": str(self.number)}},
        }
        if self.text is None or self.told:
            return [create]
        self.told = True
        return [user_text(self.text), create]


class ResponseQueue:
    """Requests that wait, and the one that was sent and whose response has not begun yet."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._waiting: deque[ResponseRequest] = deque()
        self._sent: ResponseRequest | None = None
        self._sent_at = 0.0

    def add(
        self, epoch: int, text: str | None = None, key: int | None = None, at: float = 0.0
    ) -> ResponseRequest | None:
        """Add a request made in `epoch`; returns the oldest one, which is given up, if too many wait."""
        given_up = self._waiting.popleft() if len(self._waiting) >= LIMIT else None
        self._waiting.append(ResponseRequest(next(self._numbers), epoch, text, key, at))
        return given_up

    def next(self, epoch: int, now: float) -> ResponseRequest | None:
        """Returns the request to send now, if any. Those made before `epoch` are forgotten."""
        self._waiting = deque(request for request in self._waiting if request.epoch >= epoch)
        if not self._waiting or self._sent is not None:
            return None
        self._sent, self._sent_at = self._waiting.popleft(), now
        return self._sent

    def due_since(self, epoch: int) -> float | None:
        """Return since when a response of `epoch` has not begun: the one that was asked for, or one behind that."""
        if self._sent is None:
            return None
        if self._sent.epoch >= epoch:
            return self._sent_at
        return next((request.at for request in self._waiting if request.epoch >= epoch), None)

    def give_up(self) -> ResponseRequest | None:
        """Wait no more for the response that was asked for; returns its request."""
        request, self._sent = self._sent, None
        return request

    def began(self, number: str | None, *, spoken: bool = True) -> ResponseRequest | None:
        """Note that the response with this number began; returns its request, None if it has none.

        `spoken`: a turn that was spoken awaits its answer, which has no number. Otherwise one without is what was asked
        for: not every server says the numbers again.
        """
        if self._sent is None or (number != str(self._sent.number) and (spoken or number is not None)):
            return None
        return self.give_up()

    def refused(self, event_id: str | None) -> ResponseRequest | None:
        """Note that the service refused a message; returns the request that it was, if it was one."""
        if self._sent is None or event_id != self._sent.event_id:
            return None
        return self.give_up()

    def retry(self, request: ResponseRequest) -> None:
        """Put one that was sent before all others."""
        self._waiting.appendleft(request)

    def renew(self) -> None:
        """The session is gone: all that was asked for in it has to be asked for in the next one."""
        if (sent := self.give_up()) is not None:
            self.retry(sent)
        for request in self._waiting:
            request.told = False

    def texts(self, epoch: int) -> list[str]:
        """Returns the texts of `epoch` that are still to be answered, oldest first."""
        return [request.text for request in self._waiting if request.text is not None and request.epoch == epoch]

    def take_texts(self) -> list[ResponseRequest]:
        """Take the requests that wait with a text out of the queue; returns them, oldest first."""
        texts = [request for request in self._waiting if request.text is not None]
        self._waiting = deque(request for request in self._waiting if request.text is None)
        return texts

    def sent(self, epoch: int) -> bool:
        """Returns whether a request of `epoch` was sent, and its response has not begun."""
        return self._sent is not None and self._sent.epoch == epoch

    def __bool__(self) -> bool:
        return self._sent is not None or bool(self._waiting)
