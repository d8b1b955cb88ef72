"""The history of a call: what was said and heard, never what was only generated."""

from __future__ import annotations

from collections.abc import Iterator

from .message import Message, Role


class Conversation:
    """An ordered history. An assistant's message of a reply that still plays is replaced as more of it is heard."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    def __iter__(self) -> Iterator[Message]:
        return iter(tuple(self._messages))

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def messages(self) -> tuple[Message, ...]:
        """A snapshot, oldest first."""
        return tuple(self._messages)

    def add(self, message: Message) -> None:
        """Append a message."""
        self._messages.append(message)

    def replace(self, known: Message, by: Message) -> None:
        """Put `by` in the place of `known`, this very message; if the history has it no more, nothing happens."""
        for index in range(len(self._messages) - 1, -1, -1):
            # By identity: some providers use the ids of their calls again.
            if self._messages[index] is known:
                self._messages[index] = by
                return

    def user_said(self, text: str, participant: str | None = None) -> None:
        """Append what a person said."""
        self.add(Message(Role.USER, text, participant=participant))

    def assistant_heard(self, reply: int, heard: str, unheard: str = "", interrupted: bool = False) -> None:
        """Set what was heard so far of reply number `reply`; a reply of which nothing was heard leaves no message.

        A message takes its place when its first word is heard: what the user said in the meantime stays before it.
        """
        message = Message(Role.ASSISTANT, heard, interrupted=interrupted, unheard=unheard, reply=reply)
        for index in range(len(self._messages) - 1, -1, -1):
            known = self._messages[index]
            if known.reply == reply and known.role is Role.ASSISTANT and not known.tool_calls:
                if heard:
                    self._messages[index] = message
                else:
                    del self._messages[index]
                return
        if heard:
            self._messages.append(message)
