"""A line: how a caller's sound gets to an agent, and the agent's back. And what its frames were like."""

from __future__ import annotations

import abc
import asyncio
from array import array

from vision_agents.core.edge import FRAME_SAMPLES, OUTPUT_SAMPLE_RATE

from .clips import Clip
from .ear import Ear
from .mouth import Mouth

# Clocks of two machines drift apart by less than this, in seconds a second.
DRIFT = 1e-4


class Line(abc.ABC):
    """One call, from the caller's end."""

    def __init__(self, room: Clip) -> None:
        self.mouth = Mouth(room)
        self.ear = Ear()
        # Seconds that each of the agent's frames came late; those that never came.
        self.late: array[float] = array("f")
        self.missed = 0
        # Seconds that each of the caller's own frames was sent late: a busy load generator adds it to all times.
        self.own_late: array[float] = array("f")
        # Set when the call is over without the caller having hung up.
        self.gone = asyncio.Event()
        self._over = False

    @abc.abstractmethod
    async def hang_up(self) -> None:
        """End the call. Harmless twice."""

    def _end(self) -> None:
        """The call is over, whoever ended it."""
        self.mouth.hush()
        if not self._over:
            self._over = True
            self.gone.set()


class Arrivals:
    """The lateness of what comes over a network: against the frame that came soonest so far. Reads no clock.

    Positions are RTP's: they count samples, and wrap at 2**32.
    """

    def __init__(self) -> None:
        self._last: int | None = None
        self._sent = 0.0
        self._soonest = float("inf")
        self._at = 0.0

    def late(self, at: float, position: int) -> tuple[float, int]:
        """Take a frame that came at `at`; return how late it was, in seconds, and how many are missing before it."""
        missing = 0
        if self._last is not None:
            step = (position - self._last + 2**31) % 2**32 - 2**31
            missing = max(0, step // FRAME_SAMPLES - 1)
            self._sent += step / OUTPUT_SAMPLE_RATE
            self._soonest += (at - self._at) * DRIFT
        self._last, self._at = position, at
        self._soonest = min(self._soonest, at - self._sent)
        return at - self._sent - self._soonest, missing
