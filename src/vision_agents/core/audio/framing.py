"""Cutting a stream of any chunking into frames of one length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .pcm import Samples


class Framer:
    """Collects int16 samples and hands out frames of exactly `length` samples; the rest waits for more."""

    def __init__(self, length: int) -> None:
        self.length = length
        self._rest: Samples = np.zeros(0, dtype=np.int16)

    def push(self, samples: Samples) -> Iterator[Samples]:
        """Take samples, yield each frame that is complete. Frames are views: copy one that is to be kept."""
        stream = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        whole = len(stream) - len(stream) % self.length
        self._rest = stream[whole:].copy()
        for start in range(0, whole, self.length):
            yield stream[start : start + self.length]

    def flush(self) -> Samples:
        """The incomplete rest, which is then forgotten."""
        rest, self._rest = self._rest, np.zeros(0, dtype=np.int16)
        return rest
