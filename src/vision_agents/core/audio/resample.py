"""Resampling of a stream that comes in pieces.

The way from a caller's voice to the agent's silence leads through here, so what counts is how long a sample is kept.
Block-wise resamplers hold 20 ms on average and up to 40; this one holds half the length of its filter, 2 ms at 16 kHz.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from .pcm import PcmData, Samples

Floats = npt.NDArray[np.float32]

# The filter: a sinc of so many zero crossings on each side, in periods of the lower rate, under a Kaiser window. More
# crossings are a sharper edge and more delay; more BETA is less aliasing and a softer edge. These let 0.85 of what the
# lower rate can carry pass within 0.1 dB, and keep aliases 75 dB down.
CROSSINGS = 32
BETA = 7.0

# Width of the filter's edge as a share of the lower rate, for the attenuation that BETA stands for: Kaiser's formulas
# ("Nonrecursive digital filter design using the I0-sinh window function", 1974).
_EDGE = (BETA / 0.1102 + 0.7) / (14.36 * 2 * CROSSINGS)

# Up to so many filters a matrix of them is applied to blocks, of so many samples at the lower of both rates or more.
FEW_PHASES = 8
BLOCK = 32

# Multiplications in one product.
PRODUCT = 200_000


class Resampler:
    """Brings pieces of any rate to one rate and keeps the filter's state between them.

    A change of the input rate in mid-stream starts a new filter, after all that the old one held. Output lags 32
    periods of the lower rate behind input (2 ms at 16 kHz) until `flush`. A frame of 20 ms takes about 0.01 ms.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._input_rate = sample_rate
        self._stream: _Stream | None = None

    def push(self, audio: PcmData) -> Samples:
        """Take a piece, return what is ready at `sample_rate`: int16 of shape (n,), n may be 0."""
        if audio.sample_rate != self._input_rate:
            tail = self.flush()
            self._input_rate = audio.sample_rate
            return np.concatenate([tail, self._convert(audio.samples)])
        return self._convert(audio.samples)

    def flush(self) -> Samples:
        """The tail that the filter still held back. The next piece begins a new stream."""
        stream, self._stream = self._stream, None
        return stream.finish() if stream is not None else np.zeros(0, dtype=np.int16)

    def _convert(self, samples: Samples) -> Samples:
        if self._input_rate == self.sample_rate:
            return samples
        if self._stream is None:
            self._stream = _Stream(self._input_rate, self.sample_rate)
        return self._stream.push(samples)


class _Stream:
    """A polyphase filter. Positions in the input are counted in steps of 1/`up` of a sample."""

    __slots__ = ("_down", "_filters", "_input", "_next", "_reach", "_up")

    def __init__(self, rate: int, to: int) -> None:
        divisor = math.gcd(rate, to)
        self._up, self._down = to // divisor, rate // divisor
        self._filters = _filters(self._up, self._down)
        self._reach = self._filters.shape[1] // 2
        # Before the first sample there was silence.
        self._input: Floats = np.zeros(self._reach - 1, dtype=np.float32)
        # Where in `_input` the next sample of the output is.
        self._next = len(self._input) * self._up

    def push(self, samples: Samples) -> Samples:
        self._input = np.concatenate([self._input, samples], dtype=np.float32)
        count = math.ceil(((len(self._input) - self._reach) * self._up - self._next) / self._down)
        if count <= 0:
            return np.zeros(0, dtype=np.int16)
        output = self._filtered(count)
        self._next += count * self._down
        self._forget(self._next // self._up - self._reach + 1)
        np.rint(output, out=output)
        np.minimum(output, 32767, out=output)
        np.maximum(output, -32768, out=output)
        ready: Samples = output.astype(np.int16)
        return ready

    def _filtered(self, count: int) -> Floats:
        if self._up == 1:
            return self._by_filter(count)
        return self._by_block(count) if self._up <= FEW_PHASES else self._by_place(count)

    def _by_filter(self, count: int) -> Floats:
        """With one filter its windows lie `down` samples apart: as views of the input they cost no copy.

        Blocks would be 1.4 times as fast, and round one sample in 1,500 to the other side. This is the way of callers'
        voices, and networks that are asked whether a turn is over answer otherwise in one case of twenty then.
        """
        taps, size = 2 * self._reach, self._input.itemsize
        first = self._next - self._reach + 1
        windows = np.ndarray((count, taps), np.float32, self._input, first * size, (self._down * size, size))
        output: Floats = np.einsum("ij,j->i", windows, self._filters[0])
        return output

    def _by_block(self, count: int) -> Floats:
        """With few filters a block of output is the product of its input and a matrix, for many blocks at once.

        That multiplies with zeros too, and is three times as fast as filter by filter from 24 to 48 kHz all the same.
        """
        place, phase = divmod(self._next, self._up)
        matrix = _block_filters(self._up, self._down, phase)
        blocks = -(-count // matrix.shape[1])
        # The last block may want input that is yet to come; what is made of the zeros in its place is cut off.
        first, step = place - self._reach + 1, BLOCK * self._down
        missing = first + (blocks - 1) * step + len(matrix) - len(self._input)
        padded = np.pad(self._input, (0, missing)) if missing > 0 else self._input
        size = padded.itemsize
        windows = np.ndarray((blocks, len(matrix)), np.float32, padded, first * size, (step * size, size))
        output = np.empty((blocks, matrix.shape[1]), dtype=np.float32)
        # Not all at once: from some size on BLAS would wake a thread on every core.
        few = max(1, PRODUCT // matrix.size)
        for at in range(0, blocks, few):
            np.matmul(windows[at : at + few], matrix, out=output[at : at + few])
        return output.ravel()[:count]

    def _by_place(self, count: int) -> Floats:
        """With many filters, such as the 320 from 22.05 to 48 kHz: one for each sample of the output."""
        places = self._next + np.arange(count) * self._down
        windows = sliding_window_view(self._input, 2 * self._reach)[places // self._up - self._reach + 1]
        output: Floats = np.einsum("ij,ij->i", windows, self._filters[places % self._up])
        return output

    def finish(self) -> Samples:
        return self.push(np.zeros(self._reach, dtype=np.int16))

    def _forget(self, count: int) -> None:
        self._input = self._input[count:]
        self._next -= count * self._up


@lru_cache(maxsize=16)
def _filters(up: int, down: int) -> Floats:
    """One filter for each of the `up` places between two input samples, shape (up, taps), each of sum 1."""
    lower = min(1.0, up / down)
    reach = math.ceil(CROSSINGS / lower)
    # Distance of each tap from the place, in input samples.
    taps = np.arange(1 - reach, reach + 1)[None, :] - np.arange(up)[:, None] / up
    window = np.i0(BETA * np.sqrt(np.clip(1.0 - (taps * lower / CROSSINGS) ** 2, 0.0, 1.0)))
    window[np.abs(taps) > CROSSINGS / lower] = 0.0
    filters = np.sinc((1.0 - _EDGE) * lower * taps) * window
    table: Floats = (filters / filters.sum(axis=1, keepdims=True)).astype(np.float32)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=64)
def _block_filters(up: int, down: int, phase: int) -> Floats:
    """The matrix that brings a block of input to its output: shape (input, BLOCK * up), for a first output at `phase`.

    The input is what the first output's filter begins with, and all that follows up to the last one's end.
    """
    filters = _filters(up, down)
    taps = filters.shape[1]
    places, phases = np.divmod(phase + down * np.arange(BLOCK * up), up)
    matrix = np.zeros((places[-1] + taps, BLOCK * up), dtype=np.float32)
    for output, (place, each) in enumerate(zip(places, phases, strict=True)):
        matrix[place : place + taps, output] = filters[each]
    matrix.flags.writeable = False
    return matrix
