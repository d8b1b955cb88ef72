"""Estimates when the sound really began: a voice activity detector only knows some windows later."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..audio import Samples

SAMPLE_RATE = 16_000
LOOK_BACK = 0.4
"""Seconds before the decision that are searched. The detector decides within 0.2 s in nine cases of ten."""

FRAME = 0.01
"""Seconds in which a level is taken: shorter frames follow the pitch period and not the level."""
SILENCE = 3.0
"""An rms of int16 samples, -81 dBFS: below it there is only dither."""

_FRAME = round(SAMPLE_RATE * FRAME)
_GAP = 3  # frames of quiet that a word may contain (a stop consonant) without having begun after them
_NOISE_QUANTILE = 0.1
_ABOVE_NOISE = 4.0  # 12 dB
_BELOW_PEAK = 0.1  # -20 dB
_TYPICAL = 5  # frames by which Silero is usually later than the sound, where the level says nothing


def onset_delay(recent: Samples) -> float:
    """Seconds from the beginning of the sound that `recent` ends with to the end of `recent`.

    `recent`: int16 mono at 16 kHz, the last `LOOK_BACK` seconds or so at the moment of the decision, of which the end
    is speech. The level in frames of 10 ms is followed back from the loudest of the last 60 ms to where it stays for
    30 ms under a limit between the noise before (plus 12 dB) and the speech (minus 20 dB). Good to about 20 ms; a guess
    (0.05) where all is equally loud; 0.0 for silence.
    """
    level = levels(recent)
    frames = len(level)
    if frames == 0:
        return 0.0
    peak = frames - 1 - int(np.argmax(level[::-1][:6]))
    limit = max(_ABOVE_NOISE * float(np.quantile(level, _NOISE_QUANTILE)), _BELOW_PEAK * float(level[peak]), SILENCE)
    if level[peak] <= limit:
        return min(_TYPICAL, frames) * _FRAME / SAMPLE_RATE if level[peak] > SILENCE else 0.0
    first = peak
    for frame in range(peak - 1, -1, -1):
        if level[frame] > limit:
            first = frame
        elif first - frame >= _GAP:
            break
    return (frames - first) * _FRAME / SAMPLE_RATE


def levels(samples: Samples) -> npt.NDArray[np.float32]:
    """The rms of each `FRAME` of int16 samples, up to the last one: shape (n,)."""
    frames = len(samples) // _FRAME
    cut = samples[len(samples) - frames * _FRAME :].reshape(frames, _FRAME).astype(np.float32)
    rms: npt.NDArray[np.float32] = np.sqrt(np.mean(cut * cut, axis=1))
    return rms
