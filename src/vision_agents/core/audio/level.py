"""The level of speech."""

from __future__ import annotations

import math

import numpy as np

from .pcm import INT16_SCALE, Samples

# Of digital silence, and of nothing at all.
SILENCE = -120.0

# How much of the sample before is taken away from each: it makes the highs of speech as strong as its lows. So a
# whisper, which has few lows, is not taken for somebody far away, and neither is the hum of the line for speech.
EMPHASIS = 0.6


def speech_level(samples: Samples) -> float:
    """The level of int16 samples at 16 kHz with their highs emphasised, in dB of full scale, at least -120.

    It is for comparing speech with speech: a voice has some 6 dB less than without the emphasis, a whisper 1.
    """
    if not len(samples):
        return SILENCE
    # In float32 already the product of two int16 is exact enough, and BLAS adds it up.
    wave = samples.astype(np.float32)
    highs = wave[1:] - EMPHASIS * wave[:-1]
    power = float(highs @ highs) / len(wave) / INT16_SCALE**2
    return max(SILENCE, 10.0 * math.log10(power)) if power > 0.0 else SILENCE
