"""The history of a realtime session, from which a new connection can go on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace

from ..conversation import Message, Role

# Messages that a new connection is told; the oldest are forgotten.
LIMIT = 200


class SessionRecord:
    """The history of a realtime session: the user's turns and what was heard of the model's responses.

    Entries have keys (the provider's own ids), since their words come later and in any order; an entry has its place
    from the moment in which it is first named.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[str, Message] = OrderedDict()
        self._added = 0

    @property
    def messages(self) -> tuple[Message, ...]:
        """Oldest first, without those of which no words are known."""
        return tuple(message for message in self._entries.values() if message.text)

    def begin(self, history: Iterable[Message]) -> None:
        """Forget everything and go on from `history`; messages of function calls are left out."""
        self._entries.clear()
        for message in history:
            if message.role is not Role.TOOL:
                self._put(self._key(), replace(message, tool_calls=()))

    def turn(self, key: str, participant: str | None = None) -> None:
        """A user's turn has its place here; its words follow."""
        if key not in self._entries:
            self._put(key, Message(Role.USER, "", participant=participant))

    def user_said(self, text: str, participant: str | None = None, key: str | None = None) -> None:
        """The words of a user's turn, of the one called `key` if there is a place for it."""
        key = key or self._key()
        if key in self._entries:
            self._entries[key] = replace(self._entries[key], text=text)
        else:
            self._put(key, Message(Role.USER, text, participant=participant))

    def response(self, key: str, delta: str = "") -> None:
        """A response has its place here, and says `delta` more. What was cut off stays as it was heard."""
        message = self._entries.get(key)
        if message is None:
            self._put(key, Message(Role.ASSISTANT, delta))
        elif not message.interrupted:
            self._entries[key] = replace(message, text=message.text + delta)

    def cut(self, key: str, heard: str) -> None:
        """Of this response no more than `heard` was heard."""
        if key in self._entries:
            self._entries[key] = replace(self._entries[key], text=heard, interrupted=True)

    def _key(self) -> str:
        self._added += 1
        return f"#{self._added}"

    def _put(self, key: str, message: Message) -> None:
        self._entries[key] = message
        while len(self._entries) > LIMIT:
            self._entries.popitem(last=False)
