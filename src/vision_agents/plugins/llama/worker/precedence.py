"""Precedence of answers: a caller waits for the first words of one, and nobody for those that are spoken much later."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence

# An answer is ahead of its voice when its first sentence is over and has so many pieces of text (2 s of speech, written
# in 0.2 s), or when it has so many without an end of a sentence.
SENTENCE = 8
AHEAD = 24

# Pieces that it is written on for, at least, between two pauses, and the longest pause in seconds: text comes faster
# than it is spoken in any case.
STRETCH = 16
LONGEST_PAUSE = 1.0

_END = re.compile(r"[.!?]\s")


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

    def waits(self, since: int) -> bool:
        """Return whether an answer that is ahead shall pause, with so many pieces since its last pause."""
        return bool(self._first) and since >= STRETCH

    def pause(self, given_up: Callable[[], bool]) -> None:
        """Block until no other writes its first words, the pause has lasted long enough, or this answer is given up."""
        with self._changed:
            self._changed.wait_for(lambda: not self._first or given_up(), LONGEST_PAUSE)

    def wake(self) -> None:
        """Have those who pause look again whether they are given up."""
        with self._changed:
            self._changed.notify_all()


def is_ahead(pieces: Sequence[str]) -> bool:
    """Return whether a text of so many pieces is ahead of the voice that speaks it."""
    return len(pieces) >= AHEAD or (len(pieces) > SENTENCE and _END.search("".join(pieces)) is not None)
