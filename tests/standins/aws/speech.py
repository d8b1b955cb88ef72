"""A spoken answer of Nova Sonic in the making."""

from __future__ import annotations

import asyncio
import base64
import zlib
from typing import TYPE_CHECKING

from vision_agents.testing.contract import Answer
from vision_agents.testing.parts import tone

if TYPE_CHECKING:
    from .sonic import SonicSession

OUTPUT_RATE = 24_000
INTERRUPTED = '{ "interrupted" : true }'


class Speech:
    """A spoken answer: each sentence is announced as text, and then spoken, each word a tone of its own pitch."""

    def __init__(self, session: SonicSession, text: str, *, goes_on: bool = False) -> None:
        self.stopped = False
        self._session = session
        self._text = text
        # It calls a function after it.
        self._last = "PARTIAL_TURN" if goes_on else "END_TURN"
        self._content = ""
        self._task: asyncio.Task[None] | None = None
        self._marked = False

    def stop(self) -> None:
        """Somebody spoke."""
        self.stopped = True
        if self._task is not None:
            self._task.cancel()

    async def make(self, answer: Answer) -> None:
        """Speak to the end, or until it is stopped."""
        self._task = asyncio.ensure_future(self._speak(answer))
        try:
            await asyncio.wait([self._task])
        finally:
            if not self._task.done():
                self._task.cancel()
        if self.stopped:
            await self._end("INTERRUPTED")
            await self.mark()

    async def mark(self) -> None:
        """Tell that it was interrupted."""
        if not self._marked:
            self._marked = True
            await self._session.say_text(self._session.name(), "ASSISTANT", "FINAL", INTERRUPTED, "INTERRUPTED")

    async def late(self) -> None:
        """Go on, though nobody wants it."""
        if self._content:
            await self._audio("late")

    async def _speak(self, answer: Answer) -> None:
        sentences = [f"{part.rstrip('.')}." for part in self._text.split(". ")]
        for index, sentence in enumerate(sentences):
            content = ""
            for word in sentence.split():
                await answer.permit()
                await asyncio.sleep(self._session.service.pace)
                if not content:
                    content = await self._begin(sentence)
                await self._audio(word)
            await self._end(self._last if index == len(sentences) - 1 else "PARTIAL_TURN")
            await self._session.used(text=0, speech=len(sentence.split()))
        await self._session.say_text(self._session.name(), "ASSISTANT", "FINAL", self._text, self._last)

    async def _begin(self, sentence: str) -> str:
        session = self._session
        await session.say_text(session.name(), "ASSISTANT", "SPECULATIVE", sentence, "PARTIAL_TURN")
        self._content = session.name()
        await session.send({"contentStart": {"contentId": self._content, "type": "AUDIO", "role": "ASSISTANT"}})
        return self._content

    async def _end(self, reason: str) -> None:
        if self._content:
            await self._session.send(
                {"contentEnd": {"contentId": self._content, "type": "AUDIO", "stopReason": reason}}
            )

    async def _audio(self, word: str) -> None:
        seconds = self._session.service.word_seconds
        self._session.spoken(seconds)
        data = tone(seconds, OUTPUT_RATE, 200.0 + zlib.crc32(word.encode()) % 400).to_bytes()
        fields = {"contentId": self._content, "role": "ASSISTANT", "content": base64.b64encode(data).decode()}
        await self._session.send({"audioOutput": fields})
