"""A conversation with Nova Sonic over as many streams as it takes.

A stream lasts eight minutes at most, and knows no message that cancels an answer. So it is renewed: before its time is
over, and where an answer has to be cancelled that the service does not stop by itself. The next stream is told what was
said so far.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Protocol

from vision_agents.core.audio import PcmData
from vision_agents.core.remote import LinkListener, RealtimeLink, RemoteError, Service
from vision_agents.core.remote.realtime_link import retrieve_exception
from vision_agents.core.tasks import Tasks, own_errors

from .client import SERVICE_NAME, AWSError, explained
from .speech import Speech
from .stream import Stream, parsed
from .wire import INPUT_SAMPLE_RATE, Json, Prompt

SERVICE = Service(SERVICE_NAME, AWSError, explained, (TimeoutError,))

# A stream of so many seconds is renewed at the next pause of the conversation, and at the latest after so many: the
# service ends it after 480.
RENEW_AFTER = 360.0
RENEW_AT_LAST = 450.0

# The service ends a session without audio: where none comes for so many seconds, silence is sent.
PAUSE = 0.25

# Deadline in seconds for what is still being closed when all is to be over.
CLOSE_TIMEOUT = 6.0


class StreamListener(LinkListener, Protocol):
    """The near end of the link. Every method returns at once."""

    @property
    def pausing(self) -> bool:
        """Return whether nobody says anything, or is about to."""

    def prompt(self, with_history: bool) -> Prompt:
        """The beginning of a new stream."""

    def event(self, event: Json) -> None:
        """An event came."""


class Link(RealtimeLink[Stream, Iterable[Json]]):
    """One stream after another. `make` makes them.

    A message is events that belong together: they are sent all or not at all, since a content must not stay open.
    """

    audio_piece = 0.2
    _listener: StreamListener

    def __init__(self, make: Callable[[], Stream], listener: StreamListener) -> None:
        super().__init__(SERVICE, listener)
        self._make = make
        self.speech = Speech()
        self._stream: Stream | None = None
        self._prompt: Prompt | None = None
        self._reader: asyncio.Task[None] | None = None
        # What the service calls invalid is not sent to it again.
        self._with_history = True
        self._leaving = Tasks()

    @property
    def prompt(self) -> Prompt | None:
        """The prompt of the open stream, if there is one."""
        return self._prompt if self.up else None

    def send_audio(self, audio: PcmData) -> None:
        """Send audio, on this stream or the next one."""
        if len(audio):
            self.speech.hear(audio)
            super().send_audio(audio)

    async def close(self) -> None:
        """Close it. Harmless twice."""
        await super().close()
        await self._leaving.finish(CLOSE_TIMEOUT)

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Stream]:
        prompt, stream = self._listener.prompt(self._with_history), self._make()
        reader: asyncio.Task[None] | None = None
        try:
            await stream.open(prompt.opening())
            self._prompt, self._stream = prompt, stream
            receiving = own_errors(self._receive(stream), f"{SERVICE_NAME} receiver")
            self._reader = reader = asyncio.create_task(receiving, name="nova sonic receiver")
            reader.add_done_callback(retrieve_exception)
            self.renew_in_a_pause(RENEW_AFTER, RENEW_AT_LAST, lambda: self._listener.pausing)
            yield stream
        finally:
            # The next stream does not wait for this.
            self._leaving.spawn(stream.close(prompt.closing(), reader), "nova sonic goodbye")

    async def _read(self, session: Stream) -> None:
        assert self._reader is not None
        await asyncio.shield(self._reader)  # Receiving must not be cancelled, see `Stream`.

    async def _receive(self, stream: Stream) -> None:
        while (data := await stream.receive()) is not None:
            # While a stream is being closed, or another one is open, what it still says is of no interest.
            if not self.up or self._stream is not stream:
                continue
            try:
                self._listener.event(parsed(data))
            except Exception as error:
                self._skip(error)
            else:
                self._healthy = self._with_history = True
                self._unreadable = 0
        raise AWSError(f"{SERVICE_NAME}: the service ended the stream without a word.") from EOFError()

    async def _send(self, session: Stream, message: Iterable[Json]) -> None:
        await session.send(message)

    async def _send_audio(self, session: Stream, audio: PcmData) -> None:
        assert self._prompt is not None
        await session.send([self._prompt.audio(audio)])

    @property
    def _audio_pause(self) -> float | None:
        return PAUSE

    async def _send_pause(self, session: Stream) -> None:
        self.send_audio(PcmData.silence(PAUSE, INPUT_SAMPLE_RATE))

    def _may_go_on(self, error: RemoteError) -> bool:
        if error.code == "invalid" and not self._healthy:
            self._with_history = False
        return not error.hopeless
