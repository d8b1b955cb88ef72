"""A realtime connection that comes back: what is sent waits its turn, what breaks is opened again."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

from openai.resources.realtime.realtime import AsyncRealtimeConnection, AsyncRealtimeConnectionManager

from vision_agents.core.audio import PcmData
from vision_agents.core.remote import Outbox

from .client import ERRORS, OpenAIError, explained
from .wire import ClientEvent

logger = logging.getLogger(__name__)

WHERE = "OpenAI Realtime"

# Deadlines in seconds: to be in a session, and to get a message out.
CONNECT_TIMEOUT = 15.0
SEND_TIMEOUT = 10.0

# Pauses before attempts to connect again, in seconds; after the last one it is given up.
BACKOFF = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)

# A session that lasted so long, in seconds, went well: after it the pauses begin anew.
STEADY = 10.0

# Messages that may wait. A connection with more of them does not move: it is broken.
MESSAGE_LIMIT = 1000

Event = Any


class LinkListener(Protocol):
    """Who is at the near end. Every method returns at once."""

    def opening(self) -> Iterable[ClientEvent]:
        """What to send first in a new session. The first message configures it, and is confirmed before the others."""

    def event(self, event: Event) -> None:
        """An event came."""

    def lost(self, error: OpenAIError, again: bool) -> None:
        """The connection broke; `again`: it is being opened again."""

    def unreadable(self, error: OpenAIError) -> None:
        """A message came that cannot be read, or not be handled."""


class Link:
    """One session after another, each a connection of the SDK."""

    def __init__(self, connect: Callable[[], AsyncRealtimeConnectionManager], listener: LinkListener) -> None:
        self._connect = connect
        self._listener = listener
        self._outbox: Outbox[str] = Outbox(WHERE)
        self._ready = asyncio.Event()
        self._connection: AsyncRealtimeConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._failure: OpenAIError | None = None

    async def start(self) -> None:
        """Open the first session. Raises OpenAIError."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                connection = await self._open()
        except ERRORS as error:
            raise explained(error, WHERE) from error
        self._task = asyncio.create_task(self._run(connection), name="openai realtime")

    @property
    def open(self) -> bool:
        """Whether there is a session now."""
        return self._failure is None and self._ready.is_set()

    async def ready(self) -> None:
        """Wait until there is a session. Raises OpenAIError if there is none in time, or never will be."""
        if self._failure is not None:
            raise self._failure
        if self._task is None:
            raise OpenAIError(f"{WHERE}: there is no session; call connect() first, and not after close().")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._ready.wait()
        except TimeoutError:
            raise OpenAIError(f"{WHERE}: the connection is broken, and not back yet.") from None
        if self._failure is not None:
            raise self._failure

    def send(self, message: ClientEvent) -> None:
        """Send a message of this session. Without one it is dropped: it was about what is gone with its session."""
        if self.open:
            self._outbox.put(json.dumps(message))

    def send_audio(self, audio: PcmData) -> None:
        """Send audio to the input buffer, of this session or the next one. If there will be none, it is dropped."""
        if self._failure is None:
            self._outbox.put_audio(audio)

    async def close(self) -> None:
        """Close the session. Harmless twice."""
        task, self._task = self._task, None
        self._ready.clear()
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=SEND_TIMEOUT)
        if self._connection is not None:
            await self._hang_up(self._connection)

    # Sessions.

    async def _run(self, connection: AsyncRealtimeConnection) -> None:
        now = asyncio.get_running_loop().time
        broken = 0  # sessions in a row that did not last
        try:
            while True:
                began = now()
                error = await self._session(connection)
                broken = 0 if now() - began >= STEADY else broken + 1
                self._ready.clear()
                self._outbox.messages.clear()
                again = not error.hopeless
                self._listener.lost(error, again)
                if not again:
                    raise error
                connection = await self._reopen(BACKOFF[max(0, broken - 1) :], error)
        except OpenAIError as error:
            self._failure = error
            self._ready.set()

    async def _reopen(self, pauses: tuple[float, ...], failure: OpenAIError) -> AsyncRealtimeConnection:
        for pause in pauses:
            await asyncio.sleep(pause)
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    return await self._open()
            except ERRORS as error:
                failure = explained(error, WHERE)
                logger.warning("%s", failure)
                if failure.hopeless:
                    break
        self._listener.lost(failure, again=False)
        raise failure

    async def _open(self) -> AsyncRealtimeConnection:
        """Connect and configure a session."""
        connection = self._connection = await self._connect().enter()
        try:
            first, *others = self._listener.opening()
            await connection.send_raw(json.dumps(first))
            while (event := await connection.recv()).type != "session.updated":
                if event.type == "error":
                    raise OpenAIError(f"{WHERE}: {event.error.message}", event.error.code)
                self._listener.event(event)
            self._ready.set()
            for message in others:
                self.send(message)
            self._listener.event(event)
        except BaseException:
            self._ready.clear()
            await self._hang_up(connection)
            raise
        return connection

    async def _session(self, connection: AsyncRealtimeConnection) -> OpenAIError:
        """Read and write until the connection breaks; how it broke."""
        tasks = [
            asyncio.create_task(self._read(connection), name="openai realtime reader"),
            asyncio.create_task(self._write(connection), name="openai realtime writer"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            broken = next(task for task in tasks if task.done())
            return explained(broken.exception() or OpenAIError(f"{WHERE}: the session ended."), WHERE)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=SEND_TIMEOUT)
            await self._hang_up(connection)

    @staticmethod
    async def _hang_up(connection: AsyncRealtimeConnection) -> None:
        with suppress(*ERRORS):
            async with asyncio.timeout(SEND_TIMEOUT):
                await connection.close()

    async def _read(self, connection: AsyncRealtimeConnection) -> None:
        while True:
            data = await connection.recv_bytes()
            try:
                self._listener.event(connection.parse_event(data))
            except Exception as error:
                # One message that makes no sense does not end the conversation.
                logger.debug("a message that cannot be handled: %r", data[:500], exc_info=True)
                self._listener.unreadable(explained(error, f"{WHERE}, in a message"))

    async def _write(self, connection: AsyncRealtimeConnection) -> None:
        while True:
            await self._outbox.wait(None)
            async with asyncio.timeout(SEND_TIMEOUT):
                await connection.send_raw(self._next())
            if len(self._outbox.messages) > MESSAGE_LIMIT:
                raise OpenAIError(f"{WHERE}: {MESSAGE_LIMIT} messages wait, the connection does not move.")

    def _next(self) -> str:
        # A cancellation does not wait behind audio.
        if self._outbox.messages:
            return self._outbox.messages.popleft()
        audio = self._outbox.take_audio(0.0)
        # By hand: fifty of these a second go through here, and the SDK would look at every field of each.
        return f'{{"type":"input_audio_buffer.append","audio":"{base64.b64encode(audio.to_bytes()).decode()}"}}'
