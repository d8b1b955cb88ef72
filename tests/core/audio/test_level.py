"""Levels in dB of full scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.audio import level_of
from vision_agents.core.audio.level import SILENCE


def test_a_full_scale_square_wave_is_zero():
    assert level_of(np.tile(np.array([-32768, -32768], dtype=np.int16), 160)) == pytest.approx(0.0)


def test_a_sine_is_three_decibels_less():
    wave = (32767 * np.sin(np.arange(16_000) * 2 * np.pi * 100 / 16_000)).astype(np.int16)
    assert level_of(wave) == pytest.approx(-3.01, abs=0.01)


@given(st.integers(1, 5000), st.integers(2, 6))
def test_twice_as_large_is_six_decibels_more(amplitude, factor):
    wave = np.full(320, amplitude, dtype=np.int16)
    louder = np.full(320, amplitude * factor, dtype=np.int16)
    assert level_of(louder) - level_of(wave) == pytest.approx(20 * np.log10(factor), abs=1e-3)


@pytest.mark.parametrize("samples", [np.zeros(320, dtype=np.int16), np.zeros(0, dtype=np.int16)], ids=["zeros", "none"])
def test_silence_has_a_number(samples):
    assert level_of(samples) == SILENCE
