"""A conversation with the service over as many connections as it takes."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections import deque
from typing import Any, Protocol

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from vision_agents.core.audio import PcmData

from .client import ERRORS, QwenError, explained, refused
from .messages import Messages, Write

logger = logging.getLogger(__name__)

WHERE = "Qwen Realtime"

# Deadlines in seconds: to be in a session, to get a message out, to be out of a session.
CONNECT_TIMEOUT = 15.0
SEND_TIMEOUT = 10.0
CLOSE_TIMEOUT = 5.0

# Pauses before attempts to connect again, in seconds; after the last one it is given up. A session that went well for
# so many seconds starts the count anew.
BACKOFF = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
STEADY = 5.0

# So does one that had to be renewed, if it lasted longer than this.
BRIEF = 1.0

# An error that the service says is why the session ends, if it ends within so many seconds.
WARNING_SECONDS = 2.0

# Audio of the user that waits for a connection, in seconds; beyond it the oldest is dropped, and the log says so.
AUDIO_LIMIT = 20.0

# What has piled up is sent in messages of at most so many seconds.
AUDIO_MESSAGE = 0.1

# Other messages that may wait. A connection with more of them does not move: it is broken.
MESSAGE_LIMIT = 1000

# A message of the service may have this many bytes; audio comes in pieces of some ten thousand.
MESSAGE_BYTES = 16 * 2**20

Event = dict[str, Any]


class LinkListener(Protocol):
    """Who is at the near end. Every method returns at once."""

    def configure(self, conversation: Any) -> None:
        """Write what sets a session up."""

    def opened(self) -> None:
        """There is a session, the first one or another one."""

    def event(self, event: Event) -> None:
        """An event came."""

    def lost(self, error: QwenError | None, again: bool) -> None:
        """The session is gone: it broke, or (no `error`) it was renewed. `again`: there will be another one."""

    def unreadable(self, error: QwenError) -> None:
        """A message came that cannot be read, or not be handled."""


class Link:
    """One session after another."""

    def __init__(self, messages: Messages, listener: LinkListener) -> None:
        self._messages = messages
        self._listener = listener
        self._outbox = Outbox(messages)
        self._ready = asyncio.Event()
        self._renewal = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._opening: asyncio.Future[None] | None = None
        # The service said that something is wrong, and when: it may be about to end the session for that.
        self._warning: tuple[QwenError, float] | None = None

    async def start(self) -> None:
        """Open a session. Raises QwenError."""
        await self.close()
        loop = asyncio.get_running_loop()
        self._opening = opening = loop.create_future()
        self._task = loop.create_task(self._run(opening), name="qwen realtime")
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await self.close()
            raise

    async def ready(self) -> None:
        """Wait until there is a session, and open one if it was given up. Raises QwenError."""
        if self._opening is None:
            raise QwenError(f"{WHERE}: there is no session; call connect() first, and not after close().")
        if self._task is None or self._task.done():
            await self.start()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._ready.wait()
        except TimeoutError:
            raise QwenError(f"{WHERE}: the connection is broken, and not back yet.") from None

    def send(self, write: Write) -> None:
        """Send what `write` writes, in this session. Without one it is dropped: it was about what is gone."""
        if self._ready.is_set():
            self._outbox.put(write)

    def send_audio(self, audio: PcmData) -> None:
        """Send audio, in this session or the next one. Where there will be none it is dropped: nobody listens."""
        if self._task is not None and not self._task.done():
            self._outbox.put_audio(audio)

    def warned(self, error: QwenError) -> None:
        """The service said that something is wrong: if the session ends now, that is why."""
        self._warning = (error, asyncio.get_running_loop().time())
        if error.hopeless:
            self._renewal.set()  # There is nothing more to be had; what was said is the end of it.

    def renew(self) -> None:
        """Put another session in place of this one."""
        self._renewal.set()

    async def close(self) -> None:
        """Close the session. Harmless twice."""
        task, self._task, self._opening = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=CLOSE_TIMEOUT)

    # Sessions.

    async def _run(self, opening: asyncio.Future[None]) -> None:
        try:
            await self._sessions(opening)
        finally:
            if not opening.done():
                opening.set_exception(QwenError(f"{WHERE}: it was closed while it was being opened."))
                opening.exception()  # Perhaps nobody waits for it any more.

    async def _sessions(self, opening: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            try:
                await self._session(opening)
            except Exception as failure:
                if not isinstance(failure, (*ERRORS, QwenError)):
                    logger.exception("%s: an error that should not be", WHERE)
                error = self._why(failure)
            else:
                failures = 0 if loop.time() - began > BRIEF else failures + 1
                if failures < len(BACKOFF):
                    self._listener.lost(None, again=True)
                    await asyncio.sleep(BACKOFF[max(0, failures - 1)])
                    continue
                error = QwenError(f"{WHERE}: one session after another has to be renewed at once.")
            if not opening.done():
                opening.set_exception(error)
                return
            failures = 0 if loop.time() - began > STEADY else failures + 1
            again = failures < len(BACKOFF) and not error.hopeless
            self._listener.lost(error, again)
            if not again:
                self._outbox = Outbox(self._messages)
                return
            await asyncio.sleep(BACKOFF[failures])

    def _why(self, failure: BaseException) -> QwenError:
        if self._warning is not None and asyncio.get_running_loop().time() - self._warning[1] < WARNING_SECONDS:
            return self._warning[0]
        return explained(failure, WHERE)

    async def _session(self, opening: asyncio.Future[None]) -> None:
        """Open a session; read and write until it has to be renewed. Raises what breaks it."""
        self._warning = None
        self._renewal.clear()
        async with connect(
            self._messages.url,
            additional_headers=self._messages.headers,
            open_timeout=CONNECT_TIMEOUT,
            close_timeout=1.0,
            max_size=MESSAGE_BYTES,
        ) as socket:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._set_up(socket)
            self._ready.set()
            self._listener.opened()
            if not opening.done():
                opening.set_result(None)
            try:
                await self._converse(socket)
            finally:
                # What is sent from now on would be lost: closing takes a moment.
                self._ready.clear()
                self._outbox.forget_messages()
        if self._warning is not None and self._warning[0].hopeless:
            raise self._warning[0]

    async def _set_up(self, socket: ClientConnection) -> None:
        for message in self._messages.written(self._listener.configure):
            await socket.send(message)
        while (event := json.loads(await socket.recv())).get("type") != "session.updated":
            if event.get("type") == "error":
                raise refused(event.get("error") or {}, WHERE)

    async def _converse(self, socket: ClientConnection) -> None:
        tasks = [
            asyncio.create_task(self._read(socket), name="qwen realtime reader"),
            asyncio.create_task(self._outbox.write(socket), name="qwen realtime writer"),
            asyncio.create_task(self._until_renewal(), name="qwen realtime renewal"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task in done:
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT)

    async def _until_renewal(self) -> None:
        await self._renewal.wait()

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            data = await socket.recv()
            try:
                self._listener.event(json.loads(data))
            except Exception as error:
                # One message that makes no sense does not end the conversation.
                logger.debug("a message that cannot be handled: %r", data[:500], exc_info=True)
                self._listener.unreadable(explained(error, f"{WHERE}, in a message"))


class Outbox:
    """What waits to be sent: messages in their order, and audio behind them."""

    def __init__(self, messages: Messages) -> None:
        self._texts = messages
        self._messages: deque[Write] = deque()
        self._audio: deque[PcmData] = deque()
        self._seconds = 0.0
        self._something = asyncio.Event()

    def put(self, write: Write) -> None:
        """Add a message."""
        self._messages.append(write)
        self._something.set()

    def put_audio(self, audio: PcmData) -> None:
        """Add audio; at the limit the oldest goes."""
        self._audio.append(audio)
        self._seconds += audio.duration
        if self._seconds > AUDIO_LIMIT:
            while self._seconds > AUDIO_LIMIT / 2:
                self._seconds -= self._audio.popleft().duration
            logger.warning("%s takes no audio: what is older than %.0f s is dropped", WHERE, AUDIO_LIMIT / 2)
        self._something.set()

    def forget_messages(self) -> None:
        """They were for a session that is gone. Audio is for whichever comes."""
        self._messages.clear()

    async def write(self, socket: ClientConnection) -> None:
        """Send everything that comes. Raises what the socket raises, or QwenError if nothing moves."""
        while True:
            while not self._messages and not self._audio:
                self._something.clear()
                await self._something.wait()
            # A cancellation does not wait behind audio.
            write = self._messages.popleft() if self._messages else self._next_audio()
            try:
                async with asyncio.timeout(SEND_TIMEOUT):
                    for message in self._texts.written(write):
                        await socket.send(message)
            except TimeoutError:
                raise QwenError(f"{WHERE}: the service takes nothing for {SEND_TIMEOUT:.0f} s.") from None
            if len(self._messages) > MESSAGE_LIMIT:
                raise QwenError(f"{WHERE}: {MESSAGE_LIMIT} messages wait, the connection does not move.")

    def _next_audio(self) -> Write:
        pieces: list[PcmData] = []
        seconds = 0.0
        while self._audio and (not pieces or seconds + self._audio[0].duration <= AUDIO_MESSAGE):
            pieces.append(self._audio.popleft())
            seconds += pieces[-1].duration
        self._seconds -= seconds
        samples = pieces[0].samples if len(pieces) == 1 else np.concatenate([piece.samples for piece in pieces])
        data = base64.b64encode(samples.astype("<i2", copy=False).tobytes()).decode()
        return lambda conversation: conversation.append_audio(data)
