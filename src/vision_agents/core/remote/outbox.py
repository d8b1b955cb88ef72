"""A bounded queue of what waits to be sent: messages in their order, and audio behind them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

from ..audio import PcmData
from .sound import SoundTracker, with_sound

M = TypeVar("M")

logger = logging.getLogger(__name__)

# Audio of the user that waits for a connection, in seconds. Beyond it only what somebody said is kept of the older
# half, and of that the latest so many; the log says when that drops something.
AUDIO_LIMIT = 20.0
SPOKEN_LIMIT = 60.0


class Outbox(Generic[M]):
    """A queue filled by the conversation and emptied by one connection to `service` after another.

    It never blocks who fills it; of audio it holds `AUDIO_LIMIT` seconds, and what is put back or was said before.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        # What is sent once more, in front of all other.
        self._again: deque[PcmData] = deque()
        self._audio: deque[PcmData] = deque()
        self._seconds = 0.0
        # Of what was set aside: steady noise is no speech the next time either, and would displace it.
        self._sound = SoundTracker()
        self._something = asyncio.Event()
        self.messages: deque[M] = deque()

    def __bool__(self) -> bool:
        return bool(self.messages or self._again or self._audio)

    def put(self, message: M) -> None:
        """Add a message."""
        self.messages.append(message)
        self._something.set()

    def put_audio(self, audio: PcmData) -> None:
        """Add audio; at the limit only what was said is kept of the older half."""
        self._audio.append(audio)
        self._seconds += audio.duration
        if self._seconds > AUDIO_LIMIT:
            latest = AUDIO_LIMIT / 2
            logger.warning("%s takes no audio: what is older than %.0f s is dropped, but speech", self._service, latest)
            self.set_aside(latest)
        self._something.set()

    def keep_latest(self, seconds: float) -> None:
        """Forget audio that is older than the latest `seconds`: nobody spoke in it."""
        while self._audio and self._seconds - self._audio[0].duration >= seconds:
            self._seconds -= self._audio.popleft().duration

    def set_aside(self, latest: float = 0.0) -> None:
        """Keep only what somebody said of the audio that waits, but for the `latest` seconds: there may be no
        connection for long."""
        older = list[PcmData]()
        while self._audio and self._seconds > latest:
            older.append(self._audio.popleft())
            self._seconds -= older[-1].duration
        spoken = with_sound(older, self._sound)
        if spoken:
            self._again.extend(spoken)
            self._bound()

    def _bound(self) -> None:
        seconds = sum(piece.duration for piece in self._again)
        if seconds > SPOKEN_LIMIT:
            logger.warning("%s takes no audio: of what was said %.0f s are kept", self._service, SPOKEN_LIMIT)
        while seconds > SPOKEN_LIMIT:
            seconds -= self._again.popleft().duration

    def put_back(self, audio: Iterable[PcmData]) -> None:
        """Put `audio`, which was taken before, in front of all other. Who has kept it has bounded it."""
        self._again.extendleft(reversed(list(audio)))
        self._something.set()

    def take_audio(self, limit: float) -> PcmData:
        """Returns the next audio: one piece, and more as long as they are not longer than `limit` seconds together."""
        waiting = self._again or self._audio
        pieces = [waiting.popleft()]
        seconds = pieces[0].duration
        while waiting and seconds + waiting[0].duration <= limit:
            pieces.append(waiting.popleft())
            seconds += pieces[-1].duration
        if waiting is self._audio:
            self._seconds -= seconds
        return pieces[0] if len(pieces) == 1 else PcmData.concat(pieces)

    def clear(self) -> None:
        """Forget everything: nobody will send it."""
        self.messages.clear()
        self._again.clear()
        self._audio.clear()
        self._seconds = 0.0

    def forget_audio(self, *, unsent: bool = True) -> None:
        """Forget what was put back or set aside, and (`unsent`) the latest audio; the log says so if it was sound."""
        if with_sound([*self._again, *(self._audio if unsent else ())]):
            logger.warning("%s has not understood all that was said: it is forgotten", self._service)
        self._again.clear()
        if unsent:
            self._audio.clear()
            self._seconds = 0.0

    async def wait(self, timeout: float | None) -> bool:
        """Wait until something is there, at most `timeout` seconds (None: for ever); returns whether it is."""
        try:
            async with asyncio.timeout(timeout):
                while not self:
                    self._something.clear()
                    await self._something.wait()
        except TimeoutError:
            return False
        return True
