"""A conversation with the service over as many connections as it takes."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect

from vision_agents.core.audio import PcmData
from vision_agents.core.remote import LinkListener, RealtimeLink, RemoteError, Service

from .client import ERRORS, QwenError, explained, refused
from .messages import Messages, Write

SERVICE_NAME = "Qwen Realtime"
SERVICE = Service(SERVICE_NAME, QwenError, explained, ERRORS)

# An error that the service says is why the session ends, if it ends within so many seconds.
WARNING_SECONDS = 2.0

# A message of the service may have this many bytes; audio comes in pieces of some ten thousand.
MESSAGE_BYTES = 16 * 2**20

Event = dict[str, Any]


class EventListener(LinkListener, Protocol):
    """The near end of the link. Every method returns at once."""

    def configure(self, conversation: Any) -> None:
        """Write what sets a session up."""

    def event(self, event: Event) -> None:
        """An event came."""


class Link(RealtimeLink[ClientConnection, Write]):
    """One session after another, each a websocket."""

    audio_piece = 0.1
    _listener: EventListener

    def __init__(self, messages: Messages, listener: EventListener) -> None:
        super().__init__(SERVICE, listener)
        self._messages = messages
        # The service said that something is wrong, and when: it may be about to end the session for that.
        self._warning: tuple[QwenError, float] | None = None

    def warned(self, error: QwenError) -> None:
        """The service said that something is wrong: if the session ends now, that is why."""
        self._warning = (error, asyncio.get_running_loop().time())
        if error.hopeless:
            self.renew()  # There is nothing more to be had; what was said is the end of it.

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[ClientConnection]:
        self._warning = None
        async with connect(
            self._messages.url,
            additional_headers=self._messages.headers,
            open_timeout=None,
            close_timeout=1.0,
            max_size=MESSAGE_BYTES,
        ) as socket:
            for message in self._messages.written(self._listener.configure):
                await socket.send(message)
            while (event := json.loads(data := await socket.recv())).get("type") != "session.updated":
                if event.get("type") == "error":
                    raise refused(event.get("error") or {}, SERVICE_NAME)
            self._healthy = True
            self._take(data)
            yield socket
        if self._warning is not None and self._warning[0].hopeless:
            raise self._warning[0]

    async def _read(self, session: ClientConnection) -> None:
        while True:
            self._take(await session.recv())

    def _take(self, data: str | bytes) -> None:
        try:
            self._listener.event(json.loads(data))
        except Exception as error:
            self._skip(error)
        else:
            self._unreadable = 0

    async def _send(self, session: ClientConnection, message: Write) -> None:
        for text in self._messages.written(message):
            await session.send(text)

    async def _send_audio(self, session: ClientConnection, audio: PcmData) -> None:
        data = base64.b64encode(audio.to_bytes()).decode()
        await self._send(session, lambda conversation: conversation.append_audio(data))

    def _why(self, failure: Exception) -> RemoteError:
        if self._warning is not None and asyncio.get_running_loop().time() - self._warning[1] < WARNING_SECONDS:
            return self._warning[0]
        return super()._why(failure)
