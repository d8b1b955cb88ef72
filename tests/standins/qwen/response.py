"""A response, word by word: each is some transcript, and some audio whose pitch is the word's own."""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from typing import TYPE_CHECKING, Any

from vision_agents.core.conversation import ToolCall
from vision_agents.testing.contract.provider import Answer
from vision_agents.testing.parts import tone

from .wire import Json

if TYPE_CHECKING:
    from .session import RealtimeSession

SAMPLE_RATE = 24_000


class Response:
    """`said`: the words that were sent."""

    def __init__(self, session: RealtimeSession, number: int, instructions: str | None) -> None:
        self.id = f"resp_{number}"
        self.item_id = f"item_answer_{number}"
        self.instructions = instructions
        self.running = True
        self.said: list[str] = []
        self._session = session
        self._stopping = False
        self._begun = False
        self._task = session.spawn(self._run())

    def cancel(self) -> None:
        """Stop, at once or after the seconds for which the service is deaf."""
        if not self._stopping:
            self._stopping = True
            asyncio.get_running_loop().call_later(self._session.service.deaf_for, self._stop)

    def _stop(self) -> None:
        if self._begun:  # A task that is cancelled before its first step never takes it.
            self._task.cancel()

    async def over(self) -> None:
        """Wait for the end."""
        await asyncio.wait([self._task])

    async def speak(self, word: str) -> None:
        """Send a word, whatever was done to the response."""
        seconds = self._session.service.word_seconds
        sound = tone(seconds, SAMPLE_RATE, 200.0 + zlib.crc32(word.strip().encode()) % 400).to_bytes()
        await self._send("response.audio_transcript.delta", **self._here, delta=word)
        await self._send("response.audio.delta", **self._here, delta=base64.b64encode(sound).decode())

    async def _run(self) -> None:
        self._begun = True
        status, error = "completed", None
        try:
            await self._send("response.created", response=self._resource("in_progress"))
            with self._session.service.answering() as answer:
                error = await self._make(answer)
        except asyncio.CancelledError:
            if not self._stopping:
                raise  # The connection is gone.
            status = "cancelled"
        self.running = False
        if error is not None:
            status = "failed"
        details = {"type": "failed", "error": error} if error else None
        done = {"status_details": details, "usage": self._usage()}
        await self._send("response.done", response=self._resource(status) | done)

    def _usage(self) -> Json:
        """So many tokens as words."""
        read, said = len((self.instructions or "").split()), len(self.said)
        return {
            "total_tokens": read + said,
            "input_tokens": read,
            "output_tokens": said,
            "input_tokens_details": {"text_tokens": read, "audio_tokens": 0},
            "output_tokens_details": {"text_tokens": 0, "audio_tokens": said},
        }

    async def _make(self, answer: Answer) -> Json | None:
        """Returns an error, if it is to fail."""
        session = self._session
        if answer.failure == "malformed":
            await session.send_raw("{this is not JSON")
            await session.send_raw(json.dumps({"type": "response.surprise", "event_id": "event_x"}))
            await session.send_raw(json.dumps({"type": "response.audio.delta", "delta": "%", "response_id": self.id}))
            await session.send_raw("[]")
            return {"type": "server_error", "code": "InternalError", "message": "An internal error has occurred."}
        if answer.failure == "error":
            session.spawn(session.end("server_error", "InternalError", "An internal error has occurred."))
            await asyncio.Event().wait()
        if answer.failure == "quota":
            session.spawn(
                session.end("server_error", "Arrearage", "Access denied, make sure your account is in good standing.")
            )
            await asyncio.Event().wait()
        said = session.service.next_said()
        if isinstance(said, ToolCall):
            if session.service.says_before_calls:
                await self._talk(session.service.says_before_calls, answer)
            await self._call(said, answer)
        elif said:
            await self._talk(said, answer)
        return None

    async def _talk(self, said: str, answer: Answer) -> None:
        session = self._session
        item: Json = {"id": self.item_id, "object": "realtime.item", "type": "message", "role": "assistant"}
        await self._send("response.output_item.added", response_id=self.id, output_index=0, item=item)
        await self._send("conversation.item.created", item=item)
        await self._send("response.content_part.added", **self._here, part={"type": "audio", "text": ""})
        for index, word in enumerate(said.split(" ")):
            await answer.permit()
            await asyncio.sleep(session.service.pace)
            piece = word if index == 0 else f" {word}"
            self.said.append(piece)
            await self.speak(piece)
        await self._send("response.audio_transcript.done", **self._here, transcript=said)
        await self._send("response.audio.done", **self._here)
        await self._send("response.output_item.done", response_id=self.id, output_index=0, item=item)

    async def _call(self, call: ToolCall, answer: Answer) -> None:
        await answer.permit()
        declared = [tool["function"]["name"] for tool in self._session.config.get("tools", [])]
        assert call.name in declared, f"the model was not told of {call.name}"
        self._session.calls.add(call.id)
        arguments = json.dumps(dict(call.arguments))
        here = {"response_id": self.id, "item_id": self.item_id, "output_index": 0, "call_id": call.id}
        await self._send("response.function_call_arguments.delta", **here, delta=arguments)
        await self._send("response.function_call_arguments.done", **here, name=call.name, arguments=arguments)

    @property
    def _here(self) -> Json:
        return {"response_id": self.id, "item_id": self.item_id, "output_index": 0, "content_index": 0}

    def _resource(self, status: str) -> Json:
        return {
            "id": self.id,
            "object": "realtime.response",
            "conversation_id": "conv_1",
            "status": status,
            "modalities": ["text", "audio"],
            "output": [],
        }

    async def _send(self, kind: str, **fields: Any) -> None:
        await self._session.send(kind, **fields)
