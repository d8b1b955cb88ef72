"""The spectrogram that the GE2E encoder was trained on: power in 40 mel bands, every 10 ms, without a logarithm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
BANDS = 40
HOP = 160
WINDOW = 400

# Slaney's mel scale (Auditory Toolbox, 1998): linear below 1 kHz (15 mel), logarithmic above.
_LINEAR_HERTZ = 200.0 / 3.0
_BREAK_HERTZ = 1000.0
_BREAK_MEL = 15.0
_LOG_STEP = np.log(6.4) / 27.0


def mel_power(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frames of 25 ms, centred on each 10 ms of `samples` with silence around them: (n,) to (1 + n // 160, 40).

    `samples`: 16 kHz, full scale ±1.0.
    """
    padded = np.pad(samples, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    spectrum = np.fft.rfft(frames * _HANN).T
    power = spectrum.real**2 + spectrum.imag**2
    bands = np.empty((BANDS, power.shape[1]), dtype=np.float32)
    # Band by band, since each has few bins; and a matrix product would wake the BLAS's threads on every core.
    for band, (first, weights) in enumerate(_FILTERS):
        np.einsum("b,bf->f", weights, power[first : first + len(weights)], out=bands[band], casting="same_kind")
    return np.ascontiguousarray(bands.T)


def _filters() -> list[tuple[int, NDArray[np.float64]]]:
    """Triangles on the mel scale, each of unit area: for each band the first bin and the bins' weights."""
    top = _BREAK_MEL + np.log(SAMPLE_RATE / 2 / _BREAK_HERTZ) / _LOG_STEP
    edges = _hertz(np.linspace(0.0, top, BANDS + 2))
    bins = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
    filters = []
    for low, centre, high in zip(edges, edges[1:], edges[2:], strict=False):
        within = np.flatnonzero((low < bins) & (bins < high))
        near = bins[within]
        triangle = np.minimum((near - low) / (centre - low), (high - near) / (high - centre))
        filters.append((int(within[0]), triangle * (2.0 / (high - low))))
    return filters


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = _BREAK_HERTZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HERTZ, logarithmic)


_HANN = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
_FILTERS = _filters()
