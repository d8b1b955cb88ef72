"""A voice as a vector: speech of one person lies close together, whatever is said."""

from __future__ import annotations

import abc

import numpy as np
from numpy.typing import NDArray

from ..audio import Samples
from ..part import Part

SAMPLE_RATE = 16_000

SHORTEST = 0.4
"""Seconds of audio under which nothing can be said about a voice."""

Embedding = NDArray[np.float32]


class Voiceprint(Part, abc.ABC):
    """A network that knows voices. One for an agent; it keeps nothing of what it hears."""

    async def start(self) -> None:
        """Load what is needed, off the event loop. Called once, before the first `embed`."""

    @abc.abstractmethod
    async def embed(self, samples: Samples) -> Embedding:
        """The voice in int16 samples, shape (n,), mono at 16 kHz, 0.4 s or more of one person's speech.

        Returns a vector of length one; how alike two voices are is the cosine of their vectors (`similarity`), which is
        about 0 for strangers: take the mean of many voices out of what the network says. Must not block the event loop,
        and may be cancelled. Raises ValueError if there is too little audio, or no sound in it.
        """

    async def close(self) -> None:
        """Free what `start` took."""


def similarity(a: Embedding, b: Embedding) -> float:
    """The cosine of the angle between two vectors of any length but zero: 1.0 for the same direction, at most."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    cosine = float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))
    return min(1.0, max(-1.0, cosine))
