"""A caller's ear: from when to when the agent was audible. Reads no clock; times are in seconds."""

from __future__ import annotations

from collections import deque

import numpy as np

from vision_agents.core.audio import Samples
from vision_agents.core.edge import OUTPUT_SAMPLE_RATE

# A sample above this is heard: -54 dB of full scale, far under any voice, and over what a codec leaves of silence.
AUDIBLE = 64

# Silence between two stretches that are one: shorter than a frame.
JOINED = 0.015

# The agent is silent once nothing has been heard for so long: pauses between words are shorter.
SILENT_FOR = 0.5

# Stretches that are remembered: some minutes.
STRETCHES = 2000


class Ear:
    """The stretches in which the agent was audible."""

    def __init__(self) -> None:
        self._stretches: deque[tuple[float, float]] = deque(maxlen=STRETCHES)
        self.frames = 0

    def hear(self, at: float, samples: Samples) -> None:
        """Take a piece of sound whose first sample is heard at `at`. Pieces come in their order."""
        self.frames += 1
        heard = np.flatnonzero((samples > AUDIBLE) | (samples < -AUDIBLE))
        if not len(heard):
            return
        first, last = at + int(heard[0]) / OUTPUT_SAMPLE_RATE, at + (int(heard[-1]) + 1) / OUTPUT_SAMPLE_RATE
        if self._stretches and first - self._stretches[-1][1] <= JOINED:
            first = self._stretches.pop()[0]
        self._stretches.append((first, last))

    @property
    def last(self) -> float:
        """The end of what was heard last; minus infinity if nothing was."""
        return self._stretches[-1][1] if self._stretches else float("-inf")

    def speaks(self, now: float) -> bool:
        """Return whether the agent is speaking: pauses between words do not count."""
        return now - self.last < SILENT_FOR

    def first_after(self, time: float) -> float | None:
        """The first moment from `time` on in which something was heard."""
        found = None
        for start, end in reversed(self._stretches):
            if end <= time:
                break
            found = max(start, time)
        return found

    def silent_from(self, time: float, now: float) -> float | None:
        """The moment from `time` on at which the agent fell silent; None if it has not."""
        silent = time
        for start, end in self._stretches:
            if end <= time:
                continue
            if start - silent >= SILENT_FOR:
                return silent
            silent = max(silent, end)
        return silent if now - silent >= SILENT_FOR else None
