"""Speech: each word a tone of its own, one piece a word."""

from __future__ import annotations

import asyncio
import zlib
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vision_agents.testing.contract.provider import Answer
from vision_agents.testing.parts import tone

if TYPE_CHECKING:
    from .server import DeepgramServer, Wire

WORD_SECONDS = 0.1


def sound(word: str, rate: int) -> bytes:
    """What a word sounds like."""
    return tone(WORD_SECONDS, rate, frequency=200.0 + zlib.crc32(word.encode()) % 800).to_bytes()


class Speaker:
    """What both versions have in common: a text that grows, and one that is spoken."""

    def __init__(self, server: DeepgramServer, wire: Wire, query: dict[str, str]) -> None:
        self.server = server
        self.wire = wire
        self.rate = int(query["sample_rate"])
        self.text = ""
        self.speaking: asyncio.Task[None] | None = None
        self._stopping: set[asyncio.Task[None]] = set()
        self._cut: list[str] = []
        self._confirmed = True

    async def begin(self) -> None:
        """The connection is open."""

    def end(self) -> None:
        for task in (self.speaking, *self._stopping):
            if task is not None:
                task.cancel()

    async def take(self, message: Any) -> None:
        if isinstance(message, bytes):
            await self.wire.close(1008, "DATA-0000: binary messages are not taken")
            return
        kind = message.get("type")
        if kind == "Speak" and isinstance(message.get("text"), str) and len(message["text"]) <= 2000:
            self.text += message["text"]
        elif kind == "Close":
            await self.wire.close(1000, "")
        elif kind not in self.kinds or kind == "Speak":
            await self.wire.close(1008, f"DATA-0000: {kind} cannot be understood")
        else:
            await self.control(kind, message)

    kinds: frozenset[str] = frozenset()

    async def control(self, kind: str, message: dict[str, Any]) -> None:
        raise NotImplementedError

    def flush(self) -> None:
        before, text, self.text = self.speaking, self.text, ""
        self.speaking = asyncio.create_task(self._speak(before, text), name="stand-in's voice")

    async def _speak(self, before: asyncio.Task[None] | None, text: str) -> None:
        if before is not None:
            await asyncio.wait([before])
        self._cut = text.split()
        with self.server.answering() as answer:
            if answer.failure == "malformed":
                await self.wire.send_raw('{"type": "Fl')
            elif answer.failure == "quota":
                await self.wire.close(1008, "the project has no credit left")
                return
            elif answer.failure == "error":
                await self.fatal()
                return
            await self.speak([] if answer.failure else text.split(), answer)

    async def stop(self) -> None:
        """Stop now, or when the server has gone deaf, later; then confirm it."""
        task = asyncio.create_task(self._stop(self.speaking), name="stand-in's stop")
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _stop(self, speaking: asyncio.Task[None] | None) -> None:
        self._confirmed = False
        self.server.last_stopped = self
        if self.server.stubborn:
            await asyncio.sleep(self.server.stubborn)
        if speaking is not None:
            speaking.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([speaking])
        await self.server.unstalled()
        self.text = ""
        self._confirmed = True
        await self.confirm()

    async def send_late(self) -> None:
        # Behind the confirmation none comes: that is what Deepgram promises.
        if not self._confirmed and self._cut:
            await self.wire.send_raw(sound(self._cut[-1], self.rate))

    async def speak(self, words: list[str], answer: Answer) -> None:
        raise NotImplementedError

    async def confirm(self) -> None:
        raise NotImplementedError

    async def fatal(self) -> None:
        raise NotImplementedError


class SpeakV1(Speaker):
    """Aura."""

    kinds = frozenset({"Speak", "Flush", "Clear", "Close"})

    def __init__(self, server: DeepgramServer, wire: Wire, query: dict[str, str]) -> None:
        super().__init__(server, wire, query)
        self._flushes: deque[float] = deque(maxlen=20)
        self._sequence = 0

    async def begin(self) -> None:
        await self.wire.send(type="Metadata", request_id="0", model_name="m", model_version="1", model_uuid="0")

    async def control(self, kind: str, message: dict[str, Any]) -> None:
        if kind == "Clear":
            await self.stop()
            return
        now = asyncio.get_running_loop().time()
        if len(self._flushes) == 20 and now - self._flushes[0] < 60.0:
            await self.wire.send(type="Warning", code="EXCESSIVE_FLUSH", description="20 in 60 s are the limit")
            return
        self._flushes.append(now)
        self.flush()

    async def speak(self, words: list[str], answer: Answer) -> None:
        for word in words:
            await asyncio.sleep(self.server.pace)
            await answer.permit()
            await self.wire.send_raw(sound(word, self.rate))
        await answer.permit()
        await self._tell("Flushed")

    async def confirm(self) -> None:
        await self._tell("Cleared")

    async def fatal(self) -> None:
        await self.wire.close(1011, "NET-0000: the voice broke")

    async def _tell(self, kind: str) -> None:
        await self.wire.send(type=kind, sequence_id=self._sequence)
        self._sequence += 1


class SpeakV2(Speaker):
    """Flux: turns between `SpeechStarted` and `SpeechMetadata`."""

    kinds = frozenset({"Speak", "Flush", "Interrupt", "Configure", "Close"})

    def __init__(self, server: DeepgramServer, wire: Wire, query: dict[str, str]) -> None:
        super().__init__(server, wire, query)
        self._turn = 0
        self._made = False
        self._active = False

    async def begin(self) -> None:
        await self.wire.send(
            type="Connected", request_id="0", model_name="flux-stand-in", model_version="1", model_uuids=["0"]
        )

    async def control(self, kind: str, message: dict[str, Any]) -> None:
        if kind == "Flush":
            self._active = True
            self.flush()
        elif kind == "Interrupt" and not self._made:
            await self._warn("NO_AUDIO_GENERATED")
        elif kind == "Interrupt" and not self._active:
            await self._warn("NO_ACTIVE_SPEECH")
        elif kind == "Interrupt":
            await self.stop()

    async def speak(self, words: list[str], answer: Answer) -> None:
        self._turn += 1
        started = False
        for word in words:
            await asyncio.sleep(self.server.pace)
            await answer.permit()
            if not started:
                await self.wire.send(type="SpeechStarted", speech_id=self._id)
                started = True
            self._made = True
            await self.wire.send_raw(sound(word, self.rate))
        await answer.permit()
        self._active = False
        await self.wire.send(type="Flushed", speech_id=self._id)
        await self.wire.send(type="SpeechMetadata", **self._metadata())

    async def confirm(self) -> None:
        self._active = False
        await self.wire.send(type="SpeechInterrupted", audio_played_ms=0, metadata=self._metadata())

    async def fatal(self) -> None:
        await self.wire.send(type="Error", code="NET-0003", description="the voice broke")
        await self.wire.close(1011, "NET-0003")

    async def _warn(self, code: str) -> None:
        await self.wire.send(type="Warning", code=code, description="the interruption is ignored")

    @property
    def _id(self) -> str:
        return f"dg_sp_{self._turn:012x}"

    def _metadata(self) -> dict[str, Any]:
        controls = {"pronunciations_applied": 0, "breaks_applied": 0, "pronunciation_warnings": 0}
        return {
            "speech_id": self._id,
            "audio_duration_ms": 0,
            "input_character_count": 0,
            "billable_character_count": 0,
            "controls_applied": controls,
        }
