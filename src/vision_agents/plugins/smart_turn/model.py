"""Smart Turn v3.2: was that the end of what the speaker wanted to say?

The network hears the last 8 s of a turn as a Whisper log-mel spectrogram (80 bands x 800 frames of 10 ms) and
answers with a probability. The spectrogram is computed here with numpy, so that no PyTorch is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_agents.core.models.onnx import open_session, to_float

from .graph import rewritten

SAMPLE_RATE = 16_000
WINDOW = 8 * SAMPLE_RATE
"""Samples the network hears: the last 8 s."""
BANDS = 80
FRAMES = 800

_FFT = 400
_HOP = 160
# Constants of Whisper's feature extractor (Radford et al., 2022, and its published preprocessing).
_POWER_FLOOR = 1e-10
_DYNAMIC_RANGE = 8.0  # decades of power kept below the loudest point
_VARIANCE_FLOOR = 1e-7


class SmartTurnModel:
    """The end-of-turn network. Loading blocks (about 0.2 s) and so does `predict` (about 60 ms): use a thread.

    `files`: its path under "model". Raises ImportError without onnxruntime, FileNotFoundError or RuntimeError for a
    missing or broken file.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._session = open_session(_written(files["model"]), extra="smart-turn")

    def predict(self, samples: NDArray[np.int16] | NDArray[np.floating[Any]]) -> float:
        """The probability (0..1) that the speaker has finished.

        `samples`: mono at 16 kHz, int16 or float in -1..1, ending in a little silence (100 to 200 ms: with more, the
        network leans towards "finished" whatever was said). Only the last 8 s count; less is filled with silence
        before it, so that the end of the turn always lies at the end of the window.
        """
        features = log_mel(last_window(to_float(samples)))
        (output,) = self._session.run(None, {"input_features": features[np.newaxis]})
        return float(output[0, 0])


def load(files: Mapping[str, Path]) -> SmartTurnModel:
    """The network, after a first run."""
    model = SmartTurnModel(files)
    model.predict(np.zeros(0, dtype=np.float32))
    return model


def _written(file: Path) -> Path | bytes:
    """The network of the file rewritten; the file if that cannot be, for onnxruntime to say what is wrong with it."""
    if not file.is_file():
        return file
    try:
        return rewritten(file.read_bytes())
    except (IndexError, ValueError, OSError):
        return file


def last_window(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The last 8 s of `samples`, with zeros before them if there are fewer. Shape (128000,)."""
    if samples.size >= WINDOW:
        return samples[-WINDOW:]
    window = np.zeros(WINDOW, dtype=np.float32)
    if samples.size:
        window[-samples.size :] = samples
    return window


def log_mel(window: NDArray[np.float32]) -> NDArray[np.float32]:
    """Whisper's log-mel spectrogram of 8 s at 16 kHz. Shape (128000,) to (80, 800), values about -1..1.5."""
    level = np.sqrt(window.var() + np.float32(_VARIANCE_FLOOR))
    normal = ((window - window.mean()) / level).astype(np.float64)
    padded = np.pad(normal, _FFT // 2, mode="reflect")
    same = _same_frames(window)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP][same:FRAMES]
    spectrum = np.fft.rfft(frames * _HANN).T
    power = spectrum.real**2 + spectrum.imag**2
    bands = np.empty((BANDS, FRAMES))
    # Band by band, since each has few bins; and a matrix product would wake the BLAS's threads on every core.
    for band, (first, weights) in enumerate(_FILTERS):
        np.einsum("b,bf->f", weights, power[first : first + len(weights)], out=bands[band, same:])
    bands[:, :same] = bands[:, same, np.newaxis]
    decades = np.log10(np.maximum(bands, _POWER_FLOOR))
    floored = np.maximum(decades, decades.max() - _DYNAMIC_RANGE)
    return np.asarray((floored + 4.0) / 4.0, dtype=np.float32)


def _same_frames(window: NDArray[np.float32]) -> int:
    """The number of frames at the beginning that are equal to the one after them: those of the silence that fills up.

    A turn has 4 s rather than 8, so the transform of half of the frames need not be computed.
    """
    silent = int(np.argmax(window != 0.0))  # 0 for a window that is silent all the way, too
    # A frame is centred on each _HOP samples; the first one, which is mirrored, must hold silence alone.
    return max(0, (silent - _FFT // 2) // _HOP) if silent > _FFT else 0


def _mel_filters() -> list[tuple[int, NDArray[np.float64]]]:
    """Triangles on Slaney's mel scale, each of unit area: for each band the first bin and the bins' weights."""
    edges = _hertz(np.linspace(_mel(0.0), _mel(SAMPLE_RATE / 2), BANDS + 2))
    bins = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE)
    filters = []
    for low, centre, high in zip(edges, edges[1:], edges[2:], strict=False):
        within = np.flatnonzero((low < bins) & (bins < high))
        near = bins[within]
        triangle = np.minimum((near - low) / (centre - low), (high - near) / (high - centre))
        filters.append((int(within[0]), triangle * (2.0 / (high - low))))
    return filters


# Slaney's mel scale (Auditory Toolbox, 1998): linear below 1 kHz (15 mel), logarithmic above.
_LINEAR_HERTZ = 200.0 / 3.0
_BREAK_HERTZ = 1000.0
_BREAK_MEL = 15.0
_LOG_STEP = np.log(6.4) / 27.0


def _mel(hertz: float) -> float:
    if hertz < _BREAK_HERTZ:
        return hertz / _LINEAR_HERTZ
    return float(_BREAK_MEL + np.log(hertz / _BREAK_HERTZ) / _LOG_STEP)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mel * _LINEAR_HERTZ
    logarithmic = _BREAK_HERTZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, linear, logarithmic)


_HANN = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(_FFT) / _FFT)
_FILTERS = _mel_filters()
