"""Finds sound in a stream of audio: how long the latest stretch of it lasts, and how long ago it ended."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

import numpy as np

from ..audio import PcmData

# Sound is what is louder than this, as the root of the mean square of int16 samples, and three times as loud as the
# background. The background follows a quieter moment at once, and a louder one by a tenth in a second.
LEAST = 100.0
ABOVE_BACKGROUND = 3.0
RISE = 1.1

# The pause in seconds that is mostly one between two turns.
GAP = 1.5

# Seconds without sound after which there is no use in speaking of the last one.
LATELY = 10.0

# Seconds of audio that are kept around sound.
MARGIN = 0.5


class Interruptions:
    """Tells apart what interrupts a model: somebody, or nothing, where a service says the same of both.

    The first interruption of which no sound was sent may be by somebody whom only the service hears. Another one behind
    it, without a word in between, is by nobody: the model breaks off by itself.
    """

    def __init__(self) -> None:
        self._unheard = False

    def by_somebody(self, silence: float) -> bool:
        """Take note that the service reports one, so many seconds after the last sound that was sent. Returns whether
        it is by somebody."""
        before, self._unheard = self._unheard, silence >= LATELY
        return not (before and self._unheard)

    def words_came(self) -> None:
        """Take note that somebody has said something."""
        self._unheard = False


class SoundTracker:
    """Tracks the latest stretch of sound, in seconds of audio. It tells loud from quiet, not speech from noise.

    `gap`: seconds without sound after which the next sound belongs to something else.
    """

    def __init__(self, gap: float = GAP) -> None:
        self._gap = gap
        self._position = 0.0
        self._background = LEAST
        self._began: float | None = None
        self._last = 0.0

    def hear(self, audio: PcmData) -> None:
        """Take the next piece, usually 20 ms."""
        if not len(audio):
            return
        samples = audio.samples.astype(np.float32)
        level = float(np.sqrt(samples @ samples / len(samples)))
        self._background = max(LEAST, min(level, self._background * RISE**audio.duration))
        begin, self._position = self._position, self._position + audio.duration
        if level > LEAST and level > ABOVE_BACKGROUND * self._background:
            if self._began is None or begin - self._last > self._gap:
                self._began = begin
            self._last = self._position

    def stretch(self) -> tuple[float, float] | None:
        """Returns how long it lasts, and how long ago it ended; None if there was none in the last `LATELY` seconds."""
        silence = self._position - self._last
        return None if self._began is None or silence > LATELY else (self._last - self._began, silence)


def with_sound(pieces: list[PcmData], tracker: SoundTracker | None = None) -> list[PcmData]:
    """Return the pieces from the first sound in them to the last one, with up to `MARGIN` seconds on either side.

    `tracker`: of what came before them: it knows the background.
    """
    tracker, sounding = tracker or SoundTracker(), list[int]()
    for number, piece in enumerate(pieces):
        tracker.hear(piece)
        stretch = tracker.stretch()
        if len(piece) and stretch is not None and stretch[1] == 0.0:
            sounding.append(number)
    if not sounding:
        return []
    first, last = sounding[0], sounding[-1]
    before, behind = _within(reversed(pieces[:first])), _within(pieces[last + 1 :])
    return pieces[first - before : last + 1 + behind]


def _within(pieces: Iterable[PcmData]) -> int:
    """Return how many of the pieces, from the first one on, are not longer than `MARGIN` together."""
    return sum(until <= MARGIN for until in accumulate(piece.duration for piece in pieces))
