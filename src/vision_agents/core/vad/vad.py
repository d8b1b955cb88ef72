"""Voice activity detection: how likely a short window of audio is speech."""

from __future__ import annotations

import abc

from ..audio import Samples
from ..part import Part

SAMPLE_RATE = 16_000


class VADStream(abc.ABC):
    """The detector's state for one participant."""

    @abc.abstractmethod
    def feed(self, samples: Samples) -> list[float]:
        """Take int16 samples, shape (n,), at 16 kHz; return the speech probability of each window they complete.

        Runs on the event loop for each 20 ms frame of each participant: it must take well under a millisecond.
        """

    @abc.abstractmethod
    def reset(self) -> None:
        """Forget everything heard so far."""


class VAD(Part, abc.ABC):
    """A voice activity detector. One for an agent; a stream of it for each participant.

    Within a call two parts may use the same one: each starts it and closes it.
    """

    # Length of a window in seconds.
    window: float

    async def start(self) -> None:
        """Load what is needed, off the event loop. Called once, before the first stream."""

    @abc.abstractmethod
    def stream(self) -> VADStream:
        """A new stream, for one participant."""

    async def close(self) -> None:
        """Free what `start` took."""
