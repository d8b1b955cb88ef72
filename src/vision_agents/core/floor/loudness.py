"""How loud somebody is, on the average."""

from __future__ import annotations

import math
from dataclasses import dataclass

# What was said so long ago no longer counts, in seconds of speech: people move, and turn their microphones up.
MEMORY = 10.0


@dataclass(slots=True)
class Loudness:
    """The mean power of speech, full scale 1, and how many seconds of it there were.

    Of the power and not of the level: so it is the loud windows that count, and what is heard between them (an echo,
    the room) hardly does.
    """

    power: float = 0.0
    seconds: float = 0.0

    @property
    def level(self) -> float | None:
        """In dB of full scale; None before the first."""
        return 10.0 * math.log10(self.power) if self.power > 0.0 else None

    def add(self, level: float | None, seconds: float) -> None:
        """`seconds` more of speech at `level`, if that is known."""
        if level is None or seconds <= 0.0:
            return
        self.seconds = min(self.seconds, MEMORY) + seconds
        self.power += (10.0 ** (min(level, 0.0) / 10.0) - self.power) * seconds / self.seconds
