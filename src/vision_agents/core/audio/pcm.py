"""A piece of audio and the conversions around it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

INT16_SCALE = 32768.0

# Twice the highest rate at which sound is recorded; a filter for a nonsense rate would take for ever to compute.
HIGHEST_RATE = 768_000


@dataclass(frozen=True, slots=True, eq=False)
class PcmData:
    """Mono 16-bit audio.

    `samples`: int16 array of shape (n,). `sample_rate`: in Hz.
    Raises TypeError or ValueError for another type, shape or rate: use `from_array` and `from_bytes` to convert.
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        if not isinstance(self.samples, np.ndarray) or self.samples.dtype != np.int16:
            raise TypeError("PcmData takes an int16 numpy array; use PcmData.from_array to convert other types")
        if self.samples.ndim != 1:
            raise ValueError(
                f"PcmData is mono, shape (n,), not {self.samples.shape}; use PcmData.from_array to mix down"
            )
        if not 0 < self.sample_rate <= HIGHEST_RATE:
            raise ValueError(f"a sample rate is a positive number of Hz up to {HIGHEST_RATE}, not {self.sample_rate}")

    @classmethod
    def from_array(cls, array: npt.NDArray[Any], sample_rate: int) -> PcmData:
        """Convert an array of shape (n,) or (n, channels), integer or float (full scale ±1.0), mixing channels to mono.

        NaN and infinity become silence and full scale; what is beyond full scale is clipped.
        """
        return cls(to_int16(array), sample_rate)

    @classmethod
    def from_bytes(cls, data: bytes, sample_rate: int, channels: int = 1) -> PcmData:
        """Read interleaved little-endian 16-bit samples; a trailing incomplete frame is cut off."""
        if channels < 1:
            raise ValueError(f"audio has at least one channel, not {channels}")
        frame_bytes = 2 * channels
        whole = len(data) - len(data) % frame_bytes
        samples = np.frombuffer(data[:whole], dtype="<i2").astype(np.int16, copy=False)
        if channels > 1:
            return cls.from_array(samples.reshape(-1, channels), sample_rate)
        return cls(samples, sample_rate)

    @classmethod
    def silence(cls, duration: float, sample_rate: int) -> PcmData:
        """`duration` seconds of zeros."""
        return cls(np.zeros(round(duration * sample_rate), dtype=np.int16), sample_rate)

    @classmethod
    def concat(cls, pieces: Iterable[PcmData]) -> PcmData:
        """Join pieces of one rate. Raises ValueError if there is none or the rates differ."""
        parts = list(pieces)
        rates = {piece.sample_rate for piece in parts}
        if len(rates) != 1:
            raise ValueError(f"only audio of one sample rate can be joined, got {sorted(rates) or 'nothing'}")
        return cls(np.concatenate([piece.samples for piece in parts]), rates.pop())

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    def to_bytes(self) -> bytes:
        """Little-endian 16-bit samples."""
        return self.samples.astype("<i2", copy=False).tobytes()

    def to_float32(self) -> npt.NDArray[np.float32]:
        """Samples as float32 in [-1.0, 1.0)."""
        return self.samples.astype(np.float32) / np.float32(INT16_SCALE)

    def resampled(self, sample_rate: int) -> PcmData:
        """The whole piece at another rate. For a stream in pieces use `Resampler`, which keeps state between them."""
        if sample_rate == self.sample_rate:
            return self
        import soxr  # deferred: most processes never resample a whole clip

        return PcmData(soxr.resample(self.samples, self.sample_rate, sample_rate), sample_rate)


def to_int16(array: npt.NDArray[Any]) -> Samples:
    """Any integer or float array of shape (n,) or (n, channels) as mono int16, shape (n,), clipped, without NaN."""
    if array.ndim not in (1, 2):
        raise ValueError(f"audio has shape (n,) or (n, channels), not {array.shape}")
    if array.dtype == np.int16 and array.ndim == 1:
        return array
    if np.issubdtype(array.dtype, np.unsignedinteger):
        half = float(2 ** (array.dtype.itemsize * 8 - 1))
        scaled = (array.astype(np.float64) - half) / half
    elif np.issubdtype(array.dtype, np.integer):
        scaled = array.astype(np.float64) / float(2 ** (array.dtype.itemsize * 8 - 1))
    else:
        scaled = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0)
    # Channels are clipped before they are mixed: a single overflowing channel must not drown the others.
    scaled = np.clip(scaled, -1.0, 1.0)
    if scaled.ndim == 2:
        scaled = scaled.mean(axis=1) if scaled.shape[1] else np.zeros(len(scaled))
    return np.clip(np.rint(scaled * INT16_SCALE), -32768, 32767).astype(np.int16)
