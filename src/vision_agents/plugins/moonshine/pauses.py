"""Finds where to cut long audio: at its quietest moment, so that no word is cut in two."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FRAME = 160  # samples over which a level is taken: 10 ms at 16 kHz
_PAUSE = 20  # frames that must be quiet together: shorter gaps lie within words


def quietest(samples: NDArray[Any], earliest: int, latest: int) -> int:
    """The middle of the quietest 0.2 s of mono audio at 16 kHz, as a sample's number from `earliest` to `latest`."""
    region = samples[earliest:latest].astype(np.float32)
    frames = len(region) // _FRAME
    if frames <= _PAUSE:
        return (earliest + latest) // 2
    region -= region.mean()
    energy = np.square(region[: frames * _FRAME]).reshape(frames, _FRAME).sum(axis=1)
    run = np.convolve(energy, np.ones(_PAUSE, dtype=np.float32), mode="valid")
    return earliest + (int(run.argmin()) + _PAUSE // 2) * _FRAME


def pieces(samples: NDArray[Any], longest: int) -> Iterator[NDArray[Any]]:
    """Cut `samples` into pieces of at most `longest` samples, at pauses in the later half of each piece."""
    while len(samples) > longest:
        cut = quietest(samples, longest // 2, longest)
        yield samples[:cut]
        samples = samples[cut:]
    if len(samples):
        yield samples
