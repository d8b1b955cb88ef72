"""The average loudness of speech."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Seconds of speech after which older speech fades out of the mean: people move, and turn their microphones up.
MEMORY = 10.0


@dataclass(slots=True)
class Loudness:
    """A running mean of the power of speech (full scale is 1), over `seconds` of it.

    Of the power and not of the level: loud windows count, and the sound between them (an echo, the room) hardly does.
    """

    power: float = 0.0
    seconds: float = 0.0

    @property
    def level(self) -> float | None:
        """The mean level in dB of full scale; None without any speech."""
        return 10.0 * math.log10(self.power) if self.power > 0.0 else None

    def add(self, level: float | None, seconds: float) -> None:
        """Add `seconds` of speech at `level` dB; without effect if the level is None."""
        if level is None or seconds <= 0.0:
            return
        self.seconds = min(self.seconds, MEMORY) + seconds
        self.power += (10.0 ** (min(level, 0.0) / 10.0) - self.power) * seconds / self.seconds
