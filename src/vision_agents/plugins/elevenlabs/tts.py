"""ElevenLabs as the voice of an agent."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed

from vision_agents.core import tts
from vision_agents.core.remote import Connection, connect_in_time
from vision_agents.core.tts import SpeechChunk

from .account import make_client, refusal
from .voice import Context, SocketLostError, VoiceSocket

if TYPE_CHECKING:
    from elevenlabs.client import AsyncElevenLabs
    from elevenlabs.types.realtime_voice_settings import RealtimeVoiceSettings
    from websockets.asyncio.client import ClientConnection

DEFAULT_VOICE = "JBFqnCBsd6RMkjVDRZzb"
"""George, the voice of ElevenLabs' own first steps; every account has it."""

# How long a text waits for an interrupted context to end, before it gets a socket of its own.
ROOM_PATIENCE = 0.3

# Audio comes base64-coded, a second or more in a message.
MESSAGE_LIMIT = 16 * 2**20


@dataclass(eq=False, slots=True)
class _Utterance:
    """A text that is being spoken since `born`: in a context on a socket, once it has them."""

    born: int
    socket: VoiceSocket | None = None
    context: Context | None = None
    stopped: bool = False


class TTS(tts.TTS):
    """ElevenLabs' streaming speech over one multi-context websocket, with word times from its character alignment.

    An interruption closes the text's context at once and drops whatever still comes of it. ElevenLabs finishes what it
    has begun before it counts the context as closed, and takes five at most: a text waits up to 0.3 s for its place,
    then it gets a new socket and the old one is closed.

    Args:
        api_key: by default the environment variable `ELEVENLABS_API_KEY`.
        voice_id: whose voice; the default is George.
        model_id: any that streams over websockets; `eleven_v3` does not.
        output_format: `pcm_` and a rate in Hz: 8000, 16000, 22050, 24000, 44100.
        voice_settings: stability, similarity_boost, style, use_speaker_boost, speed, as a mapping or the SDK's model.
        language_code: ISO 639-1, for multilingual models.
        apply_text_normalization: "auto", "on" or "off".
        enable_logging, enable_ssml_parsing, seed: as ElevenLabs'.
        inactivity_timeout: seconds after which ElevenLabs closes a socket that is not used (at most 180); the next text
            opens another.
        base_url: for another server or region.
        client: an SDK client of your own, in place of `api_key` and `base_url`.

    Raises:
        ValueError: there is no key, or the format is not PCM.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        voice_id: str = DEFAULT_VOICE,
        model_id: str = "eleven_flash_v2_5",
        output_format: str = "pcm_24000",
        voice_settings: Mapping[str, Any] | RealtimeVoiceSettings | None = None,
        language_code: str | None = None,
        apply_text_normalization: str | None = None,
        enable_logging: bool | None = None,
        enable_ssml_parsing: bool | None = None,
        seed: int | None = None,
        inactivity_timeout: int = 180,
        base_url: str | None = None,
        client: AsyncElevenLabs | None = None,
    ) -> None:
        super().__init__()
        rate = re.fullmatch(r"pcm_(\d+)", output_format)
        if rate is None:
            raise ValueError(f"output_format must be pcm_ and a rate, such as pcm_24000, not {output_format!r}")
        self._sample_rate = int(rate[1])
        self._client = make_client(client, api_key, base_url)
        self._voice_id = voice_id
        self._settings = _settings(voice_settings)
        parameters = {
            "model_id": model_id,
            "output_format": output_format,
            "language_code": language_code,
            "apply_text_normalization": apply_text_normalization,
            "enable_logging": enable_logging,
            "enable_ssml_parsing": enable_ssml_parsing,
            "seed": seed,
            "inactivity_timeout": inactivity_timeout,
            # Times with each piece of audio, not only with some.
            "sync_alignment": True,
        }
        self._query = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in parameters.items()
            if value is not None
        }
        self._socket: VoiceSocket | None = None
        self._taking = asyncio.Lock()
        self._running: set[_Utterance] = set()
        # Sockets that are left, and close when the last of their texts is spoken.
        self._retired: set[VoiceSocket] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self) -> None:
        """Connect. Raises LinkError if ElevenLabs refuses: the message says what to do."""
        async with self._taking:
            await self._take()

    async def stream_audio(self, text: str) -> AsyncGenerator[SpeechChunk, None]:
        """Speak any text; audio comes as ElevenLabs makes it, each piece with the words in it.

        Raises LinkError if there is no connection to be had, SocketLostError if it is lost in the midst of the text,
        ElevenLabsError for an error that ElevenLabs reports, TimeoutError if it falls silent.
        """
        if not any(map(str.isalnum, text)):
            return  # Nothing to be heard, and ElevenLabs would not say so.
        utterance = _Utterance(self.epoch)
        self._running.add(utterance)
        try:
            chunk = await self._begin(text, utterance)
            while chunk is not None:
                socket, context = utterance.socket, utterance.context
                if context is None or socket is None:
                    return  # It was stopped.
                if context.heard and not context.closing:
                    # Only now: a context that is closed before its audio began has been seen to end without any.
                    with suppress(ConnectionClosed, SocketLostError):
                        await socket.close(context)  # If it cannot be sent, the inbox knows why.
                yield chunk
                chunk = await context.inbox.get()
        finally:
            self._running.discard(utterance)
            self._leave(utterance)

    async def stop_audio(self) -> None:
        """Stop all that is being spoken. Returns when ElevenLabs confirmed it, or a second later."""
        await self._stop(set(self._running))

    async def cancel_work(self) -> None:
        """Stop what was begun before the last interruption: the reply after it may have begun by now."""
        await self._stop({utterance for utterance in self._running if utterance.born < self.epoch})

    async def close(self) -> None:
        """Stop everything and close the connection, within about two seconds. Harmless twice."""
        self._closed = True
        for utterance in self._running:
            utterance.stopped = True
            if utterance.context is not None:
                utterance.context.inbox.stop()
        for task in self._leaving:
            task.cancel()
        sockets = {*self._retired, *([self._socket] if self._socket else [])}
        self._socket = None
        self._retired.clear()
        await asyncio.gather(*(socket.connection.close() for socket in sockets))

    async def _stop(self, utterances: set[_Utterance]) -> None:
        for utterance in utterances:
            utterance.stopped = True
        tasks = {task for utterance in utterances if (task := self._leave(utterance)) is not None}
        if tasks:
            await asyncio.wait(tasks)

    async def _begin(self, text: str, utterance: _Utterance) -> SpeechChunk | None:
        """Have `text` spoken, and return the first of it; over a second socket, if the first is lost at once."""
        for attempt in (1, 2):
            async with self._taking:  # Who has found a place takes it.
                socket = await self._take()
                context = socket.context(text)
            utterance.socket, utterance.context = socket, context
            if utterance.stopped:
                break
            try:
                await socket.speak(context, text)
                return await context.inbox.get()
            except (ConnectionClosed, SocketLostError) as error:
                if attempt == 2:
                    raise SocketLostError(f"ElevenLabs closed two connections before it spoke ({error})") from error
            self._leave(utterance)
            if utterance.stopped:
                break
        return None

    def _leave(self, utterance: _Utterance) -> asyncio.Task[None] | None:
        """The utterance needs its context no longer. The task is its end, where there is one to wait for."""
        socket, context = utterance.socket, utterance.context
        utterance.socket = utterance.context = None
        if socket is None or context is None:
            return None
        context.inbox.stop()
        if context.final.is_set() or not socket.connection.usable:
            self._close_retired()
            return None
        task = asyncio.get_running_loop().create_task(self._abandon(socket, context), name="closing a context")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        return task

    async def _abandon(self, socket: VoiceSocket, context: Context) -> None:
        try:
            await socket.abandon(context)
        finally:
            self._close_retired()

    # Sockets: one for new texts, and those that are left.

    async def _take(self) -> VoiceSocket:
        """A socket with room for a context."""
        if self._closed:
            raise RuntimeError("this elevenlabs.TTS is closed; make a new one")
        socket = self._socket
        if socket is not None and socket.connection.usable and not await _has_room(socket):
            self._retired.add(socket)
            self._socket = None
            self._close_retired()
        elif socket is not None and not socket.connection.usable:
            socket.connection.close_soon()
            self._socket = None
        if self._socket is None:
            self._socket = await self._open()
        return self._socket

    def _close_retired(self) -> None:
        for socket in list(self._retired):
            if not socket.wanted:
                self._retired.discard(socket)
                socket.connection.close_soon()

    async def _open(self) -> VoiceSocket:
        socket: VoiceSocket | None = None

        def connect() -> Connection[ClientConnection]:
            nonlocal socket
            socket = VoiceSocket(self._websocket(), self._sample_rate, self._settings)
            return socket.connection

        await connect_in_time("ElevenLabs", connect, refusal)
        assert socket is not None
        return socket

    @asynccontextmanager
    async def _websocket(self) -> AsyncIterator[ClientConnection]:
        from elevenlabs.url_utils import build_ws_url
        from websockets.asyncio.client import connect

        wrapper = self._client._client_wrapper
        path = ["v1", "text-to-speech", self._voice_id, "multi-stream-input"]
        url = build_ws_url(wrapper.get_base_url(), path, self._query)
        async with connect(url, additional_headers=wrapper.get_headers(), max_size=MESSAGE_LIMIT) as websocket:
            yield websocket


async def _has_room(socket: VoiceSocket) -> bool:
    """Whether the socket takes a context, now or soon."""
    try:
        async with asyncio.timeout(ROOM_PATIENCE):
            await socket.room()
    except TimeoutError:
        return False
    return True


def _settings(given: Mapping[str, Any] | RealtimeVoiceSettings | None) -> RealtimeVoiceSettings | None:
    if given is None:
        return None
    from elevenlabs.types.realtime_voice_settings import RealtimeVoiceSettings

    if isinstance(given, RealtimeVoiceSettings):
        return given
    unknown = set(given) - set(RealtimeVoiceSettings.model_fields)
    if unknown:
        raise ValueError(f"voice_settings does not have {', '.join(sorted(unknown))}")
    return RealtimeVoiceSettings(**given)
