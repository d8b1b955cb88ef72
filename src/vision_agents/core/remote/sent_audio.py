"""Audio that was sent and that nothing shows to be understood: where a session is lost, the next one hears it again."""

from __future__ import annotations

import logging
from collections import deque

from ..audio import PcmData
from .sound import SoundTracker

logger = logging.getLogger(__name__)

# Seconds of audio that are kept of somebody who speaks for long, and from before a sound.
LIMIT = 60.0
LEAD = 0.5

# Who made a sound within so many seconds may still be speaking: services wait half a second before they take a turn for
# over, and what they tell sooner is of something before it. A pause of so many seconds is between two turns.
SPEAKING = 0.45
PAUSE = 0.4

# So often the same sound is sent again. Where each session is lost with it, they may be lost because of it.
AGAIN = 4


class SentAudio:
    """The latest audio, from before the first sound in it that nobody has understood; without sound, `LEAD` seconds."""

    def __init__(self) -> None:
        self._pieces: deque[PcmData] = deque()
        self._seconds = 0.0
        self._sound = SoundTracker(PAUSE)
        # Somebody has spoken for longer than `LIMIT`.
        self._cut = False
        # How often sound was taken since anything was understood.
        self._repeats = 0

    @property
    def in_vain(self) -> bool:
        """Return whether sound was taken more than `AGAIN` times, and nothing was understood."""
        return self._repeats > AGAIN

    def add(self, audio: PcmData) -> None:
        """Add a piece that is being sent."""
        self._pieces.append(audio)
        self._seconds += audio.duration
        self._sound.hear(audio)
        if self._sound.stretch() is None:
            self._keep(LEAD)
            self._cut = False
        else:
            self._cut |= self._keep(LIMIT)

    def understood(self) -> None:
        """Forget what was said: its words are known, or it is being answered. What is being said just now is not."""
        self._repeats = 0
        stretch = self._sound.stretch()
        if stretch is not None and stretch[1] < SPEAKING:
            self._cut &= self._seconds <= LEAD + sum(stretch)
            self._keep(min(LIMIT, LEAD + sum(stretch)))
        else:
            self._clear()

    def take(self) -> list[PcmData]:
        """Returns all of it, oldest first, and forgets it."""
        pieces = list(self._pieces)
        self._repeats += self._sound.stretch() is not None
        if self._cut:
            logger.warning("somebody has spoken for more than %.0f s: what is older is not heard again", LIMIT)
        self._clear()
        return pieces

    def forget(self) -> None:
        """Forget it, and how often it was taken."""
        self._clear()
        self._repeats = 0

    def _clear(self) -> None:
        self._pieces.clear()
        self._seconds = 0.0
        self._sound = SoundTracker(PAUSE)
        self._cut = False

    def _keep(self, seconds: float) -> bool:
        """Forget what is older than the latest `seconds`; returns whether something was."""
        before = len(self._pieces)
        while self._pieces and self._seconds - self._pieces[0].duration >= seconds:
            self._seconds -= self._pieces.popleft().duration
        return len(self._pieces) < before
