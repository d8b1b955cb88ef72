"""A participant's audio on its way to one consumer: by a queue, or straight to one that never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from ..audio import PcmData
from ..tasks import OUTSIDE, own_errors

# Audio that may wait for a consumer, in seconds. Beyond it the oldest is dropped, and that is reported as a failure: a
# recogniser that hangs for longer must not make the agent answer ever later.
LIMIT_SECONDS = 20.0

# How long a consumer may take to notice that its lane is closed, in seconds.
CLOSE_TIMEOUT = 1.0

# Where in the queue somebody waits for all that was pushed before.
Mark = asyncio.Future[None]


class Lane(Protocol):
    """The way to one consumer."""

    def push(self, audio: PcmData) -> None:
        """Add audio. Never waits."""

    async def drain(self) -> None:
        """Wait until everything pushed so far was consumed or dropped; what is pushed meanwhile is not waited for."""

    def stop(self) -> None:
        """Consume no more, from now on."""

    async def close(self) -> None:
        """Stop; what still waits is not consumed."""


class DirectLane:
    """Calls a consumer that never waits: a queue and a task cost more than what most of them do with a frame.

    `failed` is called with what it raised: the first time, and again after it had gone well in between.
    """

    def __init__(
        self, name: str, consume: Callable[[PcmData], object], failed: Callable[[BaseException], None]
    ) -> None:
        self._name = name
        self._consume = consume
        self._failed = failed
        self._broken = False

    def push(self, audio: PcmData) -> None:
        """Have the audio consumed."""
        try:
            if self._consume(audio) is not None:
                raise TypeError(f"{self._name} is heard by a plain function that returned something: make it async")
            self._broken = False
        except OUTSIDE:
            raise
        except BaseException as error:
            if not self._broken:
                self._failed(error)
            self._broken = True

    async def drain(self) -> None:
        """Nothing waits here."""

    def stop(self) -> None:
        """Nothing runs here."""

    async def close(self) -> None:
        """Nothing waits here."""


class AudioLane:
    """A bounded queue with its own task: a slow consumer delays neither the call nor another consumer.

    `failed` is called with what the consumer raised, and with a BufferError when audio is dropped: the first time,
    and again after it had gone well in between.
    """

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
        self._queue: asyncio.Queue[PcmData | Mark] = asyncio.Queue()
        self._waiting = 0.0
        self._broken = False
        self._behind = False
        # Seconds of audio that were dropped, in all.
        self.dropped = 0.0
        self._task = asyncio.get_running_loop().create_task(self._run(), name=name)

    def push(self, audio: PcmData) -> None:
        """Add audio; at the limit the oldest goes."""
        while self._waiting + audio.duration > self._limit and not self._queue.empty():
            self._drop(self._queue.get_nowait())
        self._waiting += audio.duration
        self._queue.put_nowait(audio)

    async def drain(self) -> None:
        """Wait until everything pushed so far was consumed or dropped; what is pushed meanwhile is not waited for."""
        if not self._task.done():
            mark: Mark = asyncio.get_running_loop().create_future()
            self._queue.put_nowait(mark)
            await mark

    def stop(self) -> None:
        """Consume no more, from now on."""
        self._task.cancel()

    async def close(self) -> None:
        """Stop; what still waits is not consumed."""
        self.stop()
        await asyncio.wait([self._task], timeout=CLOSE_TIMEOUT)
        while not self._queue.empty():
            _release(self._queue.get_nowait())

    def _drop(self, oldest: PcmData | Mark) -> None:
        if isinstance(oldest, asyncio.Future):
            _release(oldest)
            return
        self._waiting -= oldest.duration
        self.dropped += oldest.duration
        if not self._behind:
            self._behind = True
            self._failed(BufferError(f"{self._name} is {self._limit:.0f} s behind: its oldest audio is dropped"))

    async def _run(self) -> None:
        while True:
            audio = await self._queue.get()
            if isinstance(audio, asyncio.Future):
                _release(audio)
                continue
            self._waiting -= audio.duration
            if self._waiting < self._limit / 2:
                self._behind = False
            try:
                # A cancellation from within must not end the lane: nobody would hear the participant any more.
                await own_errors(self._consume(audio), self._name)
                self._broken = False
            except Exception as error:
                # Fifty frames a second may fail in the same way: the first one is reported.
                if not self._broken:
                    self._failed(error)
                self._broken = True


def _release(item: PcmData | Mark) -> None:
    if isinstance(item, asyncio.Future) and not item.done():
        item.set_result(None)
