"""The last seconds of a stream of audio."""

from __future__ import annotations

import numpy as np

from ..audio import Samples


class Tail:
    """Keeps the last `length` samples of everything pushed, at the cost of one copy and no allocation.

    The samples lie in a row in an array of twice the length; when it is full, the last `length` move to its front.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self._space: Samples = np.zeros(2 * length, dtype=np.int16)
        self._end = 0

    def push(self, samples: Samples) -> None:
        """Append int16 samples, shape (n,)."""
        new = samples[-self.length :]
        if self._end + len(new) > len(self._space):
            keep = self._space[self._end - self.length : self._end]
            self._space[: self.length] = keep
            self._end = self.length
        self._space[self._end : self._end + len(new)] = new
        self._end += len(new)

    def last(self, count: int) -> Samples:
        """A copy of the last `count` samples, or of as many as there are."""
        start = max(0, self._end - min(count, self.length))
        return self._space[start : self._end].copy()
