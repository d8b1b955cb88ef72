"""Precedence of answers: a caller waits for the first words of one, and nobody for those that are spoken much later."""

from __future__ import annotations

import threading
from collections.abc import Callable

# Pieces of text after which an answer is ahead of its voice: some 18 words, spoken in 6 s and written in 0.5 s.
AHEAD = 24

# Pieces that it is written on for, at least, between two pauses, and the longest pause in seconds: text comes faster
# than it is spoken in any case.
STRETCH = 16
LONGEST_PAUSE = 2.0


class Precedence:
    """Has answers that are ahead of their voice pause while others write their first words. For any threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._first: set[int] = set()

    def begin(self, number: int) -> None:
        """Somebody waits for the first words of this answer."""
        with self._changed:
            self._first.add(number)

    def end(self, number: int) -> None:
        """Nobody waits for it any more: it is ahead, or over."""
        with self._changed:
            self._first.discard(number)
            self._changed.notify_all()

    def waits(self, written: int, since: int) -> bool:
        """Return whether an answer shall pause that has so many pieces, so many of them since its last pause."""
        return bool(self._first) and written >= AHEAD and since >= STRETCH

    def pause(self, given_up: Callable[[], bool]) -> None:
        """Block until no other writes its first words, the pause has lasted long enough, or this answer is given up."""
        with self._changed:
            self._changed.wait_for(lambda: not self._first or given_up(), LONGEST_PAUSE)

    def wake(self) -> None:
        """Have those who pause look again whether they are given up."""
        with self._changed:
            self._changed.notify_all()
