"""What waits to be sent: texts and results in their order, and audio behind them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable

import numpy as np

from vision_agents.core.audio import PcmData

from .client import WHERE, AWSError
from .stream import Stream
from .wire import INPUT_SAMPLE_RATE, Json, Prompt

logger = logging.getLogger(__name__)

# Audio of the user that waits for a stream, in seconds; beyond it the oldest is dropped, and the log says so.
AUDIO_LIMIT = 20.0

# Audio that waits goes out in pieces of up to so many seconds.
PIECE = 0.2

# The service ends a session without audio: where none comes for so many seconds, silence is sent.
PAUSE = 0.25

# How much of the latest audio a new stream gets once more, in seconds: somebody may just have begun to speak. The
# service waits at least this long after the last sound before it answers, so nothing in it was answered yet.
REPLAY = 1.5

# Sample values above which audio counts as sound, and the pause in seconds that ends a stretch of it: only for telling
# how long a turn was, which the service does not, and when a stream is best renewed.
LEVEL = 400
GAP = 2.0

# Texts and results that may wait. With more the connection does not move: it is broken.
LIMIT = 300


class Outbox:
    """Filled by the conversation, emptied by one stream after another."""

    def __init__(self) -> None:
        self._groups: deque[list[Json]] = deque()
        self._audio: deque[PcmData] = deque()
        self._waiting = 0.0
        self._sent: deque[PcmData] = deque()
        self._sent_seconds = 0.0
        self._something = asyncio.Event()
        self._stopped = False
        # Seconds of the latest stretch of sound, to its last sound, and of the audio since then.
        self.speech = 0.0
        self.quiet = 0.0

    def put(self, events: Iterable[Json]) -> None:
        """Add events that belong together: they are sent all or not at all, since a content must not stay open."""
        self._groups.append(list(events))
        self._something.set()

    def put_audio(self, audio: PcmData) -> None:
        """Add audio; at the limit the oldest goes."""
        if not len(audio):
            return
        loud = int(np.max(audio.samples)) > LEVEL or int(np.min(audio.samples)) < -LEVEL
        if loud:
            before = self.speech + self.quiet if self.speech and self.quiet < GAP else 0.0
            self.speech, self.quiet = before + audio.duration, 0.0
        else:
            self.quiet += audio.duration
        self._audio.append(audio)
        self._waiting += audio.duration
        if self._waiting > AUDIO_LIMIT:
            while self._waiting > AUDIO_LIMIT / 2:
                self._waiting -= self._audio.popleft().duration
            logger.warning("%s takes no audio: what is older than %.0f s is dropped", WHERE, AUDIO_LIMIT / 2)
        self._something.set()

    def turn_over(self) -> tuple[float, float]:
        """Seconds of the latest stretch of sound, and since it. The next sound begins another one."""
        speech, self.speech = self.speech, 0.0
        return speech, self.quiet

    def stop(self) -> None:
        """`write` returns after what it is sending. Events are forgotten: they were for its stream."""
        self._stopped = True
        self._groups.clear()
        self._something.set()

    async def write(self, stream: Stream, prompt: Prompt) -> None:
        """Send everything that comes. Raises AWSError."""
        self._stopped = False
        self._rewind()
        while not self._stopped:
            if len(self._groups) > LIMIT:
                raise AWSError(f"{WHERE}: {LIMIT} texts wait, the connection does not move.")
            # A text does not wait behind audio.
            if self._groups:
                for event in self._groups.popleft():
                    await stream.send(event)
            elif self._audio:
                await stream.send(prompt.audio(self._next_audio()))
            else:
                await self._wait()

    async def _wait(self) -> None:
        self._something.clear()
        try:
            async with asyncio.timeout(PAUSE):
                await self._something.wait()
        except TimeoutError:
            self.put_audio(PcmData.silence(PAUSE, INPUT_SAMPLE_RATE))

    def _next_audio(self) -> PcmData:
        batch = [self._audio.popleft()]
        seconds = batch[0].duration
        while self._audio and seconds + self._audio[0].duration <= PIECE:
            batch.append(self._audio.popleft())
            seconds += batch[-1].duration
        self._waiting = max(0.0, self._waiting - seconds)
        self._sent.extend(batch)
        self._sent_seconds += seconds
        while self._sent and self._sent_seconds - self._sent[0].duration >= REPLAY:
            self._sent_seconds -= self._sent.popleft().duration
        return batch[0] if len(batch) == 1 else PcmData.concat(batch)

    def _rewind(self) -> None:
        self._audio.extendleft(reversed(self._sent))
        self._waiting += self._sent_seconds
        self._sent.clear()
        self._sent_seconds = 0.0
