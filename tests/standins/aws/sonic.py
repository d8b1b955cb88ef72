"""Nova Sonic on one stream: what it takes, in which order, and how it answers."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import ToolCall
from vision_agents.testing.contract import Answer, SpeechGate

from .speech import OUTPUT_RATE, Speech

if TYPE_CHECKING:
    from .server import StandIn

Json = dict[str, Any]

INPUT_RATE = 16_000

# What the service takes of history, in bytes: one textInput, and all of it; and how many messages.
TEXT_LIMIT = 1024
HISTORY_LIMIT = 40 * 1024
MESSAGES_LIMIT = 40


class Refusal(Exception):
    """The stream ends with an exception. `counts`: it is the client's fault."""

    def __init__(self, message: str, kind: str = "validationException", counts: bool = True) -> None:
        super().__init__(message)
        self.kind = kind
        self.counts = counts


class Body(Protocol):
    """What comes from the client."""

    async def next(self) -> Json | None: ...


class SonicSession:
    """`history`: the messages that came as history. `asked`: the texts, the words and the results that were answered.

    `ended`: "sessionEnd" if it was closed as it should be.
    """

    def __init__(self, service: StandIn, send: Callable[[Json | bytes], Awaitable[None]], *, cross_modal: bool) -> None:
        self.service = service
        self.start: Json = {}
        self.prompt: Json = {}
        self.system = ""
        self.history: list[tuple[str, str]] = []
        self.asked: list[str] = []
        self.heard_seconds = 0.0
        self.ended = ""
        self.closed = False
        self._send_event = send
        self._cross_modal = cross_modal
        self._names = count(1)
        self._contents: dict[str, Json] = {}
        self._texts: dict[str, str] = {}
        self._used: set[str] = set()
        self._audio: str | None = None
        self._audio_over = False
        self._ear = SpeechGate(0.5)
        self._tasks: set[asyncio.Task[None]] = set()
        self._queue = asyncio.Lock()
        self._speaking: Speech | None = None
        self._last: Speech | None = None
        self._plays_until = 0.0
        self._calls: dict[str, asyncio.Future[str]] = {}
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
            ((name, fields),) = event.items()
            handler = _HANDLERS.get(name)
            if handler is None or not isinstance(fields, dict):
                raise Refusal(f"Unknown event: {name}")
            if self.ended == "sessionEnd":
                raise Refusal("The session has ended.")
            handler(self, fields)
            if self.ended == "sessionEnd":
                await self.send({"completionEnd": {"completionId": "completion", "stopReason": "END_TURN"}})
                return

    # Setting up.

    def _on_session_start(self, fields: Json) -> None:
        _only(fields, {"inferenceConfiguration"}, {"turnDetectionConfiguration"})
        _check(not self.start, "There can be one sessionStart.")
        inference = fields["inferenceConfiguration"]
        _only(inference, set(), {"maxTokens", "topP", "temperature"})
        detection = fields.get("turnDetectionConfiguration", {"endpointingSensitivity": "HIGH"})
        _check(detection.get("endpointingSensitivity") in ("HIGH", "MEDIUM", "LOW"), "endpointingSensitivity")
        self.start = fields

    def _on_prompt_start(self, fields: Json) -> None:
        _only(
            fields,
            {"promptName", "textOutputConfiguration", "audioOutputConfiguration"},
            {"toolUseOutputConfiguration", "toolConfiguration"},
        )
        _check(bool(self.start) and not self.prompt, "promptStart comes once, after sessionStart.")
        _check(fields["textOutputConfiguration"] == {"mediaType": "text/plain"}, "textOutputConfiguration")
        audio = dict(fields["audioOutputConfiguration"])
        _check(isinstance(audio.pop("voiceId", None), str), "voiceId")
        _check(audio == _audio_format(OUTPUT_RATE), "audioOutputConfiguration")
        for tool in fields.get("toolConfiguration", {}).get("tools", ()):
            spec = tool["toolSpec"]
            _only(spec, {"name", "description", "inputSchema"}, set())
            _check(json.loads(spec["inputSchema"]["json"])["type"] == "object", "inputSchema.json is a JSON string.")
        self.prompt = fields

    # Contents.

    def _on_content_start(self, fields: Json) -> None:
        self._check_prompt(fields)
        name, kind, role = fields.get("contentName"), fields.get("type"), fields.get("role")
        _check(isinstance(name, str) and name not in self._used, "contentName must be new.")
        assert isinstance(name, str)
        if kind == "AUDIO":
            expected = {**_audio_format(INPUT_RATE)}
            _check(role == "USER" and fields.get("interactive") is True, "Audio is interactive, and the user's.")
            _check(fields.get("audioInputConfiguration") == expected, "audioInputConfiguration")
            _check(self._audio is None, "Audio content is open already.")
            self._audio = name
        elif kind == "TEXT":
            _check(fields.get("textInputConfiguration") == {"mediaType": "text/plain"}, "textInputConfiguration")
            self._check_text(role, fields.get("interactive"))
        elif kind == "TOOL":
            result = fields.get("toolResultInputConfiguration", {})
            _check(role == "TOOL" and result.get("toolUseId") in self._calls, "There is no such tool use.")
            _check(result.get("type") == "TEXT", "toolResultInputConfiguration.type")
        else:
            raise Refusal("contentStart.type")
        self._used.add(name)
        self._contents[name] = fields
        self._texts[name] = ""

    def _check_text(self, role: str | None, interactive: bool | None) -> None:
        if interactive:
            _check(role == "USER" and self._audio is not None, "Interactive text is the user's, beside audio.")
            _check(self._cross_modal, "This model takes no interactive text.")
            return
        _check(self._audio is None, "System prompt and history come before audio.")
        if role == "SYSTEM":
            _check(not self.system and not self.history, "The system prompt comes once, and first.")
        else:
            _check(role in ("USER", "ASSISTANT"), "contentStart.role")
            _check(bool(self.system), "History comes after the system prompt.")
            _check(bool(self.history) or role == "USER", "First message must be from the user.")

    def _on_text_input(self, fields: Json) -> None:
        self._take_text(fields, "TEXT", TEXT_LIMIT)

    def _on_tool_result(self, fields: Json) -> None:
        self._take_text(fields, "TOOL", 256 * 1024)
        try:
            parsed = json.loads(fields["content"])
        except ValueError:
            parsed = None
        _check(isinstance(parsed, dict), "toolResult.content is a JSON object.")

    def _take_text(self, fields: Json, kind: str, limit: int) -> None:
        _only(fields, {"promptName", "contentName", "content"}, set())
        content = self._contents.get(fields["contentName"])
        _check(content is not None and content["type"] == kind, "There is no such content.")
        assert content is not None
        if kind == "TEXT" and content["role"] == "SYSTEM":
            limit = HISTORY_LIMIT
        _check(0 < len(fields["content"].encode()) <= limit, f"A text has 1 to {limit} bytes.")
        self._texts[fields["contentName"]] += fields["content"]

    def _on_audio_input(self, fields: Json) -> None:
        _only(fields, {"promptName", "contentName", "content"}, set())
        _check(fields["contentName"] == self._audio and not self._audio_over, "There is no such audio content.")
        audio = PcmData.from_bytes(base64.b64decode(fields["content"], validate=True), INPUT_RATE)
        _check(0 < audio.duration <= 1.0, "audioInput has up to a second.")
        self.heard_seconds += audio.duration
        step = INPUT_RATE // 50
        for start in range(0, len(audio), step):
            change = self._ear.feed(PcmData(audio.samples[start : start + step], INPUT_RATE))
            if change == "started":
                self._barge_in()
            elif change == "stopped":
                self._spawn(self._answer_speech(self.service.next_heard()))

    def _on_content_end(self, fields: Json) -> None:
        _only(fields, {"promptName", "contentName"}, set())
        content = self._contents.pop(fields["contentName"], None)
        _check(content is not None, "There is no such content.")
        assert content is not None
        text = self._texts.pop(fields["contentName"])
        role = content["role"]
        if content["type"] == "AUDIO":
            self._audio_over = True
        elif content["type"] == "TOOL":
            self.asked.append(text)
            result = self._calls.pop(content["toolResultInputConfiguration"]["toolUseId"])
            if not result.done():
                result.set_result(text)
        elif role == "SYSTEM":
            self.system = text
        elif content["interactive"]:
            self.asked.append(text)
            self._spawn(self._answer())
        else:
            self.history.append((role, text))
            size = sum(len(said.encode()) for _, said in self.history)
            _check(size <= HISTORY_LIMIT and len(self.history) <= MESSAGES_LIMIT, "Chat history is over the limit.")

    def _on_prompt_end(self, fields: Json) -> None:
        self._check_prompt(fields)
        _check(not self._contents, "A content is still open.")
        self.ended = "promptEnd"

    def _on_session_end(self, fields: Json) -> None:
        _only(fields, set(), set())
        _check(self.ended == "promptEnd", "sessionEnd comes after promptEnd.")
        self.ended = "sessionEnd"

    def _check_prompt(self, fields: Json) -> None:
        _check(bool(self.prompt) and fields.get("promptName") == self.prompt["promptName"], "promptName")

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
        self._calls[call.id] = result
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


def _audio_format(rate: int) -> Json:
    return {
        "mediaType": "audio/lpcm",
        "sampleRateHertz": rate,
        "sampleSizeBits": 16,
        "channelCount": 1,
        "encoding": "base64",
        "audioType": "SPEECH",
    }


def _only(fields: Json, required: set[str], optional: set[str]) -> None:
    missing, unknown = required - fields.keys(), fields.keys() - required - optional
    _check(not missing and not unknown, f"missing {sorted(missing)}, unknown {sorted(unknown)}")


def _check(good: bool, message: str) -> None:
    if not good:
        raise Refusal(f"Invalid input request: {message}")


_HANDLERS: dict[str, Callable[[SonicSession, Json], None]] = {
    "sessionStart": SonicSession._on_session_start,
    "promptStart": SonicSession._on_prompt_start,
    "contentStart": SonicSession._on_content_start,
    "textInput": SonicSession._on_text_input,
    "toolResult": SonicSession._on_tool_result,
    "audioInput": SonicSession._on_audio_input,
    "contentEnd": SonicSession._on_content_end,
    "promptEnd": SonicSession._on_prompt_end,
    "sessionEnd": SonicSession._on_session_end,
}
