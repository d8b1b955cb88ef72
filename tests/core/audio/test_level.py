"""Levels of speech in dB of full scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.audio import Samples, speech_level
from vision_agents.core.audio.level import EMPHASIS, SILENCE

RATE = 16_000


def tone(hertz: float) -> Samples:
    return (32767 * np.sin(np.arange(RATE) * 2 * np.pi * hertz / RATE)).astype(np.int16)


@pytest.mark.parametrize("hertz", [100, 1000, 4000, 7900])
def test_a_tone_is_emphasised_the_more_the_higher_it_is(hertz):
    gain = abs(1 - EMPHASIS * np.exp(-2j * np.pi * hertz / RATE))
    assert speech_level(tone(hertz)) == pytest.approx(-3.01 + 20 * np.log10(gain), abs=0.01)


@given(st.integers(1, 5000), st.integers(2, 6))
def test_twice_as_large_is_six_decibels_more(amplitude, factor):
    wave = np.tile(np.array([amplitude, -amplitude, amplitude, amplitude], dtype=np.int16), 80)
    assert speech_level(wave * np.int16(factor)) - speech_level(wave) == pytest.approx(20 * np.log10(factor), abs=1e-3)


@pytest.mark.parametrize("samples", [0, 1, 320])
def test_silence_has_a_number(samples):
    assert speech_level(np.zeros(samples, dtype=np.int16)) == SILENCE
