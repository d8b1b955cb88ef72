"""The audio of one reply on its way to the gate."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from .pcm import Samples

# Called once: True when what it is about was heard, False when it will not be.
Heard = Callable[[bool], None]


class Line:
    """A queue of samples that remembers a little of its past, so that a held voice can go back to the cut word.

    Positions count samples from the reply's first one. `keep`: how many samples behind the position are kept.
    """

    __slots__ = (
        "_ahead",
        "_keep",
        "_marks",
        "_offset",
        "_past",
        "_past_length",
        "_space",
        "closed",
        "epoch",
        "finished",
        "heard",
        "position",
        "prepared",
        "reply",
        "started",
        "written",
    )

    def __init__(self, reply: int, epoch: int, keep: int) -> None:
        self.reply = reply
        self.epoch = epoch
        # Samples given in so far; the next one to be pulled; and one past the furthest that ever was pulled.
        self.written = 0
        self.position = 0
        self.heard = 0
        self.started = False
        # No more will be written; nothing of it will ever be pulled again.
        self.finished = False
        self.closed = False
        # It is not certain yet that it is wanted: nothing of it is pulled.
        self.prepared = False
        self._keep = keep
        self._past: deque[Samples] = deque()
        self._past_length = 0
        self._ahead: deque[Samples] = deque()
        self._offset = 0  # into the first piece ahead
        self._space = asyncio.Event()
        # Places that somebody waits for, in their order.
        self._marks: deque[tuple[int, Heard]] = deque()

    @property
    def waiting(self) -> int:
        """Samples written and not yet pulled."""
        return self.written - self.position

    def append(self, samples: Samples) -> None:
        """Add samples at the end."""
        if len(samples):
            self._ahead.append(samples)
            self.written += len(samples)

    async def room(self, limit: int) -> None:
        """Wait until fewer than `limit` samples wait, or the line is closed."""
        while self.waiting >= limit and not self.closed:
            self._space.clear()
            await self._space.wait()

    def mark(self, heard: Heard) -> None:
        """Tell `heard` when all that was written so far has been pulled, or will not be."""
        self._marks.append((self.written, heard))
        self.tell_heard()

    def tell_heard(self) -> None:
        """Tell of the marks that were reached."""
        while self._marks and self._marks[0][0] <= self.heard:
            self._marks.popleft()[1](True)

    def close(self) -> None:
        """Forget everything; whoever waits for room goes on, and who waits for a mark waits in vain."""
        self.closed = True
        marks, self._marks = self._marks, deque()
        for _, heard in marks:
            heard(False)
        self._ahead.clear()
        self._past.clear()
        self._space.set()

    def read_into(self, out: Samples) -> int:
        """Move up to `len(out)` samples into `out`, return how many."""
        filled = 0
        while filled < len(out) and self._ahead:
            piece = self._ahead[0]
            count = min(len(out) - filled, len(piece) - self._offset)
            out[filled : filled + count] = piece[self._offset : self._offset + count]
            filled += count
            self._offset += count
            if self._offset == len(piece):
                self._put_behind(self._ahead.popleft())
        self.position += filled
        if self.position > self.heard:
            self.heard = self.position
        if not self._space.is_set():
            self._space.set()
        return filled

    def _put_behind(self, piece: Samples) -> None:
        self._offset = 0
        self._past.append(piece)
        self._past_length += len(piece)
        while self._past and self._past_length - len(self._past[0]) >= self._keep:
            self._past_length -= len(self._past.popleft())

    def rewind(self, to: int) -> None:
        """Go back to position `to`, or as far towards it as is still kept. Never forward."""
        back = min(max(0, self.position - to), self._offset + self._past_length)
        self.position -= back
        while back > self._offset:
            back -= self._offset
            piece = self._past.pop()
            self._past_length -= len(piece)
            self._ahead.appendleft(piece)
            self._offset = len(piece)
        self._offset -= back
