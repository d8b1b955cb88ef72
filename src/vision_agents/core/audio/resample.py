"""Resampling of a stream that comes in pieces."""

from __future__ import annotations

import numpy as np
import soxr

from .pcm import PcmData, Samples


class Resampler:
    """Brings pieces of any rate to one rate and keeps the filter's state between them.

    A change of the input rate in mid-stream starts a new filter. Output lags a few ms behind input until `flush`.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._input_rate = sample_rate
        self._stream: soxr.ResampleStream | None = None

    def push(self, audio: PcmData) -> Samples:
        """Take a piece, return what is ready at `sample_rate`: int16 of shape (n,), n may be 0."""
        if audio.sample_rate != self._input_rate:
            self._input_rate = audio.sample_rate
            self._stream = None
        if self._input_rate == self.sample_rate:
            return audio.samples
        if self._stream is None:
            # "MQ" rejects aliases by more than 16 bits of speech need and costs a third of "HQ".
            self._stream = soxr.ResampleStream(self._input_rate, self.sample_rate, 1, dtype="int16", quality="MQ")
        ready: Samples = self._stream.resample_chunk(audio.samples)
        return ready

    def flush(self) -> Samples:
        """The tail that the filter still held back. The next piece begins a new stream."""
        stream, self._stream = self._stream, None
        if stream is None:
            return np.zeros(0, dtype=np.int16)
        tail: Samples = stream.resample_chunk(np.zeros(0, dtype=np.int16), last=True)
        return tail
