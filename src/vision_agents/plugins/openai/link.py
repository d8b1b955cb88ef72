"""A conversation with the Realtime API over as many connections as it takes."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol

import openai
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from vision_agents.core.audio import PcmData
from vision_agents.core.remote import LinkListener, RealtimeLink, Service

from .client import ERRORS, OpenAIError, explained, refused
from .wire import ClientEvent

SERVICE = Service("OpenAI Realtime", OpenAIError, explained, ERRORS)

# Seconds for the other end to say goodbye: nobody waits for a service that hangs.
GOODBYE_TIMEOUT = 2.0

# An event as the SDK parses it: a model of its own for each type, which mypy cannot tell apart by a string.
Event = Any


class EventListener(LinkListener, Protocol):
    """The near end. Every method returns at once."""

    def configuration(self) -> ClientEvent:
        """Returns the message that sets a session up."""

    def event(self, event: Event) -> None:
        """Take an event."""


class Link(RealtimeLink[AsyncRealtimeConnection, ClientEvent]):
    """One session after another, each a connection of the SDK."""

    _listener: EventListener

    def __init__(self, client: openai.AsyncOpenAI, model: str, listener: EventListener) -> None:
        super().__init__(SERVICE, listener)
        self._client = client
        self._model = model

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[AsyncRealtimeConnection]:
        options: Any = {"close_timeout": GOODBYE_TIMEOUT}
        async with self._client.realtime.connect(model=self._model, websocket_connection_options=options) as session:
            await self._send(session, self._listener.configuration())
            while (event := await session.recv()).type != "session.updated":
                if event.type == "error":
                    raise refused(event.error, SERVICE.name)
            self._healthy = True
            self._take(lambda: event)
            yield session

    async def _read(self, session: AsyncRealtimeConnection) -> None:
        while True:
            data = await session.recv_bytes()
            self._take(partial(session.parse_event, data))

    def _take(self, parse: Callable[[], Event]) -> None:
        try:
            self._listener.event(parse())
        except Exception as error:
            self._skip(error)
        else:
            self._unreadable = 0

    async def _send(self, session: AsyncRealtimeConnection, message: ClientEvent) -> None:
        await session.send_raw(json.dumps(message))

    async def _send_audio(self, session: AsyncRealtimeConnection, audio: PcmData) -> None:
        # By hand: fifty of these a second go through here, and the SDK would look at every field of each.
        data = base64.b64encode(audio.to_bytes()).decode()
        await session.send_raw(f'{{"type":"input_audio_buffer.append","audio":"{data}"}}')
