"""Noises that are made on the spot: 16 kHz, float64 around full scale 1.0, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

RATE = 16_000

Wave = npt.NDArray[np.float64]
Maker = Callable[[int, np.random.Generator], Wave]


def white(length: int, rng: np.random.Generator) -> Wave:
    """Equal power at all frequencies: an untuned radio."""
    return rng.normal(0.0, 0.1, length)


def pink(length: int, rng: np.random.Generator) -> Wave:
    """Power falling with 1/f: wind, a ventilator."""
    return _shaped(length, rng, lambda f: 1.0 / np.sqrt(np.maximum(f, 20.0)))


def rumble(length: int, rng: np.random.Generator) -> Wave:
    """Little above 200 Hz: a car from inside."""
    return _shaped(length, rng, lambda f: 1.0 / (1.0 + (f / 120.0) ** 2))


def breath(length: int, rng: np.random.Generator) -> Wave:
    """Noise of 0.3 to 3 kHz that swells and fades each 1.6 s."""
    t = _times(length)
    swell = np.clip(np.sin(2 * np.pi * t / 1.6), 0.0, None) ** 1.5
    return swell * _shaped(length, rng, lambda f: ((f > 300) & (f < 3000)).astype(np.float64))


def hum(length: int, rng: np.random.Generator) -> Wave:
    """50 Hz from the mains and its harmonics."""
    t = _times(length)
    return sum((np.sin(2 * np.pi * 50 * k * t) / k for k in range(1, 9)), np.zeros(length)) * 0.1


def keyboard(length: int, rng: np.random.Generator) -> Wave:
    """Keys pressed 4 to 9 times a second: a click of 4 ms, and a duller one when the key comes up."""
    wave = np.zeros(length)
    at = 0.0
    while at < length / RATE:
        for delay, strength, decay in ((0.0, 1.0, 0.004), (0.07 + 0.03 * rng.random(), 0.4, 0.006)):
            _add(wave, at + delay, _burst(rng, 0.03, decay) * strength * rng.uniform(0.5, 1.0))
        at += rng.uniform(0.11, 0.25)
    return wave


def dc(length: int, rng: np.random.Generator) -> Wave:
    """A constant offset, as of a broken sound card: it comes and goes with a click."""
    return np.full(length, 0.1)


def knocks(length: int, rng: np.random.Generator) -> Wave:
    """Three knocks on wood, and again."""
    wave = np.zeros(length)
    for at in np.arange(0.02, length / RATE, 1.2):
        for knock in range(3):
            t = _times(round(0.12 * RATE))
            thump = np.sin(2 * np.pi * 180 * t) * np.exp(-t / 0.02)
            _add(wave, at + 0.22 * knock, thump + 0.3 * _burst(rng, 0.12, 0.01))
    return wave


def applause(length: int, rng: np.random.Generator) -> Wave:
    """Claps of many hands."""
    wave = np.zeros(length)
    for at in rng.uniform(0.0, length / RATE, max(1, round(60 * length / RATE))):
        _add(wave, float(at), _burst(rng, 0.04, 0.008) * rng.uniform(0.2, 1.0))
    return wave


def alarm(length: int, rng: np.random.Generator) -> Wave:
    """Beeps of 0.2 s at 1 kHz, two a second."""
    t = _times(length)
    return 0.3 * np.sin(2 * np.pi * 1000 * t) * (t % 0.5 < 0.2)


def siren(length: int, rng: np.random.Generator) -> Wave:
    """A tone that rises and falls between 600 and 1,200 Hz each 2 s."""
    frequency = 900 + 300 * np.sin(np.pi * _times(length))
    return 0.3 * np.sin(2 * np.pi * np.cumsum(frequency) / RATE)


def ringing(length: int, rng: np.random.Generator) -> Wave:
    """An old telephone: two tones, 25 times a second, 1 s on and 1 s off."""
    t = _times(length)
    bell = np.sin(2 * np.pi * 1320 * t) + np.sin(2 * np.pi * 1100 * t)
    return 0.2 * bell * (0.5 + 0.5 * np.sin(2 * np.pi * 25 * t)) * (t % 2.0 < 1.0)


def chords(length: int, rng: np.random.Generator) -> Wave:
    """A slow organ: four chords of 0.8 s, with harmonics."""
    return _music(
        length, ((220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (196.0, 246.9, 293.7), (164.8, 207.7, 246.9)), 0.8, 1.2
    )


def plucked(length: int, rng: np.random.Generator) -> Wave:
    """A quick melody of plucked strings, five notes a second."""
    notes = tuple((float(440.0 * 2.0 ** (step / 12)),) for step in rng.choice([-9, -7, -5, -2, 0, 3, 5], 16))
    return _music(length, notes, 0.2, 0.15)


def beat(length: int, rng: np.random.Generator) -> Wave:
    """Drums at 120 beats a minute, over a bass."""
    wave = 0.3 * _music(length, ((55.0,), (65.4,), (49.0,), (55.0,)), 1.0, 0.5)
    for number, at in enumerate(np.arange(0.0, length / RATE, 0.25)):
        t = _times(round(0.15 * RATE))
        drum = np.sin(2 * np.pi * 60 * t) * np.exp(-t / 0.06) if number % 2 == 0 else 0.4 * _burst(rng, 0.15, 0.02)
        _add(wave, float(at), drum)
    return wave


def cough(length: int, rng: np.random.Generator) -> Wave:
    """Two coughs, half a second apart: a burst of noise, then a rough voice that dies away."""
    wave = np.zeros(length)
    for at in np.arange(0.02, length / RATE, 0.5)[:2]:
        t = _times(round(0.3 * RATE))
        voice = np.sign(np.sin(2 * np.pi * np.cumsum(190 - 200 * t + 25 * rng.normal(0, 1, len(t))) / RATE))
        wheeze = rng.normal(0, 1, len(t))
        burst = wheeze * np.exp(-t / 0.03) + (0.25 * voice + 0.4 * wheeze) * np.exp(-((t - 0.1) ** 2) / 0.006)
        _add(wave, float(at), _smooth(burst, 3))
    return wave


def laugh(length: int, rng: np.random.Generator) -> Wave:
    """Like laughter: a voiced "ha" five times a second, falling in pitch, each begun by a breath."""
    wave = np.zeros(length)
    for number, at in enumerate(np.arange(0.02, min(length / RATE, 2.5), 0.2)):
        t = _times(round(0.18 * RATE))
        pitch = 300 * 0.96**number * (1 - 0.3 * t)
        pulses = _pulses(pitch)
        vowel = _resonate(_resonate(pulses, 750, 90), 1250, 110)
        vowel = vowel / max(1e-9, float(np.abs(vowel).max()))
        envelope = np.sin(np.pi * t / 0.18) ** 2
        _add(wave, float(at), vowel * envelope + 0.15 * rng.normal(0, 1, len(t)) * np.exp(-t / 0.03))
    return wave


def throat(length: int, rng: np.random.Generator) -> Wave:
    """Clearing the throat: a rough voice of 0.5 s."""
    t = _times(min(length, round(0.5 * RATE)))
    pulses = _pulses(85 + 20 * rng.normal(0, 1, len(t)))
    rough = _resonate(pulses + 0.05 * rng.normal(0, 1, len(t)), 450, 150)
    wave = np.zeros(length)
    _add(wave, 0.0, rough * np.sin(np.pi * t / 0.5))
    return wave


def murmur(length: int, rng: np.random.Generator) -> Wave:
    """A listener's "mm-hm": two hums, the second higher, parted by a breath through the nose."""
    pitch = rng.uniform(110, 210)
    wave = np.zeros(length)
    _add(wave, 0.01, 0.7 * _nasal(0.17, pitch, 0.92 * pitch, rng))
    _add(wave, 0.15, _sniff(0.11, rng))
    _add(wave, 0.24, _nasal(0.26, 1.22 * pitch, 1.28 * pitch, rng))
    return wave


def hmm(length: int, rng: np.random.Generator) -> Wave:
    """A listener's "hmm": a breath through the nose, and a falling hum."""
    pitch = rng.uniform(110, 210)
    wave = np.zeros(length)
    _add(wave, 0.0, _sniff(0.08, rng))
    _add(wave, 0.06, _nasal(0.4, 1.05 * pitch, 0.85 * pitch, rng))
    return wave


MAKERS: dict[str, Maker] = {
    maker.__name__: maker
    for maker in (
        white, pink, rumble, breath, hum, dc, keyboard, knocks, applause, alarm, siren, ringing, chords, plucked, beat,
        cough, laugh, throat, murmur, hmm,
    )
}  # fmt: skip
"""By name."""

NOISES = (*MAKERS, "babble")
"""All names; babble is mixed of clips."""


def babble_of(voices: list[Wave], length: int, rng: np.random.Generator) -> Wave:
    """Several of the voices at once, each from anywhere in it and over again."""
    wave = np.zeros(length)
    for number in rng.choice(len(voices), min(6, len(voices)), replace=False):
        voice = np.roll(voices[number], int(rng.integers(len(voices[number]))))
        wave += np.resize(voice, length) / max(1e-9, float(np.sqrt(np.mean(voice**2))))
    return 0.05 * wave


def _times(length: int) -> Wave:
    return np.arange(length) / RATE


def _shaped(length: int, rng: np.random.Generator, gain: Callable[[Wave], Wave]) -> Wave:
    frequencies = np.fft.rfftfreq(length, 1 / RATE).astype(np.float64)
    spectrum = np.fft.rfft(rng.normal(0.0, 1.0, length)) * gain(frequencies)
    wave: Wave = np.fft.irfft(spectrum, length)
    return 0.1 * wave / max(1e-9, float(np.sqrt(np.mean(wave**2))))


def _burst(rng: np.random.Generator, seconds: float, decay: float) -> Wave:
    t = _times(round(seconds * RATE))
    return rng.normal(0.0, 0.5, len(t)) * np.exp(-t / decay)


def _add(wave: Wave, at: float, piece: Wave) -> None:
    first = round(at * RATE)
    room = max(0, min(len(piece), len(wave) - first))
    wave[first : first + room] += piece[:room]


def _music(length: int, chords: tuple[tuple[float, ...], ...], seconds: float, decay: float) -> Wave:
    wave = np.zeros(length)
    t = _times(round(seconds * RATE))
    for number, at in enumerate(np.arange(0.0, length / RATE, seconds)):
        tones = (
            np.sin(2 * np.pi * note * k * t) / k**1.5 for note in chords[number % len(chords)] for k in range(1, 7)
        )
        attack = np.minimum(1.0, t / 0.01) * np.minimum(1.0, (seconds - t) / 0.01)
        _add(wave, float(at), 0.1 * sum(tones, np.zeros(len(t))) * np.exp(-t / decay) * attack)
    return wave


def _pulses(pitch: Wave) -> Wave:
    """One pulse a period of a voice of `pitch` Hz."""
    return (np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0.0) > 0).astype(np.float64)


def _nasal(seconds: float, first: float, last: float, rng: np.random.Generator) -> Wave:
    """A voice that goes from one pitch to another through the nose: nearly all of it is at 250 Hz."""
    t = _times(round(seconds * RATE))
    wander = np.interp(t, np.linspace(0.0, seconds, 8), 1.0 + 0.01 * rng.normal(0.0, 1.0, 8))
    source = _pulses((first + (last - first) * t / seconds) * wander) + 0.003 * rng.normal(0.0, 1.0, len(t))
    wave = np.zeros(len(t))
    for frequency, bandwidth, strength in ((250, 60, 1.0), (1050, 150, 0.12), (2200, 200, 0.06), (3000, 300, 0.03)):
        formant = _resonate(source, frequency, bandwidth)
        wave += strength * formant / max(1e-9, float(np.abs(formant).max()))
    wave *= np.clip(np.minimum(t / 0.04, (seconds - t) / 0.06), 0.0, 1.0)
    return wave


def _sniff(seconds: float, rng: np.random.Generator) -> Wave:
    breath = _resonate(rng.normal(0.0, 1.0, round(seconds * RATE)), 1500, 800)
    return 0.04 * np.hanning(len(breath)) * breath / max(1e-9, float(np.abs(breath).max()))


def _smooth(wave: Wave, width: int) -> Wave:
    return np.convolve(wave, np.ones(width) / width, mode="same")


def _resonate(wave: Wave, frequency: float, bandwidth: float) -> Wave:
    """A formant: one resonance of `bandwidth` Hz, by its impulse response."""
    t = _times(round(0.05 * RATE))
    response = np.exp(-np.pi * bandwidth * t) * np.sin(2 * np.pi * frequency * t)
    return np.convolve(wave, response)[: len(wave)]
