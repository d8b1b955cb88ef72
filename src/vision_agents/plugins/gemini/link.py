"""A conversation with the Live API over as many connections as it takes.

A connection lasts ten minutes at most. The next one goes on where it ended, by the handle that the service gave for
that; where there is none, it is told what was said so far.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Protocol

from google import genai
from google.genai import types
from google.genai.live import AsyncSession

from vision_agents.core.audio import PcmData

from .client import ERRORS, INVALID, GeminiError, explained, is_closed

logger = logging.getLogger(__name__)

WHERE = "Gemini Live"

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

# Audio of the user that waits for a connection, in seconds; beyond it the oldest is dropped, and the log says so.
AUDIO_LIMIT = 20.0

# The microphone is off: after so many seconds without audio the service is told, so that it does not wait for more.
AUDIO_PAUSE = 1.0

# Other messages that may wait, and unreadable ones that may come in a row. With more the connection is broken.
MESSAGE_LIMIT = 1000
UNREADABLE_LIMIT = 100

Send = Callable[[AsyncSession], Awaitable[None]]


class LinkListener(Protocol):
    """Who is at the near end. Every method returns at once."""

    def config(self, handle: str | None) -> types.LiveConnectConfig:
        """How to set up a session: the one that `handle` names, or a new one."""

    def history(self) -> list[types.Content]:
        """What a new session has to know of those before it."""

    def opened(self) -> None:
        """There is a session, the first one or another one."""

    def message(self, message: types.LiveServerMessage) -> None:
        """A message came."""

    def lost(self, error: GeminiError | None, again: bool) -> None:
        """The session is gone: it broke, or (no `error`) it was renewed. `again`: there will be another one."""

    def unreadable(self, error: GeminiError) -> None:
        """A message came that cannot be read, or not be handled."""


class Link:
    """One session after another, each a session of the SDK."""

    def __init__(self, client: genai.Client, model: str, listener: LinkListener) -> None:
        self._client = client
        self._model = model
        self._listener = listener
        self._outbox = Outbox()
        self._ready = asyncio.Event()
        self._renewal = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._opening: asyncio.Future[None] | None = None
        # By what a session goes on from the last one. Neither is used again once the service has called it invalid.
        self._handle: str | None = None
        self._with_history = True
        # The model said something in this session.
        self._healthy = False

    async def start(self) -> None:
        """Open a session. Raises GeminiError."""
        await self.close()
        loop = asyncio.get_running_loop()
        self._opening = opening = loop.create_future()
        self._task = loop.create_task(self._run(opening), name="gemini live")
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await self.close()
            raise

    async def ready(self) -> None:
        """Wait until there is a session, and open one if it was given up. Raises GeminiError."""
        if self._opening is None:
            raise GeminiError(f"{WHERE}: there is no session; call connect() first, and not after close().")
        if self._task is None or self._task.done():
            await self.start()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._ready.wait()
        except TimeoutError:
            raise GeminiError(f"{WHERE}: the connection is broken, and not back yet.") from None

    @property
    def up(self) -> bool:
        """Whether there is a session."""
        return self._ready.is_set()

    def send(self, send: Send) -> None:
        """Send by a method of the SDK's session, of this one. Without one it is dropped: it was about what is gone."""
        if self.up:
            self._outbox.put(send)

    def send_audio(self, audio: PcmData) -> None:
        """Send audio, in this session or the next one. Where there will be none it is dropped: nobody listens."""
        if self._task is not None and not self._task.done():
            self._outbox.put_audio(audio)

    def resume_with(self, handle: str) -> None:
        """The next session goes on from here."""
        self._handle = handle

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
                opening.set_exception(GeminiError(f"{WHERE}: it was closed while it was being opened."))
                opening.exception()  # Perhaps nobody waits for it any more.

    async def _sessions(self, opening: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            try:
                await self._session(opening)
            except Exception as failure:
                if not isinstance(failure, (*ERRORS, GeminiError)):
                    logger.exception("%s: an error that should not be", WHERE)
                error = explained(failure, WHERE)
            else:
                failures = 0 if loop.time() - began > BRIEF else failures + 1
                if failures < len(BACKOFF):
                    self._listener.lost(None, again=True)
                    await asyncio.sleep(BACKOFF[max(0, failures - 1)])
                    continue
                error = GeminiError(f"{WHERE}: one session after another has to be renewed at once.")
            if not opening.done():
                opening.set_exception(error)
                return
            failures = 0 if self._healthy and loop.time() - began > STEADY else failures + 1
            again = failures < len(BACKOFF) and self._can_go_on(error)
            self._listener.lost(error, again)
            if not again:
                self._outbox = Outbox()
                return
            await asyncio.sleep(BACKOFF[failures])

    def _can_go_on(self, error: GeminiError) -> bool:
        """Whether another session may be tried after this. It is made without what this one may have failed of."""
        if error.code != INVALID:
            return not error.hopeless
        if self._handle is not None:
            logger.warning("%s The next session is a new one, and is told what was said so far.", error)
            self._handle = None
        elif not self._healthy:
            logger.warning("%s The next session is a new one that knows nothing of this one.", error)
            tried, self._with_history = self._with_history, False
            return tried
        return True

    async def _session(self, opening: asyncio.Future[None]) -> None:
        """Open a session; read and write until it has to be renewed. Raises what breaks it."""
        self._healthy = False
        self._renewal.clear()
        handle = self._handle
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    live = self._client.aio.live.connect(model=self._model, config=self._listener.config(handle))
                    session = await stack.enter_async_context(live)
            except ERRORS as error:
                failure = explained(error, WHERE)
                if handle is not None and not failure.hopeless:
                    self._handle = None  # It may be too old. A new session costs less than more attempts.
                raise failure from error
            if session.setup_complete is None:
                raise GeminiError(f"{WHERE}: the service answered, but not as the Live API does.")
            history = self._listener.history() if handle is None and self._with_history else []
            if history:
                await session.send_client_content(turns=list(history), turn_complete=False)
            self._ready.set()
            self._listener.opened()
            if not opening.done():
                opening.set_result(None)
            try:
                await self._converse(session)
            finally:
                # What is sent from now on would be lost: closing takes a moment.
                self._ready.clear()
                self._outbox.forget_messages()

    async def _converse(self, session: AsyncSession) -> None:
        tasks = [
            asyncio.create_task(self._read(session), name="gemini live reader"),
            asyncio.create_task(self._outbox.write(session), name="gemini live writer"),
            asyncio.create_task(self._until_renewal(), name="gemini live renewal"),
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

    async def _read(self, session: AsyncSession) -> None:
        unreadable = 0
        while True:
            try:
                # The SDK's iteration ends with each turn of the model; the session does not.
                async with aclosing(session.receive()) as messages:  # type: ignore[type-var]
                    async for message in messages:
                        if message.server_content is not None:
                            self._healthy = self._with_history = True
                        self._listener.message(message)
                        unreadable = 0
            except Exception as error:
                unreadable += 1
                if is_closed(error) or unreadable > UNREADABLE_LIMIT:
                    raise explained(error, WHERE) from error
                # One message that makes no sense does not end the conversation.
                logger.debug("a message that cannot be handled", exc_info=True)
                self._listener.unreadable(explained(error, f"{WHERE}, in a message"))


class Outbox:
    """What waits to be sent: messages in their order, and audio behind them."""

    def __init__(self) -> None:
        self._messages: deque[Send] = deque()
        self._audio: deque[PcmData] = deque()
        self._seconds = 0.0
        self._something = asyncio.Event()

    def put(self, send: Send) -> None:
        """Add a message."""
        self._messages.append(send)
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

    async def write(self, session: AsyncSession) -> None:
        """Send everything that comes. Raises what the SDK raises, or GeminiError if nothing moves."""
        streaming = False
        while True:
            while not self._messages and not self._audio:
                self._something.clear()
                try:
                    async with asyncio.timeout(AUDIO_PAUSE if streaming else None):
                        await self._something.wait()
                except TimeoutError:
                    streaming = False
                    await self._send(session.send_realtime_input(audio_stream_end=True))
            # A cancellation does not wait behind audio.
            if self._messages:
                await self._send(self._messages.popleft()(session))
            else:
                streaming = True
                await self._send(session.send_realtime_input(audio=self._next_audio()))
            if len(self._messages) > MESSAGE_LIMIT:
                raise GeminiError(f"{WHERE}: {MESSAGE_LIMIT} messages wait, the connection does not move.")

    async def _send(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await sending
        except TimeoutError:
            raise GeminiError(f"{WHERE}: the service takes nothing for {SEND_TIMEOUT:.0f} s.") from None

    def _next_audio(self) -> types.Blob:
        audio = self._audio.popleft()
        self._seconds -= audio.duration
        return types.Blob(data=audio.to_bytes(), mime_type=f"audio/pcm;rate={audio.sample_rate}")
