"""A realtime session of the general availability protocol, as the service behaves in it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, get_args

import openai.types.realtime as types
from aiohttp import WSMsgType, web
from pydantic import BaseModel

from vision_agents.core.audio import PcmData
from vision_agents.testing.contract import SpeechGate

from .conversation import Conversation, Json
from .errors import Refusal, of_type, one_of, only, required
from .response import Generation

if TYPE_CHECKING:
    from .server import StandIn

SAMPLE_RATE = 24_000


class RealtimeSession:
    """One connection. `received` is every event of the client but audio, `refused` the errors that were sent."""

    def __init__(self, service: StandIn, socket: web.WebSocketResponse, model: str) -> None:
        self.service = service
        self.word_seconds = service.word_seconds
        self.deaf_for = service.deaf_for
        self.received: list[Json] = []
        self.refused: list[Json] = []
        self.heard_ms = 0.0
        self.conversation = Conversation(service.numbers)
        self.generations: list[Generation] = []
        self.config: Json = {
            "type": "realtime",
            "id": "sess_1",
            "object": "realtime.session",
            "model": model,
            "output_modalities": ["audio"],
            "instructions": "",
            "tools": [],
            "audio": {
                "input": {"format": PCM, "turn_detection": VAD, "transcription": None},
                "output": {"format": PCM, "voice": "alloy", "speed": 1.0},
            },
        }
        self._socket = socket
        self._ear: SpeechGate | None = None
        self._turn: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # The wire.

    async def serve(self) -> None:
        """Until the client is gone."""
        await self.send("session.created", session=self.config)
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    await self._take(message.data)
        finally:
            for task in self._tasks:
                task.cancel()

    async def send(self, kind: str, **fields: Any) -> None:
        """Send an event, after a look whether the SDK's own model of it would take it."""
        event = {"type": kind, "event_id": self.conversation.new_id("event"), **fields}
        SERVER_EVENTS[kind].model_validate(event, strict=True)
        if kind in self.service.renames:
            event["type"] = self.service.renames[kind]
        if event["type"] is not None:
            await self.send_text(json.dumps(event))

    async def send_text(self, text: str) -> None:
        """Send whatever it is."""
        if not self._socket.closed:
            with suppress(ConnectionError):  # The client is gone; `serve` will notice.
                await self._socket.send_str(text)

    async def _take(self, data: str) -> None:
        event: Json = {}
        try:
            event = json.loads(data)
            one_of(event.get("type"), *_HANDLERS, where="type")
            only(event, *CLIENT_EVENTS[event["type"]].model_fields)
            if event["type"] != "input_audio_buffer.append":
                self.received.append(event)
            await _HANDLERS[event["type"]](self, event)
        except Refusal as refusal:
            error = refusal.body | {"event_id": event.get("event_id")}
            self.refused.append(error)
            await self.send("error", error=error)

    async def close(self, code: int, reason: str) -> None:
        """End the connection."""
        await self._socket.close(code=code, message=reason.encode())

    @property
    def heard(self) -> float:
        """Seconds of audio that came."""
        return self.heard_ms / 1000

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Do something beside."""
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # The session.

    async def _on_session_update(self, event: Json) -> None:
        required(event, "session")
        update = event["session"]
        required(update, "type", where="session.")
        one_of(update["type"], "realtime", where="session.type")
        only(update, *types.RealtimeSessionCreateRequest.model_fields, where="session.")
        audio = update.get("audio", {})
        only(audio, "input", "output", where="session.audio.")
        for side in ("input", "output"):
            fields = audio.get(side, {})
            names = _AUDIO[side].model_fields
            only(fields, *names, where=f"session.audio.{side}.")
            if "format" in fields:
                one_of(fields["format"], PCM, where=f"session.audio.{side}.format")
        voice = audio.get("output", {}).get("voice")
        if voice is not None:
            one_of(voice, "alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", where="voice")
            spoken = any(generation.audible for generation in self.generations)
            if spoken and voice != self.config["audio"]["output"]["voice"]:
                raise Refusal(400, "Cannot update a conversation's voice if assistant audio is present.")
        for side in ("input", "output"):
            self.config["audio"][side] |= audio.get(side, {})
        self.config |= {name: value for name, value in update.items() if name != "audio"}
        await self.send("session.updated", session=self.config)

    # What is heard.

    async def _on_append(self, event: Json) -> None:
        required(event, "audio")
        of_type(event["audio"], str, "audio")
        try:
            data = base64.b64decode(event["audio"], validate=True)
        except ValueError:
            raise Refusal(400, "Invalid 'audio'. Expected base64-encoded audio bytes.", param="audio") from None
        audio = PcmData.from_bytes(data, SAMPLE_RATE)
        self.heard_ms += audio.duration * 1000
        detection = self.config["audio"]["input"]["turn_detection"]
        if detection is None:
            return
        silence = detection.get("silence_duration_ms", VAD["silence_duration_ms"]) / 1000
        self._ear = self._ear or SpeechGate(silence)
        change = self._ear.feed(audio)
        if change == "started":
            await self._speech_started(detection)
        elif change == "stopped":
            await self._speech_stopped(detection)

    async def _speech_started(self, detection: Json) -> None:
        self._turn = self.conversation.new_id()
        padding = detection.get("prefix_padding_ms", VAD["prefix_padding_ms"])
        start = max(0, round(self.heard_ms) - 20 - padding)
        await self.send("input_audio_buffer.speech_started", audio_start_ms=start, item_id=self._turn)
        if detection.get("interrupt_response", True) and self.running is not None:
            self.running.cancel("turn_detected")

    async def _speech_stopped(self, detection: Json) -> None:
        assert self._turn is not None
        turn, self._turn = self._turn, None
        await self.send("input_audio_buffer.speech_stopped", audio_end_ms=round(self.heard_ms), item_id=turn)
        item = {
            "id": turn,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        before = self.conversation.add(item)
        await self.send("input_audio_buffer.committed", previous_item_id=before, item_id=turn)
        await self.announce(item, before)
        if self.config["audio"]["input"]["transcription"] is not None:
            words = self.service.next_heard()
            if self.service.tells_words:
                self.spawn(self._transcribe(item, words))
        if detection.get("create_response", True):
            self.spawn(self._answer())

    async def _answer(self) -> None:
        if self.running is not None and self.running.stopping:
            await self.running.over()
        if self.running is None:
            self.generate({})

    async def _transcribe(self, item: Json, words: str) -> None:
        kind, here = "conversation.item.input_audio_transcription", {"item_id": item["id"], "content_index": 0}
        if words in self.service.unwritten:
            error = {"type": "transcription_error", "code": "audio_unintelligible", "message": "The audio is unclear."}
            await self.send(f"{kind}.failed", **here, error={**error, "param": None})
            return
        for piece in words.split(" "):
            await asyncio.sleep(0)
            await self.send(f"{kind}.delta", **here, delta=f"{piece} ", logprobs=None)
        tokens = len(words.split())
        usage = {
            "type": "tokens",
            "input_tokens": 10,
            "output_tokens": tokens,
            "total_tokens": 10 + tokens,
            "input_token_details": {"audio_tokens": 10, "text_tokens": 0},
        }
        item["content"][0]["transcript"] = words
        for _ in range(3 if self.service.repeats_transcripts else 1):
            await self.send(f"{kind}.completed", **here, transcript=words, usage=usage, logprobs=None)

    async def _on_commit(self, event: Json) -> None:
        raise Refusal(
            400, "Error committing input audio buffer: buffer too small.", code="input_audio_buffer_commit_empty"
        )

    async def _on_clear(self, event: Json) -> None:
        await self.send("input_audio_buffer.cleared")

    # The conversation.

    async def announce(self, item: Json, before: str | None) -> None:
        """An item is in the conversation, whole."""
        await self.send("conversation.item.added", previous_item_id=before, item=item)
        await self.send("conversation.item.done", previous_item_id=before, item=item)

    async def _on_create_item(self, event: Json) -> None:
        item = self.conversation.create(event)
        await self.announce(item, self.conversation.add(item))

    async def _on_truncate(self, event: Json) -> None:
        self.conversation.truncate(event)
        fields = {name: event[name] for name in ("item_id", "content_index", "audio_end_ms")}
        await self.send("conversation.item.truncated", **fields)

    async def _on_delete(self, event: Json) -> None:
        self.conversation.delete(event)
        await self.send("conversation.item.deleted", item_id=event["item_id"])

    # Responses.

    @property
    def running(self) -> Generation | None:
        """The response that is being made."""
        return next((generation for generation in self.generations if generation.running), None)

    def generate(self, options: Json) -> None:
        """Begin a response."""
        generation = Generation(self, options)
        self.generations.append(generation)
        generation.begin()

    async def _on_create_response(self, event: Json) -> None:
        options = event.get("response") or {}
        only(options, *types.RealtimeResponseCreateParams.model_fields, where="response.")
        metadata = options.get("metadata") or {}
        if not all(isinstance(value, str) for value in metadata.values()):
            raise Refusal(400, "Invalid type for 'response.metadata': values are strings.", param="response.metadata")
        if self.running is not None:
            text = f"Conversation already has an active response in progress: {self.running.id}. Wait until it is done."
            raise Refusal(400, text, code="conversation_already_has_active_response")
        self.generate(options)

    async def _on_cancel(self, event: Json) -> None:
        running = self.running
        wanted = event.get("response_id")
        if running is None or (wanted is not None and wanted != running.id):
            raise Refusal(400, "Cancellation failed: no active response found", code="response_cancel_not_active")
        running.cancel("client_cancelled")

    async def send_late(self) -> None:
        """More audio of the response that was cancelled last."""
        cancelled = [generation for generation in self.generations if generation.cancelled]
        if cancelled:
            await cancelled[-1].send_late()


PCM = {"type": "audio/pcm", "rate": SAMPLE_RATE}
VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "create_response": True,
    "interrupt_response": True,
    "idle_timeout_ms": None,
}
_AUDIO: dict[str, type[BaseModel]] = {
    "input": types.RealtimeAudioConfigInput,
    "output": types.RealtimeAudioConfigOutput,
}

_HANDLERS: dict[str, Callable[[RealtimeSession, Json], Any]] = {
    "session.update": RealtimeSession._on_session_update,
    "input_audio_buffer.append": RealtimeSession._on_append,
    "input_audio_buffer.commit": RealtimeSession._on_commit,
    "input_audio_buffer.clear": RealtimeSession._on_clear,
    "conversation.item.create": RealtimeSession._on_create_item,
    "conversation.item.truncate": RealtimeSession._on_truncate,
    "conversation.item.delete": RealtimeSession._on_delete,
    "response.create": RealtimeSession._on_create_response,
    "response.cancel": RealtimeSession._on_cancel,
}


def _by_type(union: Any) -> dict[str, type[BaseModel]]:
    """The SDK's models by the `type` that each is for."""
    models = get_args(get_args(union)[0])
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in models}


SERVER_EVENTS = _by_type(types.RealtimeServerEvent)
CLIENT_EVENTS = _by_type(types.RealtimeClientEvent)
