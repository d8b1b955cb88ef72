"""Measures how long the users spoke, by their audio: the service does not say it."""

from __future__ import annotations

import numpy as np

from vision_agents.core.audio import PcmData

# Sample values above which audio counts as sound, and the pause in seconds that ends a stretch of it: only for telling
# how long a turn was, and when a stream is best renewed.
LEVEL = 400
GAP = 2.0


class Speech:
    """The latest stretch of sound. `quiet`: seconds of audio since the last sound in it."""

    def __init__(self) -> None:
        self.quiet = 0.0
        self._seconds = 0.0

    def hear(self, audio: PcmData) -> None:
        """Take the next piece, of at least one sample."""
        if int(np.max(audio.samples)) > LEVEL or int(np.min(audio.samples)) < -LEVEL:
            before = self._seconds + self.quiet if self._seconds and self.quiet < GAP else 0.0
            self._seconds, self.quiet = before + audio.duration, 0.0
        else:
            self.quiet += audio.duration

    def turn_over(self) -> tuple[float, float]:
        """Seconds of the latest stretch of sound, to its last sound, and since it. The next sound begins another."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds, self.quiet
