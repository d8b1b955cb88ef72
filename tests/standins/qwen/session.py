"""A realtime session, as the service behaves in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection

from vision_agents.core.audio import PcmData
from vision_agents.testing.contract import SpeechGate

from ..websocket_sessions import Session
from .response import Response
from .wire import Json, Refusal, check_event, check_session

if TYPE_CHECKING:
    from .server import StandIn

SAMPLE_RATE = 16_000


class RealtimeSession(Session):
    """`received`: the client's events but for audio; `refused`: the errors that were sent; `outputs`: of functions."""

    def __init__(self, service: StandIn, socket: ServerConnection) -> None:
        super().__init__(socket)
        self.service = service
        self.config: Json = {}
        self.received: list[Json] = []
        self.refused: list[Json] = []
        self.outputs: dict[str, str] = {}
        self.calls: set[str] = set()
        self.responses: list[Response] = []
        self.heard = 0.0
        self._numbers = service.numbers
        self._ear: SpeechGate | None = None
        self._item = ""

    # The wire.

    async def _converse(self) -> None:
        await self.send("session.created", session={"id": "sess_1", "object": "realtime.session"})
        async for data in self._socket:
            await self._take(data)

    async def send(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        kind = self.service.renames.get(kind, kind)
        await self.send_raw(json.dumps({"event_id": f"event_{next(self._numbers)}", "type": kind, **fields}))

    async def end(self, kind: str, code: str, message: str) -> None:
        """Say an error, and end the session for it."""
        await self.send("error", error={"type": kind, "code": code, "message": message, "param": ""})
        await self.close(1011, "")

    @property
    def running(self) -> Response | None:
        """The response that is being made."""
        return next((response for response in self.responses if response.running), None)

    async def _take(self, data: str | bytes) -> None:
        try:
            event = check_event(json.loads(data))
            if event["type"] != "input_audio_buffer.append":
                self.received.append(event)
            await _HANDLERS[event["type"]](self, event)
        except Refusal as refusal:
            self.refused.append(refusal.error)
            await self.send("error", error=refusal.error)

    # What the client says.

    async def _on_update(self, event: Json) -> None:
        self.config |= check_session(event["session"])
        detection = self.config.get("turn_detection")
        self._ear = SpeechGate(detection["silence_duration_ms"] / 1000) if detection else None
        await self.send("session.updated", session=self.config)

    async def _on_create(self, event: Json) -> None:
        options = event["response"]
        if not set(options) <= {"instructions", "modalities"}:
            raise Refusal(f"Unknown parameter in {sorted(options)}", "response")
        if self.running is not None:
            raise Refusal("Cannot create response while another response is in progress.", "response.create")
        self.respond(options.get("instructions"))

    async def _on_cancel(self, event: Json) -> None:
        if self.running is None:
            raise Refusal("Conversation has none active response.", "response.cancel")
        self.running.cancel()

    async def _on_item(self, event: Json) -> None:
        item = event["item"]
        if item.get("type") != "function_call_output" or not isinstance(item.get("output"), str):
            raise Refusal("Only function_call_output is supported.", "item.type")
        if item.get("call_id") not in self.calls:
            raise Refusal(f"No function call {item.get('call_id')!r}.", "item.call_id")
        self.outputs[item["call_id"]] = item["output"]
        await self.send("conversation.item.created", item=item)

    async def _on_append(self, event: Json) -> None:
        try:
            data = base64.b64decode(event["audio"], validate=True)
        except ValueError:
            raise Refusal("Invalid base64.", "audio") from None
        if not data or len(data) % 2:
            raise Refusal("Invalid audio.", "audio")
        whole = PcmData.from_bytes(data, SAMPLE_RATE)
        self.heard += whole.duration
        if self._ear is None:
            return
        for start in range(0, len(whole), SAMPLE_RATE // 50):
            change = self._ear.feed(PcmData(whole.samples[start : start + SAMPLE_RATE // 50], SAMPLE_RATE))
            if change == "started":
                await self._speech_started()
            elif change == "stopped":
                await self._speech_stopped()

    async def _on_clear(self, event: Json) -> None:
        await self.send("input_audio_buffer.cleared")

    # What is heard.

    async def _speech_started(self) -> None:
        assert self._ear is not None
        self._item = f"item_user_{next(self._numbers)}"
        at = {"audio_start_ms": round(self._ear.position * 1000) - 20, "item_id": self._item}
        await self.send("input_audio_buffer.speech_started", **at)
        if self.service.repeats_itself:
            await self.send("input_audio_buffer.speech_started", **at)
        if self.config["turn_detection"].get("interrupt_response", True) and self.running is not None:
            self.running.cancel()

    async def _speech_stopped(self) -> None:
        assert self._ear is not None
        silence = self.config["turn_detection"]["silence_duration_ms"]
        end = round(self._ear.position * 1000) - silence
        await self.send("input_audio_buffer.speech_stopped", audio_end_ms=end, item_id=self._item)
        await self.send("input_audio_buffer.committed", item_id=self._item)
        user = {"id": self._item, "object": "realtime.item", "type": "message", "role": "user"}
        await self.send("conversation.item.created", item=user)
        self.spawn(self._answer(self._item, self.service.next_heard()))

    async def _answer(self, item: str, words: str) -> None:
        kind, here = "conversation.item.input_audio_transcription", {"item_id": item, "content_index": 0}
        if self.config.get("input_audio_transcription") is not None and words and self.service.tells_words:
            await self._write_down(words, kind, here)
        if self.running is not None:
            await self.running.over()
        if words:
            self.respond(None)

    async def _write_down(self, words: str, kind: str, here: dict[str, Any]) -> None:
        if words in self.service.unwritten:
            error = {"code": "audio_unintelligible", "message": "The audio is unclear.", "param": None}
            await self.send(f"{kind}.failed", **here, error=error)
            return
        half = len(words) // 2
        for piece in (words[:half], words[half:]) if self.service.guesses else ():
            await self.send(f"{kind}.delta", **here, delta=piece)
        await self.send(f"{kind}.completed", **here, transcript=words)

    def respond(self, instructions: str | None) -> Response:
        """Begin a response."""
        response = Response(self, next(self._numbers), instructions)
        self.responses.append(response)
        return response


_HANDLERS: dict[str, Callable[[RealtimeSession, Json], Any]] = {
    "session.update": RealtimeSession._on_update,
    "response.create": RealtimeSession._on_create,
    "response.cancel": RealtimeSession._on_cancel,
    "conversation.item.create": RealtimeSession._on_item,
    "input_audio_buffer.append": RealtimeSession._on_append,
    "input_audio_buffer.clear": RealtimeSession._on_clear,
}
