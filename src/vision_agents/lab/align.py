"""Forced alignment: where in a recording each word of a known text is, found by the sound alone.

The recording is compared with each word spoken alone. Both become mel-frequency cepstra (S. B. Davis and
P. Mermelstein 1980), and the cheapest way through the words is found, from left to right, with a pause allowed between
any two of them (dynamic programming as in H. Sakoe and S. Chiba 1978, in the form of a Viterbi search). Nothing that
a synthesiser says of its words' times is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .sounds import RATE, Wave

# Of one frame and between two, in samples: 25 ms and 10 ms.
WINDOW, HOP = 400, 160
BANDS, COEFFICIENTS = 26, 13
SIZE = 512
# Frames on each side over which a coefficient's slope is measured.
SLOPE = 2

# dB under a recording's loud frames from which on a frame may be part of a pause.
PAUSE_DB = 35.0
# What a frame costs, as a share of the usual distance between two frames: in a pause, and elsewhere.
IN_PAUSE, NO_PAUSE = 0.3, 4.0
# A word said in its place is shorter than alone: up to three frames of it may pass in one, each at a price.
SKIPS = (0.05, 0.0, 0.15, 0.4)

_FROM_PAUSE = len(SKIPS)

Spans = list[tuple[float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class _Chain:
    """All words' frames in a row. `first` and `last`: of each word."""

    frames: Wave
    first: npt.NDArray[np.intp]
    last: npt.NDArray[np.intp]


def align(recording: Wave, words: Sequence[Wave]) -> Spans:
    """From when to when each word is heard in the recording, in seconds.

    `recording`: 16 kHz. `words`: each word alone, 16 kHz, without silence around it. Raises ValueError where there is
    no word, or the recording is too short for them.
    """
    if not words:
        raise ValueError("there is no word to be aligned")
    sizes = [1 + max(0, len(word) - WINDOW) // HOP for word in words]
    ends = np.cumsum(np.array(sizes, dtype=np.intp))
    chain = _Chain(_normal(np.concatenate([cepstra(word) for word in words])), ends - np.array(sizes), ends - 1)
    heard = cepstra(recording)
    return _spans(_search(_normal(heard), _is_pause(recording, len(heard)), chain), chain)


def cepstra(wave: Wave) -> Wave:
    """Cepstral coefficients and their slopes, one row each 10 ms: shape (frames, 26)."""
    wave = np.pad(wave, (0, max(0, WINDOW - len(wave))))
    count = 1 + (len(wave) - WINDOW) // HOP
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP][:count]
    power = np.abs(np.fft.rfft(frames * np.hamming(WINDOW), SIZE)) ** 2
    bands = np.log(power @ _mel().T + 1e-8)
    angles = np.pi * np.outer(np.arange(COEFFICIENTS), np.arange(BANDS) + 0.5) / BANDS
    coefficients = bands @ np.cos(angles).T * np.sqrt(2.0 / BANDS)
    # The loudness of a word is not what tells it.
    coefficients[:, 0] *= 0.3
    padded = np.pad(coefficients, ((SLOPE, SLOPE), (0, 0)), mode="edge")
    steps = np.arange(1, SLOPE + 1)
    slopes = sum(
        step * (padded[SLOPE + step : SLOPE + step + count] - padded[SLOPE - step : SLOPE - step + count])
        for step in steps
    ) / (2.0 * float(np.sum(steps**2)))
    features: Wave = np.hstack([coefficients, 2.0 * slopes])
    return features


def _mel() -> Wave:
    """Triangular filters of 80 Hz to 7.6 kHz: shape (BANDS, SIZE // 2 + 1)."""
    low, high = (1127.0 * np.log1p(f / 700.0) for f in (80.0, 7600.0))
    edges = 700.0 * np.expm1(np.linspace(low, high, BANDS + 2) / 1127.0)
    frequencies = np.fft.rfftfreq(SIZE, 1 / RATE)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    filters: Wave = np.clip(np.minimum(rising, falling), 0.0, None)
    return filters


def _normal(features: Wave) -> Wave:
    centred: Wave = features - features.mean(axis=0)
    return centred


def _is_pause(recording: Wave, count: int) -> npt.NDArray[np.bool_]:
    steps = np.lib.stride_tricks.sliding_window_view(np.pad(recording, (0, WINDOW)), WINDOW)[::HOP][:count]
    levels = 10.0 * np.log10(np.mean(steps**2, axis=1) + 1e-12)
    quiet: npt.NDArray[np.bool_] = levels < np.percentile(levels, 90) - PAUSE_DB
    return quiet


def _search(heard: Wave, pause: npt.NDArray[np.bool_], chain: _Chain) -> npt.NDArray[np.intp]:
    """For each frame that is heard the frame of the chain, or -1 in a pause."""
    states, words = len(chain.frames), len(chain.first)
    squares = np.sum(chain.frames**2, axis=1)
    distances = np.sqrt(np.maximum(squares + np.sum(heard**2, axis=1)[:, None] - 2.0 * heard @ chain.frames.T, 0.0))
    usual = float(np.median(distances))
    silent = np.where(pause, IN_PAUSE, NO_PAUSE) * usual
    prices = np.array(SKIPS) * usual

    # The costs of being in a frame of the chain, and in the pause before each word and behind the last.
    speaking, resting = np.full(states, np.inf), np.full(words + 1, np.inf)
    speaking[0], resting[0] = distances[0, 0], silent[0]
    steps = np.zeros((len(heard), states), np.int8)
    entered = np.zeros((len(heard), words + 1), np.bool_)
    ways = np.full((len(SKIPS) + 1, states), np.inf)
    for frame in range(1, len(heard)):
        for skip, price in enumerate(prices):
            ways[skip, skip:] = speaking[: states - skip] + price
        ways[_FROM_PAUSE, chain.first] = resting[:-1]
        steps[frame] = ways.argmin(axis=0)
        arriving = speaking[chain.last]
        entered[frame, 1:] = arriving < resting[1:]
        resting[1:] = np.minimum(resting[1:], arriving)
        resting += silent[frame]
        speaking = ways.min(axis=0) + distances[frame]
    if not np.isfinite(min(speaking[-1], resting[-1])):
        raise ValueError("the recording is too short for its words")
    return _path(steps, entered, chain, resting=bool(resting[-1] < speaking[-1]))


def _path(
    steps: npt.NDArray[np.int8], entered: npt.NDArray[np.bool_], chain: _Chain, resting: bool
) -> npt.NDArray[np.intp]:
    path = np.full(len(steps), -1, np.intp)
    state, gap = int(chain.last[-1]), len(chain.first)
    for frame in range(len(steps) - 1, -1, -1):
        if resting:
            if entered[frame, gap]:
                resting, state = False, int(chain.last[gap - 1])
            continue
        path[frame] = state
        step = int(steps[frame, state])
        if step == _FROM_PAUSE:
            resting, gap = True, int(np.searchsorted(chain.first, state))
        else:
            state -= step
    return path


def _spans(path: npt.NDArray[np.intp], chain: _Chain) -> Spans:
    """A frame stands for the 10 ms around its middle. A word that was skipped lies where the next one begins."""
    shift = (WINDOW - HOP) / 2 / RATE
    spans: Spans = []
    end = shift
    for first, last in zip(chain.first, chain.last, strict=True):
        frames = np.flatnonzero((path >= first) & (path <= last))
        if len(frames):
            start, end = (shift + edge * HOP / RATE for edge in (int(frames[0]), int(frames[-1]) + 1))
            spans.append((start, end))
        else:
            spans.append((end, end))
    return spans
