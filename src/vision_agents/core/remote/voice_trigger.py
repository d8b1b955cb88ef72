"""Calls for a new connection when somebody speaks and there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..audio import PcmData
from .sound import SoundTracker

# Seconds of sound that are taken for a voice: longer than a click, shorter than "hello".
VOICE_SECONDS = 0.2


class VoiceTrigger:
    """Calls `reopen` when there is a voice in audio that nobody takes, but not before the time set by `bar`.

    A voice that comes earlier is not forgotten: the call is made when its time has come, once.
    """

    def __init__(self, reopen: Callable[[], None]) -> None:
        self._reopen = reopen
        self._sound = SoundTracker()
        self._not_before = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def bar(self, seconds: float) -> None:
        """Make no call within the next `seconds`. What was heard until now does not count."""
        self._sound = SoundTracker()
        self._not_before = asyncio.get_running_loop().time() + seconds

    def hear(self, audio: PcmData) -> bool:
        """Take audio that nobody takes; returns whether there was a voice in it since the last call."""
        if self._timer is None:
            self._sound.hear(audio)
            stretch = self._sound.stretch()
            if stretch is not None and stretch[0] >= VOICE_SECONDS:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_at(max(loop.time(), self._not_before), self._call)
        return self._timer is not None

    def stop(self) -> None:
        """Make no call for what was heard until now."""
        self._sound = SoundTracker()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _call(self) -> None:
        self._timer = None
        self._reopen()
