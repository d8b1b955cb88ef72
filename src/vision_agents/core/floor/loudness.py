"""How loud somebody is, on the average."""

from __future__ import annotations

from dataclasses import dataclass

# What was said so long ago no longer counts, in seconds of speech: people move, and turn their microphones up.
MEMORY = 10.0


@dataclass(slots=True)
class Loudness:
    """The mean level of speech in dB of full scale, and how many seconds of it there were; None before the first."""

    mean: float | None = None
    seconds: float = 0.0

    def add(self, level: float | None, seconds: float) -> None:
        """`seconds` more of speech at `level`, if that is known."""
        if level is None or seconds <= 0.0:
            return
        self.seconds = min(self.seconds, MEMORY) + seconds
        mean = level if self.mean is None else self.mean
        self.mean = mean + (level - mean) * seconds / self.seconds
