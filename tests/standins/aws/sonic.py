"""Nova Sonic on one stream: how it answers what it takes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from vision_agents.core.conversation import ToolCall
from vision_agents.testing.contract import Answer

from .client_events import ClientEvents, Json, Refusal
from .speech import Speech

if TYPE_CHECKING:
    from .server import StandIn


class Body(Protocol):
    """What comes from the client."""

    async def next(self) -> Json | None: ...


class SonicSession(ClientEvents):
    """A stream: it takes the client's events and answers them, one after another."""

    def __init__(self, service: StandIn, send: Callable[[Json | bytes], Awaitable[None]], *, cross_modal: bool) -> None:
        super().__init__(cross_modal=cross_modal)
        self.service = service
        self.closed = False
        self._send_event = send
        self._names = count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._queue = asyncio.Lock()
        self._speaking: Speech | None = None
        self._last: Speech | None = None
        self._plays_until = 0.0
        self._results: dict[str, asyncio.Future[str]] = {}
        self._tokens: dict[str, int] = {}
        self._failure: asyncio.Future[Refusal] = asyncio.get_running_loop().create_future()

    async def send(self, event: Json | bytes) -> None:
        """Send an event, unless the client is gone."""
        with suppress(ConnectionError):
            await self._send_event(event)

    async def serve(self, body: Body) -> None:
        """Take events until the end. Raises Refusal."""
        reading = asyncio.ensure_future(self._read(body))
        try:
            async with asyncio.timeout(self.service.lifetime):
                ends: list[asyncio.Future[Any]] = [reading, self._failure]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._failure.done():
                raise self._failure.result()
            await reading
        except TimeoutError:
            raise Refusal(
                "Model has timed out in processing the request. Try your request again.",
                "modelTimeoutException",
                counts=False,
            ) from None
        finally:
            self.closed = True
            left = [reading, *self._tasks]
            for task in left:
                task.cancel()
            await asyncio.wait(left)

    def fail(self, refusal: Refusal) -> None:
        """End the stream with an exception."""
        if not self._failure.done():
            self._failure.set_result(refusal)

    async def _read(self, body: Body) -> None:
        while (event := await body.next()) is not None:
            self.take(event)
            if self.ended == "sessionEnd":
                await self.send({"completionEnd": {"completionId": "completion", "stopReason": "END_TURN"}})
                return

    # Answers, one after another.

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def name(self) -> str:
        """A new id."""
        return f"content {next(self._names)}"

    async def _answer_speech(self, words: str) -> None:
        if self._speaking is not None and not self._speaking.stopped:
            self._speaking.stop()
        content = self.name()
        await self.say_text(content, "USER", "FINAL", words, "PARTIAL_TURN")
        if words:
            self.asked.append(words)
            await self._answer()

    async def _answer(self) -> None:
        await asyncio.sleep(self.service.thinks)
        with self.service.answering() as answer:
            said = self.service.next_said() if answer.failure is None else ""
            async with self._queue:
                await self._make(answer, said)

    async def _make(self, answer: Answer, said: str | ToolCall) -> None:
        await self.send({"completionStart": {"completionId": "completion", "promptName": self.prompt["promptName"]}})
        if answer.failure == "malformed":
            await self.send(b"{this is not JSON")
            await self.send({"surpriseOutput": {"contentId": "x"}})
            await self.send({"audioOutput": {"contentId": "nothing", "content": "%"}})
            await self.send({"contentStart": {"contentId": 7}})
            return
        if answer.failure is not None:
            kinds = {"quota": "throttlingException", "error": "modelStreamErrorException"}
            self.fail(Refusal(f"It failed: {answer.failure}.", kinds[answer.failure], counts=False))
            return
        while isinstance(said, ToolCall):
            await answer.permit()
            if self.service.says_before_calls:
                await self._speak(Speech(self, self.service.says_before_calls, goes_on=True), answer)
            await self._call(said)
            said = self.service.next_said()
        if said:
            await self._speak(Speech(self, said), answer)
        else:
            await self.send({"completionEnd": {"completionId": "completion", "stopReason": "END_TURN"}})

    async def _speak(self, speech: Speech, answer: Answer) -> None:
        self._speaking = self._last = speech
        try:
            await speech.make(answer)
        finally:
            self._speaking = None

    async def _call(self, call: ToolCall) -> None:
        content = self.name()
        result: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._results[call.id] = result
        await self.send({"contentStart": {"contentId": content, "type": "TOOL", "role": "TOOL"}})
        arguments = json.dumps(dict(call.arguments))
        await self.send(
            {"toolUse": {"contentId": content, "toolName": call.name, "toolUseId": call.id, "content": arguments}}
        )
        await self.send({"contentEnd": {"contentId": content, "type": "TOOL", "stopReason": "TOOL_USE"}})
        # What is asked meanwhile is answered meanwhile.
        self._queue.release()
        try:
            await result
        finally:
            await self._queue.acquire()

    async def say_text(self, content: str, role: str, stage: str, text: str, reason: str) -> None:
        """A content of text."""
        stage_field = json.dumps({"generationStage": stage})
        start = {"contentId": content, "type": "TEXT", "role": role, "additionalModelFields": stage_field}
        await self.send({"contentStart": start})
        await self.send({"textOutput": {"contentId": content, "role": role, "content": text}})
        await self.send({"contentEnd": {"contentId": content, "type": "TEXT", "stopReason": reason}})

    async def used(self, text: int, speech: int) -> None:
        """Tell of tokens: those of the answer since this was told last, and all of the session."""
        nothing = {"speechTokens": 0, "textTokens": 0}
        delta = {"speechTokens": speech, "textTokens": text}
        self._tokens = {kind: self._tokens.get(kind, 0) + tokens for kind, tokens in delta.items()}
        totals = sum(self._tokens.values())
        details = {"delta": {"input": nothing, "output": delta}, "total": {"input": nothing, "output": self._tokens}}
        fields = {"completionId": "completion", "details": details, "promptName": self.prompt["promptName"]}
        sums = {"totalInputTokens": 0, "totalOutputTokens": totals, "totalTokens": totals}
        await self.send({"usageEvent": fields | sums})

    def spoken(self, seconds: float) -> None:
        """So much audio was sent: until when it plays at the user's."""
        now = asyncio.get_running_loop().time()
        self._plays_until = max(self._plays_until, now) + seconds

    def _speech_over(self) -> None:
        self._spawn(self._answer_speech(self.service.next_heard()))

    def _asked(self) -> None:
        self._spawn(self._answer())

    def _calls(self, use: str | None) -> bool:
        return use in self._results

    def _result(self, use: str, text: str) -> None:
        result = self._results.pop(use)
        if not result.done():
            result.set_result(text)

    def _barge_in(self) -> None:
        loop = asyncio.get_running_loop()
        if self._speaking is not None:
            loop.call_later(self.service.deaf_for, self._speaking.stop)
        elif self._last is not None and loop.time() < self._plays_until:
            self._spawn(self._last.mark())
        self._plays_until = 0.0

    def interrupt(self) -> bool:
        """Take nothing for somebody's voice. Returns whether the model was speaking, which stops it."""
        speaking = self._speaking is not None and not self._speaking.stopped
        self._barge_in()
        return speaking

    async def send_late(self) -> None:
        """More audio of the latest answer."""
        if self._last is not None and not self.closed:
            await self._last.late()
