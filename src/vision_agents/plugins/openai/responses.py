"""The responses of a session: what each of them is made of, and how to cut it at the heard millisecond."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from .link import SERVICE
from .response_queue import ResponseRequest
from .wire import ClientEvent

# Responses that are remembered: their audio may be playing long after they are done.
REMEMBERED = 64

# Why the service ends a response before the model does, and what follows.
FILTERED = "content_filter"
INCOMPLETE = {
    FILTERED: f"{SERVICE.name}: the service's content filter stopped an answer, which is not asked for again.",
    "max_output_tokens": (
        f"{SERVICE.name}: an answer was cut off, since it reached max_output_tokens, and the model is asked to go on. "
        "Raise that limit in session=…, or ask for shorter answers in the instructions."
    ),
}


@dataclass(slots=True)
class Item:
    """An item of a response, and how much audio of it has come. What is made may be more, never less."""

    id: str
    content_index: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Response:
    """A response. `epoch`: the one in which it was asked for. `running`: the service has not said that it is done.

    `request`: of ours, that it answers. `started`: it was reported. `cancelled_at`: when it was cancelled. `pending`:
    functions that it called and whose results are not sent yet.
    """

    id: str
    epoch: int
    request: ResponseRequest | None = None
    running: bool = True
    started: bool = False
    cancelled_at: float | None = None
    pending: int = 0
    items: dict[str, Item] = field(default_factory=dict)

    @property
    def asked(self) -> bool:
        """Return whether it was asked for by us."""
        return self.request is not None

    @property
    def key(self) -> int | None:
        """The key of the text that it answers."""
        return self.request.key if self.request is not None else None

    def audio(self, item: str, content_index: int, seconds: float) -> None:
        """Audio came."""
        entry = self.items.setdefault(item, Item(item))
        entry.content_index = content_index
        entry.seconds += seconds

    def cut_after(self, heard: float) -> list[ClientEvent]:
        """The message that only `heard` seconds of the audio were heard.

        The item in which they end is truncated there, rounded down to what has come for certain: beyond an item's real
        length the service refuses. What comes after it is deleted.
        """
        messages: list[ClientEvent] = []
        for item in self.items.values():
            if heard <= 0.0:
                messages.append(self._delete(item.id))
            elif heard < item.seconds:
                messages.append(
                    {
                        "type": "conversation.item.truncate",
                        "item_id": item.id,
                        "content_index": item.content_index,
                        "audio_end_ms": int(heard * 1000),
                    }
                )
            heard -= item.seconds
        return messages

    def delete_silent(self, items: list[str]) -> list[ClientEvent]:
        """The same of those of its `items` of which no audio came before it was cancelled."""
        return [self._delete(item) for item in items if item not in self.items]

    @staticmethod
    def _delete(item: str) -> ClientEvent:
        return {"type": "conversation.item.delete", "item_id": item}


class Responses:
    """The latest responses by their ids."""

    def __init__(self) -> None:
        self._responses: OrderedDict[str, Response] = OrderedDict()

    def begin(self, name: str, epoch: int, request: ResponseRequest | None) -> Response:
        """Add a response that begins."""
        response = self._responses[name] = Response(name, epoch, request)
        while len(self._responses) > REMEMBERED:
            self._responses.popitem(last=False)
        return response

    def get(self, name: str) -> Response | None:
        """The response of this id, if it is remembered."""
        return self._responses.get(name)

    @property
    def running(self) -> list[Response]:
        """Those that are not done."""
        return [response for response in self._responses.values() if response.running]

    def clear(self) -> None:
        """The session is gone, and with it all that could be cut."""
        self._responses.clear()
