"""A response of a realtime session in the making."""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from typing import TYPE_CHECKING, Any

from vision_agents.core.conversation import ToolCall
from vision_agents.testing.contract import Answer
from vision_agents.testing.parts import tone

from .conversation import Json
from .text import pieces

if TYPE_CHECKING:
    from .realtime import RealtimeSession

SAMPLE_RATE = 24_000


class Generation:
    """Made word by word: each is some transcript, and some audio whose pitch is the word's own."""

    def __init__(self, session: RealtimeSession, options: Json) -> None:
        self.id = session.conversation.new_id("resp")
        self.running = True
        self.cancelled = False
        self.audible = False
        self._session = session
        self._options = options
        self._items: list[Json] = []
        self._said = ""
        self._task: asyncio.Task[None] | None = None
        self._reason: str | None = None

    def begin(self) -> None:
        """Start."""
        self._task = self._session.spawn(self._make())

    def cancel(self, reason: str) -> None:
        """Stop, at once or after the seconds for which the service is deaf."""
        if self._task is not None and self._reason is None:
            self._reason = reason
            asyncio.get_running_loop().call_later(self._session.deaf_for, self._task.cancel)

    @property
    def stopping(self) -> bool:
        """Whether it is being cancelled."""
        return self._reason is not None

    async def over(self) -> None:
        """Wait for the end."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def send_late(self) -> None:
        """Go on, though it is over."""
        if self._items and self._items[0]["type"] == "message":
            await self._speak(self._items[0], "late", counts=False)

    async def _make(self) -> None:
        status, details = "completed", None
        try:
            with self._session.service.answering() as answer:
                await self._send("response.created", response=self._resource("in_progress", None))
                if answer.failure == "malformed":
                    await self._session.send_text("{this is not JSON")
                    await self._session.send_text(json.dumps({"type": "surprise", "event_id": "event_x"}))
                    await self._session.send_text(json.dumps({"type": "response.output_audio.delta", "delta": "%"}))
                    details = _failed("server_error", "The server had an error.")
                elif answer.failure is not None:
                    kind = "insufficient_quota" if answer.failure == "quota" else "server_error"
                    details = _failed(kind, f"The response failed: {kind}.")
                else:
                    said = self._session.service.next_said()
                    before = self._session.service.says_before_calls if isinstance(said, ToolCall) else ""
                    if before:
                        await self._talk(before, answer)
                    if said:
                        await (self._call(said, answer) if isinstance(said, ToolCall) else self._talk(said, answer))
                status = "completed" if details is None else "failed"
        except asyncio.CancelledError:
            if self._reason is None:
                raise  # The connection is gone.
            self.cancelled = True
            status, details = "cancelled", {"type": "cancelled", "reason": self._reason}
        self.running = False
        for item in self._items:
            item["status"] = "completed" if status == "completed" else "incomplete"
        await self._send("response.done", response=self._resource(status, details))
        limits = [{"name": "tokens", "limit": 20000, "remaining": 19000, "reset_seconds": 0.1}]
        await self._send("rate_limits.updated", rate_limits=limits)

    def _resource(self, status: str, details: Json | None) -> Json:
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": status,
            "status_details": details,
            "output": self._items,
            "conversation_id": "conv_1",
            "output_modalities": ["audio"],
            "metadata": self._options.get("metadata"),
            "usage": None if status == "in_progress" else self._usage(),
        }

    def _usage(self) -> Json:
        """So many tokens as words, and ten for what it was told."""
        said = len(self._said.split())
        return {
            "total_tokens": 10 + said,
            "input_tokens": 10,
            "output_tokens": said,
            "input_token_details": {"text_tokens": 4, "audio_tokens": 6, "cached_tokens": 2},
            "output_token_details": {"text_tokens": 0, "audio_tokens": said},
        }

    async def _send(self, kind: str, **fields: Any) -> None:
        await self._session.send(kind, **fields)

    async def _open(self, item: Json) -> None:
        item |= {"object": "realtime.item", "status": "in_progress"}
        self._items.append(item)
        before = self._session.conversation.add(item)
        await self._send("response.output_item.added", response_id=self.id, output_index=0, item=item)
        await self._send("conversation.item.added", previous_item_id=before, item=item)

    async def _close(self, item: Json) -> None:
        item["status"] = "completed"
        await self._send("conversation.item.done", item=item)
        await self._send("response.output_item.done", response_id=self.id, output_index=0, item=item)

    async def _talk(self, text: str, answer: Answer) -> None:
        item: Json = {"id": self._session.conversation.new_id(), "type": "message", "role": "assistant", "content": []}
        await self._open(item)
        self._session.conversation.audio_ms[item["id"]] = 0.0
        here = self._here(item)
        await self._send("response.content_part.added", **here, part={"type": "audio", "transcript": ""})
        for piece in pieces(text):
            await answer.permit()
            await asyncio.sleep(self._session.service.pace)
            await self._speak(item, piece)
        await self._send("response.output_audio.done", **here)
        await self._send("response.output_audio_transcript.done", **here, transcript=text)
        await self._send("response.content_part.done", **here, part={"type": "audio", "transcript": text})
        item["content"] = [{"type": "output_audio", "transcript": text}]
        await self._close(item)

    async def _speak(self, item: Json, piece: str, counts: bool = True) -> None:
        self.audible = True
        self._said += piece
        here = self._here(item)
        if counts:
            self._session.conversation.audio_ms[item["id"]] += self._session.word_seconds * 1000
        frequency = 200.0 + zlib.crc32(piece.strip().encode()) % 400
        audio = tone(self._session.word_seconds, SAMPLE_RATE, frequency).to_bytes()
        await self._send("response.output_audio_transcript.delta", **here, delta=piece)
        await self._send("response.output_audio.delta", **here, delta=base64.b64encode(audio).decode())

    def _here(self, item: Json) -> Json:
        return {"response_id": self.id, "item_id": item["id"], "output_index": 0, "content_index": 0}

    async def _call(self, call: ToolCall, answer: Answer) -> None:
        arguments = json.dumps(dict(call.arguments))
        item_id = self._session.conversation.new_id()
        item: Json = {
            "id": item_id,
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": "",
        }
        await self._open(item)
        await answer.permit()
        here = {"response_id": self.id, "item_id": item_id, "output_index": 0, "call_id": call.id}
        await self._send("response.function_call_arguments.delta", **here, delta=arguments)
        await self._send("response.function_call_arguments.done", **here, arguments=arguments, name=call.name)
        item["arguments"] = arguments
        await self._close(item)


def _failed(kind: str, message: str) -> Json:
    return {"type": "failed", "error": {"type": kind, "code": kind, "message": message}}
