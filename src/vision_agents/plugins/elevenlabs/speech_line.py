"""A websocket on which ElevenLabs speaks several texts at once, each in a context of its own.

ElevenLabs closes the socket (1008) when a sixth context is opened, so what counts here is what counts there. A context
is open from its first message until the `isFinal` that answers its `close_context`; an interrupted one, too, however
long that takes. Nothing is ever sent to a context that was closed: that would open it anew, and nobody would close it.

The SDK has no client for this endpoint; messages are made and read by the SDK's own models.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed

from vision_agents.core.audio import PcmData
from vision_agents.core.remote import Connection, SpeechLine, SpeechLostError, Synthesis
from vision_agents.core.tts import SpeechChunk

from .account import ElevenLabsError, closed_for, cut
from .alignment import WordTimes

if TYPE_CHECKING:
    from elevenlabs.types.realtime_voice_settings import RealtimeVoiceSettings
    from websockets.asyncio.client import ClientConnection

logger = logging.getLogger(__name__)

# Contexts that may be open on a socket. ElevenLabs takes five; one is left in case that it counts differently.
CONTEXT_LIMIT = 4

# How long a context that is closed may take to say that it is over, before nobody waits for it any more.
FINAL_TIMEOUT = 1.0


class Context(Synthesis):
    """A text on a line, in a context of its own."""

    def __init__(self, name: str, text: str, sample_rate: int) -> None:
        super().__init__("ElevenLabs")
        self.name = name
        # ElevenLabs knows of it; nothing may be sent to it any more; nothing more will come of it.
        self.opened = False
        self.closing = False
        self.final = asyncio.Event()
        self.heard = False
        self._sample_rate = sample_rate
        self._times = WordTimes(text)
        self._samples = 0
        self._odd = b""

    @property
    def wanted(self) -> bool:
        """Return whether somebody still listens."""
        return not self.inbox.over

    def take(self, message: Any) -> None:
        """Take audio, times, or both."""
        offset = self._samples / self._sample_rate
        words = tuple(self._times.add(message.alignment, offset)) if message.alignment is not None else ()
        data = self._odd + base64.b64decode(message.audio or "")
        self._odd = data[len(data) - len(data) % 2 :]
        audio = PcmData.from_bytes(data, self._sample_rate)
        self._samples += len(audio)
        self.heard = self.heard or len(audio) > 0
        if len(audio) or words:
            self.inbox.put(SpeechChunk(audio, words))

    def finish(self) -> None:
        """End it: nothing more will come."""
        rest = tuple(self._times.flush())
        if rest:
            self.inbox.put(SpeechChunk(PcmData.silence(0, self._sample_rate), rest))
        self.inbox.end()
        self.final.set()


class Line(SpeechLine[Context]):
    """A websocket, and the contexts that are open on it."""

    _names = count(1)

    def __init__(
        self,
        opening: AbstractAsyncContextManager[ClientConnection],
        sample_rate: int,
        settings: RealtimeVoiceSettings | None,
    ) -> None:
        self._sample_rate = sample_rate
        self._settings = settings
        self._contexts: dict[str, Context] = {}
        # A context's messages are not mixed up with its end.
        self._sending = asyncio.Lock()
        self.connection: Connection[ClientConnection] = Connection("ElevenLabs", opening, self._read, cut, self._lost)

    @property
    def room(self) -> bool:
        return self.connection.usable and len(self._contexts) < CONTEXT_LIMIT

    def place(self, text: str) -> Context:
        context = Context(f"text-{next(self._names)}", text, self._sample_rate)
        self._contexts[context.name] = context
        return context

    async def speak(self, place: Context, text: str) -> None:
        from elevenlabs.types.flush_context import FlushContext
        from elevenlabs.types.initialise_context import InitialiseContext

        async with self._sending:
            if place.closing:
                return
            place.opened = True
            # The settings go with the first message of each context, always the same: others are refused.
            first = InitialiseContext(text=f"{text.strip()} ", voice_settings=self._settings, context_id=place.name)
            await self._send(first)
            await self._send(FlushContext(context_id=place.name, flush=True))

    async def sounding(self, place: Context) -> None:
        # Only now: a context that is closed before its audio began has been seen to end without any.
        if place.heard:
            await self._close(place)

    def occupied(self, place: Context) -> bool:
        return not place.final.is_set()

    async def cancel(self, place: Context) -> bool:
        try:
            async with asyncio.timeout(FINAL_TIMEOUT):
                await self._close(place)
                await place.final.wait()
        except (TimeoutError, ConnectionClosed):
            pass  # It keeps its place until the line is replaced.
        return self.connection.usable

    async def _close(self, context: Context) -> None:
        """Send no more text to this context. What is made of it still comes, then it is final."""
        from elevenlabs.types.close_context import CloseContext

        async with self._sending:
            if context.closing:
                return
            context.closing = True
            if not context.opened:
                self._end(context)
            elif context.name in self._contexts:
                await self._send(CloseContext(context_id=context.name, close_context=True))

    async def _send(self, message: Any) -> None:
        session = self.connection.session
        if session is None:
            raise SpeechLostError("the connection to ElevenLabs is closed")
        await session.send(json.dumps(message.dict()))

    async def _read(self, session: ClientConnection) -> None:
        async for raw in session:
            try:
                data = json.loads(raw)
            except ValueError:
                logger.warning("a message of ElevenLabs is no JSON and is passed over")
                continue
            if isinstance(data, dict):
                self._receive(data)

    def _receive(self, data: dict[str, Any]) -> None:
        from elevenlabs.core.unchecked_base_model import construct_type
        from elevenlabs.types.audio_output_multi import AudioOutputMulti
        from elevenlabs.types.final_output_multi import FinalOutputMulti

        if data.get("error"):
            raise ElevenLabsError(str(data["error"]), str(data.get("message") or "no reason given"))
        kind = FinalOutputMulti if data.get("isFinal") else AudioOutputMulti
        message: Any = construct_type(type_=kind, object_=data)
        context = self._contexts.get(message.context_id)
        if context is None:
            return  # Late, of a context that is over.
        if kind is FinalOutputMulti:
            self._end(context)
        elif context.wanted:
            try:
                context.take(message)
            except (binascii.Error, TypeError, ValueError) as error:
                logger.warning("audio of ElevenLabs cannot be read and is passed over: %r", error)

    def _end(self, context: Context) -> None:
        self._contexts.pop(context.name, None)
        context.finish()

    def _lost(self, connection: Connection[ClientConnection]) -> None:
        error = connection.error
        reported = error if isinstance(error, ElevenLabsError) else closed_for(error)
        why = reported or SpeechLostError(
            f"the connection to ElevenLabs was lost while it spoke ({error or 'closed without a reason'})"
        )
        for context in self._contexts.values():
            context.inbox.fail(why)
            context.final.set()
        self._contexts.clear()
