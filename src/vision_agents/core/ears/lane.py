"""A participant's audio on its way to one consumer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ..audio import PcmData

logger = logging.getLogger(__name__)

# Audio that may wait for a consumer, in seconds. Beyond it the oldest is dropped, and counted, and the log says so:
# a recogniser that hangs for longer must not make the agent answer ever later.
LIMIT_SECONDS = 20.0


class AudioLane:
    """A bounded queue with its own task: a slow consumer delays neither the call nor another consumer."""

    def __init__(
        self,
        name: str,
        consume: Callable[[PcmData], Awaitable[None]],
        failed: Callable[[BaseException], None],
        limit: float = LIMIT_SECONDS,
    ) -> None:
        self._name = name
        self._consume = consume
        self._failed = failed
        self._limit = limit
        self._queue: asyncio.Queue[PcmData] = asyncio.Queue()
        self._waiting = 0.0
        self._broken = False
        self.dropped = 0.0
        self._task = asyncio.get_running_loop().create_task(self._run(), name=name)

    def push(self, audio: PcmData) -> None:
        """Add audio; at the limit the oldest goes."""
        while self._waiting + audio.duration > self._limit and not self._queue.empty():
            lost = self._queue.get_nowait()
            self._queue.task_done()
            self._waiting -= lost.duration
            if not self.dropped:
                logger.warning("%s is more than %.0f s behind: its oldest audio is dropped", self._name, self._limit)
            self.dropped += lost.duration
        self._waiting += audio.duration
        self._queue.put_nowait(audio)

    async def drain(self) -> None:
        """Wait until everything pushed so far was consumed."""
        await self._queue.join()

    async def close(self) -> None:
        """Stop; what still waits is not consumed."""
        self._task.cancel()
        await asyncio.wait([self._task], timeout=1.0)

    async def _run(self) -> None:
        while True:
            audio = await self._queue.get()
            self._waiting -= audio.duration
            try:
                await self._consume(audio)
                self._broken = False
            except Exception as error:
                # Fifty frames a second may fail in the same way: the first one is reported.
                if not self._broken:
                    self._failed(error)
                self._broken = True
            finally:
                self._queue.task_done()
