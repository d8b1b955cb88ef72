"""The mail of hosts: what each is told with the answer to its next report."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

# Typed texts of one session that wait for its host to ask for mail. As many wait there for their answers.
MOST_SAID = 4


@dataclass(frozen=True, slots=True)
class Mail:
    """The answer to a host's poll. `known`: the host was known before; if not, it has to tell everything."""

    known: bool
    end: tuple[str, ...] = ()
    """Sessions to be ended."""
    said: tuple[tuple[str, str], ...] = ()
    """Sessions, and what their callers typed on their pages."""
    farewell: str | None = None
    """All calls are to be ended, with these words."""


@dataclass(slots=True)
class Box:
    """The mail of one host that waits for it."""

    rings: asyncio.Event = field(default_factory=asyncio.Event)
    """There is something in it."""
    _end: dict[str, None] = field(default_factory=dict)
    _said: list[tuple[str, str]] = field(default_factory=list)
    _farewell: str | None = None
    _strangers: frozenset[str] = frozenset()

    def end(self, session: str) -> None:
        """Have a session ended."""
        self._end[session] = None
        self.rings.set()

    def let_go(self, strangers: frozenset[str]) -> None:
        """Have sessions ended that are not the host's any more: each once, they take a moment to end."""
        for session in strangers - self._strangers:
            self.end(session)
        self._strangers = strangers

    def say(self, session: str, text: str) -> bool:
        """Have answered what a caller typed. Returns whether it is taken: not if too much of theirs waits."""
        if sum(each == session for each, _ in self._said) >= MOST_SAID:
            return False
        self._said.append((session, text))
        self.rings.set()
        return True

    def part(self, farewell: str) -> None:
        """Have all calls ended. Harmless twice."""
        if farewell != self._farewell:
            self._farewell = farewell
            self.rings.set()

    def take(self, *, known: bool) -> Mail:
        """Empty it, but for the farewell, which holds from now on."""
        mail = Mail(known, tuple(self._end), tuple(self._said), self._farewell)
        self._end.clear()
        self._said.clear()
        self.rings.clear()
        return mail
