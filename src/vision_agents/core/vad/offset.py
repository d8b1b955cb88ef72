"""Estimates when the sound really ended: a voice activity detector only knows some windows later."""

from __future__ import annotations

import numpy as np

from ..audio import Samples
from .onset import FRAME, SILENCE, levels

LOOK_BACK = 1.0
"""Seconds before the report that are searched: what ends in them is speech."""

RELEASE_LAG = 0.08
"""Seconds (median) by which Silero's probability falls later than the sound."""

SPREAD = 0.2
"""Seconds by which the estimate may differ from what is expected. Beyond, the level tells of something else."""

_NOISE_QUANTILE = 0.05
_ABOVE_NOISE = 4.0  # 12 dB
_BELOW_PEAK = 10.0 ** (-25.0 / 20.0)


def offset_delay(recent: Samples, expected: float) -> float:
    """Seconds from the end of the sound to the end of `recent`; `expected` is what the detector takes for it.

    `recent`: int16 mono at 16 kHz, the last `LOOK_BACK` seconds or so at the moment of the report, speech and then
    silence. The sound ends with the last 10 ms that stand out from the noise by 12 dB, and are at most 25 dB under the
    speech. Good to about 10 ms; `expected` where nothing stands out, or only something else: a noise that goes on.
    """
    level = levels(recent)
    if not len(level):
        return expected
    noise, peak = float(np.quantile(level, _NOISE_QUANTILE)), float(level.max())
    heard = np.flatnonzero(level > max(_ABOVE_NOISE * noise, _BELOW_PEAK * peak, SILENCE))
    if not len(heard):
        return expected
    delay = (len(level) - 1 - int(heard[-1])) * FRAME
    return delay if abs(delay - expected) <= SPREAD else expected
