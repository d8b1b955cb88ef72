"""Keeps what lost calls leave for a while: the reason, and the conversation.

Pure: `now` is in seconds and never decreases.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from vision_agents.core.conversation import Message

# Seconds for which it is kept, how many calls are, and how much of each conversation.
KEEP = 300.0
MOST = 1000
MESSAGES = 200


@dataclass(frozen=True, slots=True)
class Lost:
    """A session that ended by a fault, not by anybody's wish."""

    session_id: str
    call_id: str
    why: str
    """A sentence for people."""
    conversation: tuple[Message, ...] = ()
    """The latest of what was said and heard."""


class LostCalls:
    """The lost calls of the last minutes. Of too many the oldest are forgotten."""

    def __init__(self) -> None:
        self._lost: OrderedDict[str, tuple[float, Lost]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._lost)

    def add(self, now: float, lost: Lost) -> None:
        """Keep one."""
        self._forget(now)
        self._lost.pop(lost.session_id, None)
        self._lost[lost.session_id] = now, lost
        while len(self._lost) > MOST:
            self._lost.popitem(last=False)

    def find(self, now: float, call_id: str, session_id: str) -> Lost | None:
        """The lost session of this id, if it was one of this call: nobody goes on with another call's conversation."""
        self._forget(now)
        _, lost = self._lost.get(session_id, (now, None))
        return lost if lost is not None and lost.call_id == call_id else None

    def _forget(self, now: float) -> None:
        while self._lost and next(iter(self._lost.values()))[0] <= now - KEEP:
            self._lost.popitem(last=False)


def latest(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """As much of a conversation as is kept."""
    return messages[-MESSAGES:]
