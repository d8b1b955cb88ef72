"""Measurements in the recording of a call, without trusting anything that the agent says about it.

Times are in seconds from the recording's first sample. Levels are in dB of full scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..audio import Samples
from ..audio.files import AudioFileError, map_wav

# A sample of the agent above this is audible: -60 dB of full scale, far under any voice and over any dither.
AUDIBLE = 32

# The user's level is taken in steps of 5 ms. Speech stands out when it is 12 dB over the quiet around it, and within
# 25 dB of the loudest that follows; what is under -65 dB is silence wherever it is.
HOP = 0.005
OVER_NOISE_DB = 12.0
UNDER_PEAK_DB = 25.0
SILENCE_DB = -65.0
# Quiet within speech, as in a stop consonant, is shorter than this. Detectors wait about as long before they end it.
GAP = 0.15
# How far around a detector's time the ear of this module looks, in seconds.
BEFORE = 3.0
AFTER = 0.4

_FLOOR_DB = -100.0


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Both sides of a call: `user` and `agent` are int16 of one length, at `sample_rate` Hz."""

    user: Samples
    agent: Samples
    sample_rate: int

    @classmethod
    def open(cls, path: Path) -> Recording:
        """A stereo WAV of a call, left the user, right the agent; it is not read into memory.

        Raises AudioFileError if it is missing or no such file.
        """
        samples, rate = map_wav(path)
        if samples.shape[1] != 2:
            raise AudioFileError(f"{path} is not a recording of a call: it is not stereo")
        return cls(samples[:, 0], samples[:, 1], rate)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.user) / self.sample_rate

    def speech_onset(self, near: float) -> float | None:
        """Find the onset of the user's speech that a detector reported at `near`; None if nothing stands out there."""
        loud, first = self._loud(near)
        at = round(near / HOP) - first
        heard = np.flatnonzero(loud)
        close = heard[np.abs(heard - at) * HOP <= AFTER]
        if not len(close):
            return None
        # The detector may be a little ahead of what stands out.
        start = int(close[close <= at][-1]) if close[0] <= at else int(close[0])
        for step in heard[heard < start][::-1]:
            if (start - step) * HOP > GAP:
                break
            start = int(step)
        return (first + start) * HOP

    def speech_end(self, near: float) -> float | None:
        """Find the end of the user's speech that a detector saw end at `near`; None if nothing stands out there."""
        loud, first = self._loud(near)
        heard = np.flatnonzero(loud)
        return (first + int(heard[-1]) + 1) * HOP if len(heard) else None

    def last_audible(self, start: float, end: float) -> float | None:
        """Find the end of the agent's last audible sample in the stretch."""
        heard, first = self._audible(start, end)
        return (first + int(heard[-1]) + 1) / self.sample_rate if len(heard) else None

    def first_audible(self, start: float, end: float) -> float | None:
        """Find the beginning of the agent's first audible sample in the stretch."""
        heard, first = self._audible(start, end)
        return (first + int(heard[0])) / self.sample_rate if len(heard) else None

    def _audible(self, start: float, end: float) -> tuple[npt.NDArray[np.intp], int]:
        first, last = (min(max(0, round(at * self.sample_rate)), len(self.agent)) for at in (start, end))
        piece = np.asarray(self.agent[first:last])
        return np.flatnonzero((piece > AUDIBLE) | (piece < -AUDIBLE)), first

    def _loud(self, near: float) -> tuple[npt.NDArray[np.bool_], int]:
        """The steps around `near` that stand out as speech, and the number of the first of them."""
        step = round(HOP * self.sample_rate)
        first = max(0, round((near - BEFORE) / HOP))
        last = min(len(self.user) // step, round((near + AFTER) / HOP))
        if last <= first:
            return np.zeros(1, dtype=np.bool_), first
        levels = _levels(np.asarray(self.user[first * step : last * step]).reshape(-1, step))
        recent = levels[-round((1.0 + AFTER) / HOP) :]
        threshold = max(
            float(np.percentile(levels, 5)) + OVER_NOISE_DB, float(recent.max()) - UNDER_PEAK_DB, SILENCE_DB
        )
        return levels >= threshold, first


def _levels(frames: Samples) -> npt.NDArray[np.float64]:
    """RMS level of each row."""
    power = np.mean(np.square(frames.astype(np.float64) / 32768.0), axis=1)
    levels: npt.NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, 10.0 ** (_FLOOR_DB / 10.0)))
    return levels


def envelope(samples: Samples, sample_rate: int, step: float) -> npt.NDArray[np.float32]:
    """The peak of each `step` seconds, 0 to 1, shape (n,): for drawing. Reads a minute at a time."""
    length = max(1, round(step * sample_rate))
    block = length * max(1, round(60.0 / step))
    peaks: list[npt.NDArray[np.float32]] = []
    for start in range(0, len(samples), block):
        piece = np.asarray(samples[start : start + block]).astype(np.float32)
        piece = np.pad(np.abs(piece), (0, -len(piece) % length))
        peaks.append(piece.reshape(-1, length).max(axis=1) / np.float32(32768.0))
    return np.concatenate(peaks) if peaks else np.zeros(0, dtype=np.float32)
