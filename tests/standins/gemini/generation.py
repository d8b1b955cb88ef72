"""The model's work on one prompt, word by word: each is some audio whose pitch is the word's, and its transcript."""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vision_agents.core.conversation import ToolCall
from vision_agents.testing.contract.provider import Answer
from vision_agents.testing.parts import tone

from . import wire

if TYPE_CHECKING:
    from .session import LiveSession

SAMPLE_RATE = 24_000


class Generation:
    """Begins when `previous` is over, and ends with `turnComplete` whatever happens."""

    def __init__(self, session: LiveSession, previous: Generation | None) -> None:
        self.running = True
        # It does not see cancellations, until something else is asked.
        self.deaf = False
        # What to do after the first word.
        self.after_first: Callable[[], Awaitable[None]] | None = None
        self.said: list[str] = []
        self._session = session
        self._previous = previous
        self._begun = False
        self._remembered = False
        self._generated = False
        # Something else was asked when all was made.
        self._asked = asyncio.Event()
        self._reason: str | None = None
        self._task = session.spawn(self._run())

    def cancel(self, reason: str, at_once: bool = True) -> None:
        """Stop. `at_once`: also if it is deaf."""
        if not self.running or self._reason is not None or (self.deaf and not at_once):
            return
        if self._generated and reason == "content":
            # There is nothing to stop. What is asked now ends the turn, a note does not.
            if at_once:
                self._asked.set()
            return
        delay = 0.0 if self.deaf else self._session.service.deaf_for
        if delay and not at_once:
            self.deaf = True
            asyncio.get_running_loop().call_later(delay, self.cancel, reason)
            return
        self._reason = reason
        self._remember()
        if self._begun:  # A task that is cancelled before its first step never takes it.
            self._task.cancel()

    async def speak(self, word: str) -> None:
        """Send a word."""
        session = self._session
        seconds = session.service.word_seconds
        sound = tone(seconds, SAMPLE_RATE, 200.0 + zlib.crc32(word.strip().encode()) % 400).to_bytes()
        blob = {"mimeType": f"audio/pcm;rate={SAMPLE_RATE}", "data": base64.b64encode(sound).decode()}
        fields: dict[str, Any] = {"modelTurn": {"role": "model", "parts": [{"inlineData": blob}]}}
        if "outputAudioTranscription" in session.setup:
            fields["outputTranscription"] = {"text": word}
        now = asyncio.get_running_loop().time()
        session.plays_until = max(session.plays_until, now) + seconds
        await session.content(**fields)

    async def _run(self) -> None:
        session, self._begun = self._session, True
        try:
            if self._reason is not None:
                raise asyncio.CancelledError
            await self._after_previous()
            await session.update(resumable=False)
            await session.content()  # The service says nothing at times.
            with session.service.answering() as answer:
                if not await self._make(answer):
                    return
            self._remember()
            await session.content(generationComplete=True)
            self._generated = True
            # The turn is complete when the service reckons that all of it was heard.
            with suppress(TimeoutError):
                async with asyncio.timeout_at(session.plays_until):
                    await self._asked.wait()
        except asyncio.CancelledError:
            if self._reason is None:
                raise  # The connection is gone.
            await self._after_previous()
            await self._cancel_calls()
            session.plays_until = 0.0
            await session.content(interrupted=True)
        finally:
            self.running = False
        self._remember()
        content = {"turnComplete": True, "interactionStatus": "IDLE"}
        await session.send(serverContent=content, usageMetadata=self._usage())
        await session.update(resumable=True)

    def _usage(self) -> dict[str, Any]:
        """Tokens of this turn alone: so many as words."""
        prompt = sum(len(text.split()) for role, text in self._session.memory.turns if role != "model")
        spoken = len(self.said)
        return {
            "promptTokenCount": prompt,
            "responseTokenCount": spoken,
            "thoughtsTokenCount": 2,
            "totalTokenCount": prompt + spoken + 2,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": spoken}],
        }

    def _remember(self) -> None:
        """What was sent is what the model knows to have said."""
        if self.said and not self._remembered:
            self._remembered = True
            self._session.memory.turns.append(("model", "".join(self.said).strip()))

    async def _after_previous(self) -> None:
        if self._previous is not None:
            await asyncio.wait([self._previous._task])
            self._previous = None

    async def _make(self, answer: Answer) -> bool:
        """Whether the connection is still there."""
        session = self._session
        if answer.failure == "malformed":
            await session.send_raw(b"{this is not JSON")
            await session.send_raw(b'{"surprise": {}}')
            await session.send_raw(b'{"serverContent": {"modelTurn": {"parts": "none"}}}')
            return True
        if answer.failure == "error":
            session.spawn(session.close(wire.INTERNAL, "Internal error encountered."))
            return False
        if answer.failure == "quota":
            reason = "You exceeded your current quota, please check your plan and billing details."
            session.spawn(session.close(wire.INTERNAL, reason))
            return False
        while isinstance(said := session.service.next_said(), ToolCall):
            if session.service.says_before_calls:
                await self._say(session.service.says_before_calls, answer)
            await self._call(said, answer)
        thought = {"text": "**Thinking about it**", "thought": True}
        await session.content(modelTurn={"role": "model", "parts": [thought]})
        if said:
            await self._say(said, answer)
        return True

    async def _say(self, text: str, answer: Answer) -> None:
        session = self._session
        for index, word in enumerate(text.split(" ")):
            await answer.permit()
            await asyncio.sleep(session.service.pace)
            piece = word if index == 0 else f" {word}"
            self.said.append(piece)
            await self.speak(piece)
            if self.after_first is not None:
                after, self.after_first = self.after_first, None
                await after()

    async def _call(self, call: ToolCall, answer: Answer) -> None:
        session = self._session
        await answer.permit()
        declared = [d["name"] for tool in session.setup.get("tools", []) for d in tool["functionDeclarations"]]
        assert call.name in declared, f"the model was not told of {call.name}"
        session.calls[call.id] = result = asyncio.get_running_loop().create_future()
        asked = {"id": call.id, "name": call.name, "args": dict(call.arguments)}
        await session.send(toolCall={"functionCalls": [asked]})
        session.memory.turns.append(("function", str((await result).get("output"))))

    async def _cancel_calls(self) -> None:
        session = self._session
        if session.calls:
            ids = list(session.calls)
            session.calls.clear()
            await session.send(toolCallCancellation={"ids": ids})
