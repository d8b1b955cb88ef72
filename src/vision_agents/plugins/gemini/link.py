"""A conversation with the Live API over as many connections as it takes.

A connection lasts ten minutes at most. The next one goes on where it ended, by the handle that the service gave for
that; where there is none, it is told what was said so far.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Protocol

from google import genai
from google.genai import types
from google.genai.live import AsyncSession

from vision_agents.core.audio import PcmData
from vision_agents.core.remote import LinkListener, RealtimeLink, RemoteError, Service

from .client import ERRORS, INVALID, GeminiError, explained, is_closed

logger = logging.getLogger(__name__)

SERVICE_NAME = "Gemini Live"
SERVICE = Service(SERVICE_NAME, GeminiError, explained, ERRORS)

# The microphone is off: after so many seconds without audio the service is told, so that it does not wait for more.
AUDIO_PAUSE = 1.0

Send = Callable[[AsyncSession], Awaitable[None]]
"""Sends by a method of the SDK's session."""


class LiveListener(LinkListener, Protocol):
    """The near end of the link. Every method returns at once."""

    def config(self, handle: str | None) -> types.LiveConnectConfig:
        """The configuration of a session: of the one that `handle` names, or of a new one."""

    def history(self) -> list[types.Content]:
        """The history that a new session is told."""

    def message(self, message: types.LiveServerMessage) -> None:
        """A message came."""


class Link(RealtimeLink[AsyncSession, Send]):
    """One session after another, each a session of the SDK."""

    _listener: LiveListener

    def __init__(self, client: genai.Client, model: str, listener: LiveListener) -> None:
        super().__init__(SERVICE, listener)
        self._client = client
        self._model = model
        # By what a session goes on from the last one. Neither is used again once the service has called it invalid.
        self._handle: str | None = None
        self._with_history = True
        # Audio was sent, and not yet that it has stopped.
        self._streaming = False

    def resume_with(self, handle: str | None) -> None:
        """The next session goes on from here; None: from the history."""
        self._handle = handle

    def start_anew(self) -> None:
        """Make the next session a new one that is told what was said so far: the handle is from before that."""
        self._handle = None

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[AsyncSession]:
        handle = self._handle
        self._streaming = False
        async with AsyncExitStack() as stack:
            live = self._client.aio.live.connect(model=self._model, config=self._listener.config(handle))
            try:
                session = await stack.enter_async_context(live)
            except BaseException as error:
                if not explained(error, SERVICE_NAME).hopeless:
                    self._handle = None  # It may be too old. A new session costs less than more attempts.
                raise
            if session.setup_complete is None:
                raise GeminiError(f"{SERVICE_NAME}: the service answered, but not as the Live API does.")
            history = self._listener.history() if handle is None and self._with_history else []
            if history:
                await session.send_client_content(turns=list(history), turn_complete=False)
            yield session

    async def _read(self, session: AsyncSession) -> None:
        while True:
            try:
                # The SDK's iteration ends with each turn of the model; the session does not.
                async with aclosing(session.receive()) as messages:  # type: ignore[type-var]
                    async for message in messages:
                        if message.server_content is not None:
                            self._healthy = self._with_history = True
                        self._listener.message(message)
                        self._unreadable = 0
            except Exception as error:
                if is_closed(error):
                    raise
                self._skip(error)

    async def _send(self, session: AsyncSession, message: Send) -> None:
        await message(session)

    async def _send_audio(self, session: AsyncSession, audio: PcmData) -> None:
        self._streaming = True
        blob = types.Blob(data=audio.to_bytes(), mime_type=f"audio/pcm;rate={audio.sample_rate}")
        await session.send_realtime_input(audio=blob)

    @property
    def _audio_pause(self) -> float | None:
        return AUDIO_PAUSE if self._streaming else None

    async def _send_pause(self, session: AsyncSession) -> None:
        self._streaming = False
        await session.send_realtime_input(audio_stream_end=True)

    def _may_go_on(self, error: RemoteError) -> bool:
        """The next session is made without what this one may have failed of."""
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
