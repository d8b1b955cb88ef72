"""The history of a call: what was said and heard, never what was only generated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .message import Message, Role

# Items that a history keeps by default; the oldest are forgotten. A call of a day has fewer.
LIMIT = 10_000


@dataclass(slots=True)
class _Item:
    place: int
    # The place of what it stands right behind and goes on from; its own if it stood at the end.
    since: int
    message: Message | None = None


class Conversation:
    """An ordered history, in which an item may have its place before its words are known.

    A place is a number that `place` or `add` gives out. Its message may be set, corrected and withdrawn later, in any
    order; until it has one it is not seen. `messages`: a history to go on from. `limit`: the items that are kept.
    """

    def __init__(self, messages: Iterable[Message] = (), *, limit: int = LIMIT) -> None:
        self._items: list[_Item] = []
        self._latest = 0
        self._limit = limit
        for message in messages:
            self.add(message)

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    @property
    def messages(self) -> tuple[Message, ...]:
        """A snapshot of what is known, oldest first."""
        return tuple(item.message for item in self._items if item.message is not None)

    @property
    def latest(self) -> int:
        """The place that was given out last; 0 before the first."""
        return self._latest

    def asked_after(self, place: int) -> bool:
        """Return whether a person is known to have said something that is to be answered, behind a place."""
        newer = (item.message for item in self._items if item.since > place)
        return any(message is not None and message.role is Role.USER and not message.overheard for message in newer)

    def place(self, *, after: int | None = None) -> int:
        """A place for a message that is not known yet: at the end, or right behind the item at the place `after`."""
        self._latest += 1
        index = None if after is None else self._index(after)
        item = _Item(self._latest, self._latest if index is None else self._items[index].since)
        self._items.insert(len(self._items) if index is None else index + 1, item)
        del self._items[: -self._limit]
        return item.place

    def since(self, place: int) -> int:
        """Return the place that was the last one when what has this one was begun, wherever it was put in since."""
        index = self._index(place)
        return place if index is None else self._items[index].since

    def put(self, place: int, message: Message | None) -> None:
        """Set the message at a place; None withdraws it. Without effect if the place was forgotten for its age."""
        index = self._index(place)
        if index is not None:
            self._items[index].message = message

    def add(self, message: Message) -> int:
        """Append a message. Returns its place."""
        place = self.place()
        self.put(place, message)
        return place

    def user_said(self, text: str, participant: str | None = None, place: int | None = None) -> None:
        """Put down what a person said: at `place`, or at the end."""
        self.put(self.place() if place is None else place, Message(Role.USER, text, participant=participant))

    def overheard(self, text: str, participant: str | None = None) -> None:
        """Put down at the end what a person said that is not answered."""
        self.add(Message(Role.USER, text, participant=participant, overheard=True))

    def _index(self, place: int) -> int | None:
        # From the end: what changes is mostly what was said last.
        for index in range(len(self._items) - 1, -1, -1):
            if self._items[index].place == place:
                return index
        return None
