"""From a scenario's sounds to the audio of its callers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zlib import crc32

import numpy as np

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.audio.files import AudioFileError, read_audio
from vision_agents.testing.clips import speech_clips

from .scenario import LabError, Sound, Style
from .sounds import MAKERS, RATE, Wave, babble_of

Speak = Callable[[str], PcmData]
"""Text to speech: `speech.speak`."""

# No microphone is silent: white noise of -66 dB under everything.
FLOOR = 16 / 32768

# Seconds of a made sound where nothing else is said.
MADE = 2.0

# A step of 10 ms is part of a sound within so many dB of its level.
WITHIN_DB = 30.0
OVER_NOISE_DB = 12.0
_STEP = RATE // 100


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A sound ready to be mixed; it is heard from `onset` to `end`, in seconds from its first sample."""

    wave: Wave
    onset: float
    end: float


def prepare(sound: Sound, seed: str, speak: Speak) -> Piece:
    """Make, read or say it, bring it to its level, and find where in it something is heard.

    Raises LabError if it cannot be had; what the voice or the model store raises.
    """
    wave = _styled(_source(sound, seed, speak), sound.style, seed)
    if sound.source != "make" and sound.seconds is not None:
        wave = wave[: round(sound.seconds * RATE)]
    if sound.level is not None:
        wave = wave * 10.0 ** ((sound.level - level_of(wave)) / 20.0)
    wave = wave * 10.0 ** (sound.gain / 20.0)
    if sound.onset is not None and sound.end is not None:
        # In a recording with a noise of its own, the onset that is given may be the noise's.
        onset = max(sound.onset, standing_out(wave))
        return Piece(wave, onset if onset < sound.end else sound.onset, sound.end)
    return Piece(wave, *span_of(wave))


def bed_of(name: str, length: int, level: float, seed: str) -> Wave:
    """`length` samples of a steady noise at `level` dB of full scale."""
    wave = _make(name, length, seed)
    return wave * float(10.0 ** ((level - level_of(wave)) / 20.0))


def level_of(wave: Wave) -> float:
    """The 90th percentile of the levels of its 10 ms steps, in dB of full scale."""
    return float(np.percentile(_levels(wave), 90))


def span_of(wave: Wave) -> tuple[float, float]:
    """From the first to the last step that is part of the sound, in seconds; good to 10 ms."""
    levels = _levels(wave)
    loud = np.flatnonzero(levels > np.percentile(levels, 90) - WITHIN_DB)
    if not len(loud):
        return 0.0, len(wave) / RATE
    return float(loud[0]) * _STEP / RATE, float(loud[-1] + 1) * _STEP / RATE


def standing_out(wave: Wave) -> float:
    """Find the first 30 ms that stand 12 dB over the quiet of the recording. Returns seconds; 0 if nothing does."""
    levels = _levels(wave)
    loud = levels > max(float(np.percentile(levels, 10)) + OVER_NOISE_DB, float(levels.max()) - WITHIN_DB)
    lasting = loud[:-2] & loud[1:-1] & loud[2:]
    return float(np.argmax(lasting)) * _STEP / RATE if len(lasting) else 0.0


def track(seconds: float, parts: list[tuple[float, Wave]], seed: str) -> Samples:
    """`seconds` of a caller's audio: each part from its time on, over the microphone's own noise."""
    rng = np.random.default_rng(crc32(f"floor {seed}".encode()))
    mixed = rng.normal(0.0, FLOOR, round(seconds * RATE))
    for at, wave in parts:
        first = round(at * RATE)
        room = max(0, min(len(wave), len(mixed) - first))
        mixed[first : first + room] += wave[:room]
    return PcmData.from_array(mixed, RATE).samples


def _source(sound: Sound, seed: str, speak: Speak) -> Wave:
    if sound.source == "make":
        return _make(sound.name, round((sound.seconds or MADE) * RATE), seed)
    if sound.source == "say":
        return _wave(speak(sound.name).resampled(RATE))
    if sound.source == "clip":
        clips = _clips()
        if sound.name not in clips:
            raise LabError(f"there is no clip {sound.name!r}; known are {', '.join(clips)}")
        return clips[sound.name]
    try:
        return _wave(read_audio(Path(sound.name), RATE))
    except AudioFileError as error:
        raise LabError(str(error)) from None


def _make(name: str, length: int, seed: str) -> Wave:
    rng = np.random.default_rng(crc32(f"{name} {seed}".encode()))
    if name == "babble":
        return babble_of(list(_clips().values()), length, rng)
    return MAKERS[name](length, rng)


@lru_cache(maxsize=1)
def _clips() -> dict[str, Wave]:
    return {name: _wave(clip) for name, clip in speech_clips(RATE).items()}


def _wave(audio: PcmData) -> Wave:
    return audio.to_float32().astype(np.float64)


def _levels(wave: Wave) -> Wave:
    if len(wave) < _STEP:
        wave = np.pad(wave, (0, _STEP - len(wave)))
    steps = wave[: len(wave) // _STEP * _STEP].reshape(-1, _STEP)
    levels: Wave = 10.0 * np.log10(np.maximum(np.mean(steps**2, axis=1), 1e-12))
    return levels


# Styles of speech.


def _styled(wave: Wave, style: Style, seed: str) -> Wave:
    if style == "high":
        return _faster(wave)
    if style == "whisper":
        return _whispered(wave, seed)
    if style == "far":
        return _far(wave, seed)
    return wave


def _faster(wave: Wave) -> Wave:
    """Another voice: a quarter higher and shorter."""
    return _wave(PcmData.from_array(wave, RATE * 5 // 4).resampled(RATE))


def _whispered(wave: Wave, seed: str) -> Wave:
    """The spectrum of the speech, with noise in place of its voice: phases are drawn anew in each 16 ms."""
    rng = np.random.default_rng(crc32(f"whisper {seed}".encode()))
    size, hop = 512, 128
    window = np.hanning(size)
    out = np.zeros(len(wave) + size)
    for start in range(0, len(wave) - size, hop):
        spectrum = np.abs(np.fft.rfft(wave[start : start + size] * window))
        # Harmonics of the voice are smoothed away, formants stay: 300 Hz wide. A voice falls by 6 dB an octave from its
        # source to the air, the noise of a whisper does not (Fant, Acoustic Theory of Speech Production).
        spectrum = np.convolve(spectrum, np.ones(9) / 9, mode="same") * np.arange(len(spectrum)) / len(spectrum)
        phases = np.exp(2j * np.pi * rng.random(len(spectrum)))
        out[start : start + size] += np.fft.irfft(spectrum * phases, size) * window
    return out[: len(wave)]


def _far(wave: Wave, seed: str) -> Wave:
    """From across a room: a reverberation of 0.6 s, louder than the direct sound, and little above 3 kHz."""
    rng = np.random.default_rng(crc32(f"room {seed}".encode()))
    t = np.arange(round(0.6 * RATE)) / RATE
    response = rng.normal(0.0, 1.0, len(t)) * np.exp(-6.9 * t / 0.6)
    response *= 1.5 / np.sqrt(np.sum(response**2))
    response[0] += 1.0
    length = len(wave) + len(response)
    spectrum = np.fft.rfft(wave, length) * np.fft.rfft(response, length)
    spectrum /= 1.0 + (np.fft.rfftfreq(length, 1 / RATE) / 3000.0) ** 4
    return np.fft.irfft(spectrum, length)
