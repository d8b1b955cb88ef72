"""A conversation with Nova Sonic over as many streams as it takes.

A stream lasts eight minutes at most, and knows no message that cancels an answer. So it is renewed: before its time is
over, and where an answer has to be cancelled that the service does not stop by itself. The next stream is told what was
said so far.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from vision_agents.core.audio import PcmData

from .client import WHERE, AWSError
from .outbox import Outbox
from .stream import CONNECT_TIMEOUT, Stream, Unreadable, look_at
from .wire import Json, Prompt

logger = logging.getLogger(__name__)

# A stream of so many seconds is renewed at the next pause of the conversation, and at the latest after so many: the
# service ends it after 480.
RENEW_AFTER = 360.0
RENEW_AT_LAST = 450.0
RENEW_CHECK = 0.1

# Pauses before attempts to connect again, in seconds; after the last one it is given up. A stream on which the service
# said something, and that lasted so many seconds, starts the count anew.
BACKOFF = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
STEADY = 5.0

# Deadline in seconds for what is still being closed when all is to be over.
CLOSE_TIMEOUT = 6.0

# Unreadable events that may come in a row. With more the stream is broken.
UNREADABLE_LIMIT = 100


class LinkListener(Protocol):
    """Who is at the near end. Every method returns at once."""

    @property
    def pausing(self) -> bool:
        """Whether nobody says anything, or is about to."""

    def prompt(self, with_history: bool) -> Prompt:
        """What a new stream begins with."""

    def opened(self) -> None:
        """There is a stream, the first one or another one."""

    def event(self, event: Json) -> None:
        """An event came."""

    def lost(self, error: AWSError | None, again: bool) -> None:
        """The stream is gone: it broke, or (no `error`) it is renewed. `again`: there will be another one."""

    def unreadable(self, error: AWSError) -> None:
        """An event came that cannot be read, or not be handled."""


class Link:
    """One stream after another. `connect` makes them."""

    def __init__(self, connect: Callable[[], Stream], listener: LinkListener) -> None:
        self._connect = connect
        self._listener = listener
        self._outbox = Outbox()
        self._ready = asyncio.Event()
        self._renewal = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._opening: asyncio.Future[None] | None = None
        self._prompt: Prompt | None = None
        self._stream: Stream | None = None
        # What the service calls invalid is not sent to it again.
        self._with_history = True
        self._healthy = False
        self._leaving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open a stream. Raises AWSError."""
        await self._cancel()
        loop = asyncio.get_running_loop()
        self._opening = opening = loop.create_future()
        self._task = loop.create_task(self._run(opening), name="nova sonic")
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await self.close()
            raise

    async def ready(self) -> Prompt:
        """Wait until there is a stream, and open one if it was given up. Raises AWSError."""
        if self._opening is None:
            raise AWSError(f"{WHERE}: there is no session; call connect() first, and not after close().")
        if self._task is None or self._task.done():
            await self.start()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._ready.wait()
        except TimeoutError:
            raise AWSError(f"{WHERE}: the connection is broken, and not back yet.") from None
        assert self._prompt is not None
        return self._prompt

    @property
    def prompt(self) -> Prompt | None:
        """That of the open stream, if there is one."""
        return self._prompt if self._ready.is_set() else None

    @property
    def quiet(self) -> float:
        """Seconds of the users' audio since the last sound in it."""
        return self._outbox.quiet

    def turn_over(self) -> tuple[float, float]:
        """Seconds that the users spoke since the last turn, and that they have been silent since, by their audio."""
        return self._outbox.turn_over()

    def send(self, events: Iterable[Json]) -> None:
        """Send events of this stream. Without one they are dropped: they were about what is gone."""
        if self._ready.is_set():
            self._outbox.put(events)

    def send_audio(self, audio: PcmData) -> None:
        """Send audio, on this stream or the next one."""
        self._outbox.put_audio(audio)

    def renew(self) -> None:
        """Put another stream in place of this one. From now on this one is deaf and dumb."""
        if self._ready.is_set():
            self._ready.clear()
            self._renewal.set()

    async def close(self) -> None:
        """Close it. Harmless twice."""
        self._opening = None
        await self._cancel()
        if self._leaving:
            await asyncio.wait(list(self._leaving), timeout=CLOSE_TIMEOUT)

    async def _cancel(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=CLOSE_TIMEOUT)

    # Streams.

    async def _run(self, opening: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            error: AWSError | None = None
            try:
                await self._session(opening)
            except AWSError as failure:
                error = failure
            except Exception as failure:
                logger.exception("%s: an error that should not be", WHERE)
                error = AWSError(f"{WHERE}: {type(failure).__name__}: {failure}")
            if error is None:
                self._listener.lost(None, again=True)
                continue
            if self._healthy and loop.time() - began >= STEADY:
                failures = 0
            if error.code == "invalid" and not self._healthy:
                self._with_history = False
            again = opening.done() and not error.hopeless and failures < len(BACKOFF)
            if not opening.done():
                opening.set_exception(error)
                opening.exception()  # Nobody may be waiting for it any more.
                return
            self._listener.lost(error, again)
            if not again:
                return
            await asyncio.sleep(BACKOFF[failures])
            failures += 1

    async def _session(self, opening: asyncio.Future[None]) -> None:
        """One stream, until it is to be renewed. Raises AWSError if it breaks."""
        self._healthy = False
        self._renewal.clear()
        prompt = self._listener.prompt(self._with_history)
        stream = self._connect()
        reader: asyncio.Task[None] | None = None
        try:
            await stream.open(prompt.opening())
            self._prompt, self._stream = prompt, stream
            reader = asyncio.create_task(self._read(stream), name="nova sonic reader")
            reader.add_done_callback(look_at)
            self._ready.set()
            self._listener.opened()
            if not opening.done():
                opening.set_result(None)
            await self._converse(stream, prompt, reader)
        finally:
            self._ready.clear()
            leaving = asyncio.create_task(stream.close(prompt.closing(), reader), name="nova sonic goodbye")
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def _converse(self, stream: Stream, prompt: Prompt, reader: asyncio.Task[None]) -> None:
        writer = asyncio.create_task(self._outbox.write(stream, prompt), name="nova sonic writer")
        writer.add_done_callback(look_at)
        renewal = asyncio.create_task(self._until_renewal(), name="nova sonic renewal")
        try:
            await asyncio.wait([reader, writer, renewal], return_when=asyncio.FIRST_COMPLETED)
            # What the service says is worth more than that nothing could be sent.
            for task in (reader, writer):
                if task.done():
                    task.result()
        finally:
            self._ready.clear()
            renewal.cancel()
            # It ends between two events: cut off within one, the signatures of the next would be wrong.
            self._outbox.stop()
            await asyncio.wait([writer, renewal], timeout=CLOSE_TIMEOUT)
            writer.cancel()

    async def _until_renewal(self) -> None:
        loop = asyncio.get_running_loop()
        opened = loop.time()
        while not self._renewal.is_set():
            age = loop.time() - opened
            if age >= RENEW_AT_LAST or (age >= RENEW_AFTER and self._listener.pausing):
                logger.info("%s ends a stream after eight minutes: another one takes over", WHERE)
                return
            pause = RENEW_CHECK if age >= RENEW_AFTER else RENEW_AFTER - age
            try:
                async with asyncio.timeout(pause):
                    await self._renewal.wait()
            except TimeoutError:
                continue

    async def _read(self, stream: Stream) -> None:
        unreadable = 0
        while True:
            try:
                event = await stream.receive()
            except Unreadable as error:
                unreadable += 1
                if unreadable > UNREADABLE_LIMIT:
                    raise
                if self._ready.is_set():
                    self._listener.unreadable(error)
                continue
            if event is None:
                raise AWSError(f"{WHERE}: the service ended the stream without a word.")
            # While a stream is being closed, or another one is open, what it still says is of no interest.
            if self._current(stream):
                unreadable = self._handle(event, unreadable)

    def _current(self, stream: Stream) -> bool:
        return self._ready.is_set() and self._stream is stream

    def _handle(self, event: Json, unreadable: int) -> int:
        try:
            self._listener.event(event)
        except Exception as error:
            # One event that makes no sense does not end the conversation.
            logger.debug("an event that cannot be handled", exc_info=True)
            self._listener.unreadable(
                AWSError(f"{WHERE}: an event cannot be handled ({type(error).__name__}: {error}).")
            )
            return unreadable + 1
        self._healthy = self._with_history = True
        return 0
