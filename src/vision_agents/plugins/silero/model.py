"""Silero VAD (v6, 16 kHz) without PyTorch: how likely each 32 ms window of audio is to hold speech.

The network reads 576 samples at a time: the 512 new ones and the last 64 of the window before. Without that
context it raises nothing and never fires. The session is shared and stateless; each speaker has a stream with its
own recurrent state, because state mixed between two voices makes both invisible.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_agents.core.vad import SAMPLE_RATE, VADStream

from .session import open_session

WINDOW = 512
"""New samples a window (32 ms)."""
CONTEXT = 64
"""Samples of the window before that the network also wants to see."""

_STATE_SHAPE = (2, 1, 128)
_INT16_SCALE = np.float32(1 / 32768)
# A microphone's constant offset costs the network up to 0.7 of probability at an onset. The offset is followed
# slowly (about ten windows), so that it cannot swallow the low end of a voice.
_DC_FOLLOW = 0.1


class SileroModel:
    """The network, loaded once and shared by every stream. Loading blocks (about 50 ms): keep it off the loop.

    Raises ImportError without onnxruntime, FileNotFoundError or RuntimeError for a missing or broken file.
    """

    def __init__(self, path: Path | str) -> None:
        self._session = open_session(path, extra="silero")

    def stream(self) -> SileroStream:
        """A new speaker: fresh state, nothing shared but the weights."""
        return SileroStream(self._session)


class SileroStream(VADStream):
    """One speaker's audio in, one probability a window out. Not for use from two threads at once."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._rate = np.array(SAMPLE_RATE, dtype=np.int64)
        self._input = np.zeros((1, CONTEXT + WINDOW), dtype=np.float32)
        self._context = self._input[0, :CONTEXT]
        self._window = self._input[0, CONTEXT:]
        self._state = np.zeros(_STATE_SHAPE, dtype=np.float32)
        self._filled = 0
        self._offset: float | None = None

    @property
    def pending(self) -> int:
        """Samples that wait for their window to be complete (0 to 511)."""
        return self._filled

    def feed(self, samples: NDArray[np.int16] | NDArray[np.floating[Any]]) -> list[float]:
        """Take mono samples at 16 kHz, int16 or float in -1..1, any number of them.

        Returns the speech probability (0..1) of each window completed by them. NaN counts as silence, values out of
        range as clipped. Raises TypeError for other sample types, ValueError for more than one channel.
        """
        clean = to_float(samples)
        probabilities: list[float] = []
        at = 0
        while at < clean.size:
            take = min(WINDOW - self._filled, clean.size - at)
            self._window[self._filled : self._filled + take] = clean[at : at + take]
            self._filled += take
            at += take
            if self._filled == WINDOW:
                probabilities.append(self._run())
        return probabilities

    def reset(self) -> None:
        """Forget everything heard: the next sample begins a new recording."""
        self._input.fill(0)
        self._state = np.zeros(_STATE_SHAPE, dtype=np.float32)
        self._filled = 0
        self._offset = None

    def _run(self) -> float:
        self._remove_offset()
        output, self._state = self._session.run(None, {"input": self._input, "state": self._state, "sr": self._rate})
        self._context[:] = self._window[-CONTEXT:]
        self._filled = 0
        return float(output[0, 0])

    def _remove_offset(self) -> None:
        mean = float(self._window.mean())
        self._offset = mean if self._offset is None else self._offset + _DC_FOLLOW * (mean - self._offset)
        self._window -= np.float32(self._offset)


def to_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Mono int16 or float samples as finite float32 in -1..1 (a new array, or the same one if it already is that).

    Raises TypeError for other sample types, ValueError for more than one dimension.
    """
    if samples.ndim != 1:
        raise ValueError(f"Expected mono samples in one dimension, got an array of shape {samples.shape}.")
    if samples.dtype == np.int16:
        scaled: NDArray[np.float32] = samples * _INT16_SCALE
        return scaled
    if not np.issubdtype(samples.dtype, np.floating):
        raise TypeError(f"Expected int16 or float samples, got {samples.dtype}.")
    with np.errstate(over="ignore"):
        single = samples.astype(np.float32, copy=False)
    # max() and min() are NaN if anything is: one comparison finds both dirt and clipping.
    if single.size and not (single.max() <= 1.0 and single.min() >= -1.0):
        single = np.clip(np.nan_to_num(single, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
    return single
