"""How loud audio is."""

from __future__ import annotations

import math

import numpy as np

from .pcm import INT16_SCALE, Samples

# Of digital silence, and of nothing at all.
SILENCE = -120.0


def level_of(samples: Samples) -> float:
    """The level of int16 samples in dB of full scale (a full-scale square wave is 0), at least -120."""
    if not len(samples):
        return SILENCE
    # In float32 already the product of two int16 is exact enough, and BLAS adds it up.
    wave = samples.astype(np.float32)
    power = float(wave @ wave) / len(wave) / INT16_SCALE**2
    return max(SILENCE, 10.0 * math.log10(power)) if power > 0.0 else SILENCE
