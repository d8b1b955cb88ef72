"""Multi-context speech: each word a tone of its own, in pieces that do not mind where words end."""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections import deque
from typing import TYPE_CHECKING, Any

from vision_agents.core.audio import PcmData
from vision_agents.testing.contract.provider import Answer
from vision_agents.testing.parts import tone

if TYPE_CHECKING:
    from .server import ElevenLabsServer, Wire

WORD_SECONDS = 0.1
PIECE_SECONDS = 0.15
LIMIT = 5


class Context:
    """A context: text that was not flushed, and the work on what was."""

    def __init__(self, name: str, settings: Any) -> None:
        self.name = name
        self.settings = settings
        self.text = ""
        self.work: asyncio.Task[None] | None = None
        self.sounded = False
        self.closed = False


class Voice:
    """One socket."""

    def __init__(self, server: ElevenLabsServer, wire: Wire, query: dict[str, str]) -> None:
        self.server = server
        self.wire = wire
        self.rate = int(query.get("output_format", "pcm_24000").removeprefix("pcm_"))
        self.aligned = query.get("sync_alignment") == "true"
        self.contexts: dict[str, Context] = {}
        self._newest = ""
        self._closed: deque[Context] = deque(maxlen=2)
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """ElevenLabs says nothing before it is spoken to."""

    async def send_late(self) -> None:
        """Send audio of a context that was closed, though not of the newest one, which is closed in good order."""
        for context in self._closed:
            if context.name != self._newest:
                await self._send(context, tone(PIECE_SECONDS, self.rate), [("late", 0.0, 100.0)])

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def take(self, message: dict[str, Any]) -> None:
        if message.get("close_socket"):
            await self.wire.close(1000, "")
            return
        name = message.get("context_id")
        if not isinstance(name, str):
            await self._refuse("invalid_request", "a message without context_id")
            return
        context = self.contexts.get(name)
        if context is None:
            # Whatever is sent to an unknown context opens it: its closing, too.
            context = self.contexts[name] = Context(name, message.get("voice_settings"))
            self._newest = name
            self.server.most_contexts = max(self.server.most_contexts, len(self.contexts))
            if len(self.contexts) > LIMIT:
                self.server.overflows += 1
                await self._refuse("max_active_conversations", f"Maximum simultaneous contexts exceeded ({LIMIT})")
                return
        elif message.get("voice_settings", context.settings) != context.settings:
            await self._refuse("invalid_request", "voice_settings may not change")
            return
        await self._act(context, message)

    async def _act(self, context: Context, message: dict[str, Any]) -> None:
        text = message.get("text") or ""
        if text and not text.endswith(" "):
            await self._refuse("invalid_request", "text must end with a space")
            return
        context.text += text
        if message.get("flush") and context.text.strip():
            before, spoken, context.text = context.work, context.text, ""
            context.work = self._spawn(self._speak(context, before, spoken))
        if message.get("close_context"):
            context.closed = True
            self._spawn(self._close(context))

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work, name="stand-in's voice")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _speak(self, context: Context, before: asyncio.Task[None] | None, text: str) -> None:
        if before is not None:
            await asyncio.wait([before])
        with self.server.answering() as answer:
            if answer.failure == "malformed":
                await self.wire.send_raw('{"audio": "AAAA')
                await self.wire.send(isFinal=True, contextId=context.name)
                self.contexts.pop(context.name, None)
            elif answer.failure == "quota":
                await self._refuse("quota_exceeded", "no credit is left")
            elif answer.failure == "error":
                await self._refuse("internal_error", "the voice broke")
            else:
                await self._pieces(context, text.split(), answer)

    async def _pieces(self, context: Context, words: list[str], answer: Answer) -> None:
        whole = PcmData.concat(sound(word, self.rate) for word in words)
        letters = times_of(words)
        step = round(PIECE_SECONDS * self.rate)
        for start in range(0, len(whole), step):
            await asyncio.sleep(self.server.pace)
            await answer.permit()
            if context.closed and not context.sounded:
                return  # Closed before its audio began: none is made. It has been seen to happen.
            context.sounded = True
            piece = PcmData(whole.samples[start : start + step], self.rate)
            begin, end = start / self.rate * 1000, (start + step) / self.rate * 1000
            await self._send(context, piece, [(c, at - begin, d) for c, at, d in letters if begin <= at < end])

    async def _send(self, context: Context, piece: PcmData, letters: list[tuple[str, float, float]]) -> None:
        alignment = {
            "chars": [char for char, _, _ in letters],
            "charStartTimesMs": [round(at) for _, at, _ in letters],
            "charDurationsMs": [round(length) for _, _, length in letters],
        }
        await self.wire.send(
            audio=base64.b64encode(piece.to_bytes()).decode(),
            isFinal=None,
            alignment=alignment if self.aligned and letters else None,
            normalizedAlignment=None,
            contextId=context.name,
        )

    async def _close(self, context: Context) -> None:
        self._closed.append(context)
        if context.work is not None:
            await asyncio.wait([context.work])
        await asyncio.sleep(self.server.stubborn)
        await self.server.unstalled()
        if self.contexts.pop(context.name, None) is not None:
            await self.wire.send(isFinal=True, contextId=context.name)

    async def _refuse(self, kind: str, text: str) -> None:
        await self.wire.send(error=kind, message=text, code=1008)
        await self.wire.close(1008, text)


def sound(word: str, rate: int) -> PcmData:
    """What a word sounds like."""
    return tone(WORD_SECONDS, rate, frequency=200.0 + zlib.crc32(word.encode()) % 800)


def times_of(words: list[str]) -> list[tuple[str, float, float]]:
    """Each character with its start and length in ms, a space behind each word."""
    letters = []
    for index, word in enumerate(words):
        length = WORD_SECONDS * 1000 / (len(word) + 1)
        for place, char in enumerate(f"{word} "):
            letters.append((char, index * WORD_SECONDS * 1000 + place * length, length))
    return letters
