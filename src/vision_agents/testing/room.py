"""A call without echo cancellation, for tests and benchmarks: what comes back of what the agent plays."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.audio.playout import FRAME_SAMPLES
from vision_agents.core.audio.playout import SAMPLE_RATE as PLAYED_RATE
from vision_agents.core.echo import EchoCanceller
from vision_agents.core.participants import Participant

# A small room: its sound falls by 60 dB in so many seconds; against the direct sound, all its reflections together.
REVERBERATION = 0.15
REFLECTIONS_DB = -6.0

FRAME_SECONDS = FRAME_SAMPLES / PLAYED_RATE


def babble(seconds: float, seed: int = 0) -> PcmData:
    """Noise in the rhythm, pauses, spectrum and loudness of speech, at the rate of the gate.

    It has no likeness to itself at another time, so that an echo is found at one delay only.
    """
    rng = np.random.default_rng(seed)
    count = round(seconds * PLAYED_RATE)
    syllables = rng.uniform(0.0, 1.0, math.ceil(seconds * 5))
    times = np.arange(count) / PLAYED_RATE * 5
    loudness = np.interp(times, np.arange(len(syllables)), np.maximum(0.0, syllables - 0.3))
    # Most of a voice is below 1 kHz.
    sound = np.convolve(rng.normal(size=count), np.ones(40) / 40, mode="same") * loudness * 25_000
    return PcmData(sound.round().clip(-32768, 32767).astype(np.int16), PLAYED_RATE)


def response(sample_rate: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """The way from the loudspeaker into the microphone: a direct sound, and noise that dies away; energy 1."""
    rng = np.random.default_rng(seed)
    count = round(REVERBERATION * sample_rate)
    taps = rng.normal(size=count) * 10.0 ** (-3.0 * np.arange(count) / count)
    taps *= 10.0 ** (REFLECTIONS_DB / 20.0) / np.sqrt(np.sum(taps**2))
    taps[0] = 1.0
    whole: npt.NDArray[np.float64] = taps / np.sqrt(np.sum(taps**2))
    return whole


def echo_of(played: PcmData, delay: float, gain_db: float, seed: int = 0) -> npt.NDArray[np.float64]:
    """The echo of `played` at a microphone, `delay` seconds later: shape and scale of its samples."""
    taps = response(played.sample_rate, seed)
    size = len(played) + len(taps)
    heard = np.fft.irfft(np.fft.rfft(played.samples, size) * np.fft.rfft(taps, size), size) * 10.0 ** (gain_db / 20.0)
    late = np.concatenate([np.zeros(round(delay * played.sample_rate)), heard])
    return late[: len(played)]


def call(
    canceller: EchoCanceller, played: Samples, heard: PcmData, participant: Participant, step: float = FRAME_SECONDS
) -> PcmData:
    """A whole call: a frame of `played` (48 kHz) each 20 ms, and `heard` in pieces of `step` seconds as they are full.

    Returns what the canceller left of `heard`.
    """
    # An edge's ear is opened with the call, before anything is played.
    pieces = [canceller.cancel(PcmData(heard.samples[:0], heard.sample_rate), participant)]
    sent = 0
    for number in range(len(played) // FRAME_SAMPLES):
        canceller.played(played[number * FRAME_SAMPLES : (number + 1) * FRAME_SAMPLES])
        now = (number + 1) * FRAME_SECONDS
        while (end := round((round(sent / heard.sample_rate / step) + 1) * step * heard.sample_rate)) <= min(
            now * heard.sample_rate + 0.5, len(heard)
        ):
            pieces.append(canceller.cancel(PcmData(heard.samples[sent:end], heard.sample_rate), participant))
            sent = end
    return PcmData.concat(pieces)
