"""Keeps for a while what calls leave: how they ended, and of lost ones the conversation.

Pure: `now` is in seconds and never decreases.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from vision_agents.core.conversation import Message

# Seconds for which it is kept, of how many calls, and how much of each conversation.
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


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a session. `lost`: by a fault, and its conversation is kept to go on from."""

    end: str
    error: str | None = None
    lost: bool = False
    taken: bool = False
    """Another connection of its caller has the call now."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that is over."""

    session_id: str
    call_id: str
    ending: Ending


class _OfCall(Protocol):
    @property
    def session_id(self) -> str: ...

    @property
    def call_id(self) -> str: ...


K = TypeVar("K", bound=_OfCall)


class Kept(Generic[K]):
    """Keeps what sessions of the last minutes left. Of too many the oldest are forgotten."""

    def __init__(self) -> None:
        # So many have been added, those that are forgotten included.
        self.total = 0
        self._kept: OrderedDict[str, tuple[float, K]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, now: float, left: K) -> None:
        """Keep what one has left."""
        self._forget(now)
        self.total += 1
        key = self._key(left)
        self._kept.pop(key, None)
        self._kept[key] = now, left
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)

    def find(self, now: float, call_id: str, session_id: str) -> K | None:
        """Return what the session of this id left, if it was one of this call: nobody sees another call's."""
        self._forget(now)
        _, left = self._kept.get(session_id, (now, None))
        return left if left is not None and left.call_id == call_id else None

    def _key(self, left: K) -> str:
        return left.session_id

    def _forget(self, now: float) -> None:
        while self._kept and next(iter(self._kept.values()))[0] <= now - KEEP:
            self._kept.popitem(last=False)


class LostCalls(Kept[Lost]):
    """The lost calls of the last minutes, with their conversations."""


class LeftCalls(Kept[Lost]):
    """The latest words of each call of the last minutes: however often one ends, it takes one place."""

    def last(self, now: float, call_id: str) -> Lost | None:
        """Return what the last session of this call left."""
        return self.find(now, call_id, call_id)

    def drop(self, call_id: str) -> None:
        """Forget what a call left. Harmless if there is nothing."""
        self._kept.pop(call_id, None)

    def _key(self, left: Lost) -> str:
        return left.call_id


class EndedCalls(Kept[Ended]):
    """The ends of the calls of the last minutes: who asks a moment after the end is told."""


def latest(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """As much of a conversation as is kept."""
    return messages[-MESSAGES:]
