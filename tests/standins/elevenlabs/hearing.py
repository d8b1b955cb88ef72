"""Scribe: any sound is speech, and its words are what the test says."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import TYPE_CHECKING, Any

import numpy as np

from vision_agents.core.audio import PcmData
from vision_agents.testing.contract import Failure, SpeechGate

if TYPE_CHECKING:
    from .server import ElevenLabsServer, Wire

RATE = 16_000

# Seconds of speech after which there is a first word of it.
EARLY = 0.3


class Hearing:
    """One session."""

    def __init__(self, server: ElevenLabsServer, wire: Wire, query: dict[str, str], welcome: bool) -> None:
        self.server = server
        self.wire = wire
        self._welcome = welcome
        self._config = query
        self._gate = SpeechGate(silence=float(query.get("vad_silence_threshold_secs", 1.5)))
        # Speech was heard that is not committed; since when; and its words, if any was given already.
        self._open = False
        self._onset: float | None = None
        self._text: str | None = None
        self._work: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._worker = asyncio.create_task(self._run(), name="stand-in's words")

    async def begin(self) -> None:
        if not self._welcome:
            await self.error("auth_error", "the key is not valid")
            await self.wire.close(1008, "auth_error")
            return
        await self.wire.send(message_type="session_started", session_id="0", config=self._config)

    def end(self) -> None:
        self._worker.cancel()

    async def take(self, message: dict[str, Any]) -> None:
        if message.get("message_type") != "input_audio_chunk" or message.get("sample_rate") != RATE:
            await self.error("input_error", "expected an input_audio_chunk of the session's rate")
            await self.wire.close(1008, "input_error")
            return
        try:
            data = base64.b64decode(message["audio_base_64"], validate=True)
        except (binascii.Error, KeyError):
            await self.error("input_error", "the audio is no base64")
            return
        for start in range(0, len(data), 640):
            piece = PcmData(np.frombuffer(data[start : start + 640], dtype="<i2").astype(np.int16), RATE)
            change = self._gate.feed(piece)
            if change == "started":
                self._open = True
                self._onset = self._gate.position
            elif change == "stopped" and self.server.commits:
                self._work.put_nowait(("words", None))
            if self._onset is not None and self._gate.speaking and self._gate.position >= self._onset + EARLY:
                self._onset = None
                self._work.put_nowait(("early", None))
        if message.get("commit"):
            self._work.put_nowait(("commit", None))

    async def error(self, kind: str, text: str) -> None:
        await self.wire.send(message_type=kind, error=text)

    async def partial(self, text: str) -> None:
        """Send a partial transcript."""
        await self.wire.send(message_type="partial_transcript", text=text)

    async def committed(self, text: str) -> None:
        """Send a commit, and what ElevenLabs sends behind it."""
        await self.wire.send(message_type="committed_transcript", text=text)
        await self.partial(text)

    async def _run(self) -> None:
        while True:
            name, _ = await self._work.get()
            if name == "commit" and not self._open:
                await self.error("commit_throttled", "there is nothing to commit")
            elif name == "early" and self.server.at_ease and self.server.commits:
                self._text = self.server.next_heard()
                await self.partial(self._text.split()[0])
            elif name != "early" and self._open:
                await self._words()

    async def _words(self) -> None:
        self._open = False
        with self.server.answering() as answer:
            if answer.failure is not None:
                await answer.permit()
                await self._fail(answer.failure)
                return
            text, self._text = self._text or self.server.next_heard(), None
            await answer.permit()
            await self.partial(text.rsplit(" ", 1)[0])
            await answer.permit()
            await self.partial(text)
            await self.partial(text)
            await answer.permit()
            await self.committed(text)

    async def _fail(self, failure: Failure) -> None:
        if failure == "malformed":
            await self.wire.send_raw('{"message_type": "partial_tr')
        elif failure == "quota":
            await self.error("quota_exceeded", "no credit is left")
            await self.wire.close(1008, "quota_exceeded")
        else:
            await self.error("transcriber_error", "the recogniser broke")
            await self.wire.close(1011, "transcriber_error")
