"""The pace of this machine: how many frames come too late, and how long what a local agent computes takes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

import numpy as np

from vision_agents.core.audio import PcmData, Playout, Resampler
from vision_agents.core.edge import FRAME_SECONDS, OUTPUT_SAMPLE_RATE
from vision_agents.core.epoch import Epoch

# What is measured, in seconds of this machine's time.
SECONDS = 3.0

# A frame that is later than this is heard as a gap.
LATE = 0.02

# Spectra of 8 s of speech, as a turn detector takes them: 800 windows of 25 ms. One thread computes them.
_WINDOWS = (800, 400)


@dataclass(frozen=True, slots=True)
class Pace:
    """`late`: the share of frames that came too late to be heard in time. `worst`: of the latest one, in seconds.
    `spectra`: seconds for the spectra of 8 s of speech, the median; beside the frames."""

    late: float
    worst: float
    spectra: float


def measure(seconds: float = SECONDS) -> Pace:
    """Pull a frame every 20 ms and resample one of a caller, as a call does, and compute meanwhile."""
    playout, resampler = Playout(Epoch(), _Nobody()), Resampler(16_000)
    heard = PcmData.from_array(np.zeros(round(OUTPUT_SAMPLE_RATE * FRAME_SECONDS)), OUTPUT_SAMPLE_RATE)
    speech = np.random.default_rng(0).standard_normal(_WINDOWS).astype(np.float32)
    delays: list[float] = []
    times: list[float] = []
    began = time.perf_counter()
    while (due := began + len(delays) * FRAME_SECONDS) < began + seconds:
        while (now := time.perf_counter()) < due - FRAME_SECONDS / 2:
            np.abs(np.fft.rfft(speech))
            times.append(time.perf_counter() - now)
        time.sleep(max(0.0, due - time.perf_counter()))
        delays.append(time.perf_counter() - due)
        playout.pull()
        resampler.push(heard)
    return Pace(sum(delay > LATE for delay in delays) / len(delays), max(delays), median(times or [0.0]))


class _Nobody:
    """Hears of the gate's progress, and makes nothing of it."""

    def audio_started(self, reply: int) -> None:
        """Nothing to do."""

    def audio_progressed(self, reply: int) -> None:
        """Nothing to do."""

    def audio_drained(self, reply: int, heard: int) -> None:
        """Nothing to do."""
