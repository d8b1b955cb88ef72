"""One connection to the Live API, as the service behaves in it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from google.genai import types
from websockets.asyncio.server import ServerConnection

from vision_agents.core.audio import PcmData
from vision_agents.testing.contract import SpeechGate

from ..websocket_sessions import Session
from . import wire
from .generation import Generation
from .wire import Json

if TYPE_CHECKING:
    from .server import StandIn


@dataclass
class Memory:
    """What the service knows of a conversation: by role, what was said; of the model's answers what was sent."""

    turns: list[tuple[str, str]] = field(default_factory=list)

    def copy(self) -> Memory:
        return replace(self, turns=list(self.turns))


class LiveSession(Session):
    """`received`: the client's messages but for audio. `heard`: seconds of audio that came."""

    def __init__(self, service: StandIn, socket: ServerConnection) -> None:
        super().__init__(socket)
        self.service = service
        self.setup: Json = {}
        self.memory = Memory()
        self.received: list[tuple[str, Json]] = []
        self.heard = 0.0
        self.stream_ends = 0
        # The generation that was begun last, and until when its audio plays if it is played as it is made.
        self.last: Generation | None = None
        self.plays_until = 0.0
        self.calls: dict[str, asyncio.Future[Any]] = {}
        self._ear = SpeechGate()

    # The wire.

    async def _converse(self) -> None:
        try:
            kind, setup = wire.read(json.loads(await self._socket.recv()))
            self._begin(kind, setup)
            await self.send(setupComplete={})
            if self.service.sends_away:
                await self.send(goAway={"timeLeft": "10s"})
            async for data in self._socket:
                await self._take(*wire.read(json.loads(data)))
        except wire.Refusal as refusal:
            self.service.refused.append(refusal)
            await self.close(refusal.code, refusal.reason)

    async def send(self, **message: Any) -> None:
        """Send a message, after a look whether the SDK's own model of it would take it."""
        types.LiveServerMessage.model_validate(message)
        await self.send_raw(json.dumps(message).encode())

    async def content(self, **fields: Any) -> None:
        """Send a `serverContent` of these fields."""
        await self.send(serverContent=fields)

    @property
    def open(self) -> bool:
        """Whether the connection is."""
        return self._socket.close_code is None and self._socket.transport.is_closing() is False

    # Setting up.

    def _begin(self, kind: str, setup: Json) -> None:
        if kind != "setup":
            raise wire.invalid("The first message must be setup.")
        if self._socket.request is None or self._socket.request.headers.get("x-goog-api-key") != self.service.key:
            raise wire.invalid("API key not valid. Please pass a valid API key.")
        if setup.get("model") not in wire.MODELS:
            raise wire.Refusal(
                wire.POLICY,
                f"{setup.get('model')} is not found for API version v1, or is not supported for bidiGenerateContent.",
            )
        if setup.get("generationConfig", {}).get("responseModalities") != ["AUDIO"]:
            raise wire.invalid("This model speaks: response_modalities must be AUDIO.")
        self.setup = setup
        handle = setup.get("sessionResumption", {}).get("handle")
        if handle is not None:
            self._resume(handle)

    def _resume(self, handle: str) -> None:
        before, memory = self.service.handles.get(handle, (None, None))
        if memory is None:
            raise wire.Refusal(wire.POLICY, "BidiGenerateContent session not found.")
        if self.service.poisoned and handle in self.service.poisoned:
            raise wire.invalid()
        if before is not None and before.open:
            raise wire.Refusal(wire.INTERNAL, "Internal error encountered.")
        self.memory = memory.copy()

    async def update(self, resumable: bool) -> None:
        """Say from where the session can be resumed, if that was asked for."""
        if "sessionResumption" not in self.setup:
            return
        if not resumable:
            await self.send(sessionResumptionUpdate={"newHandle": "", "resumable": False})
            return
        handle = f"handle-{len(self.service.handles) + 1}"
        self.service.handles[handle] = (self, self.memory.copy())
        await self.send(sessionResumptionUpdate={"newHandle": handle, "resumable": True})

    async def go_away(self, seconds: float) -> None:
        """Announce the end of the connection, and end it."""
        await self.send(goAway={"timeLeft": f"{seconds}s"})
        await asyncio.sleep(seconds)
        await self.close(wire.INTERNAL, "Deadline expired before operation could complete.")

    # What the client says.

    async def _take(self, kind: str, body: Json) -> None:
        if kind != "realtimeInput" or "audio" not in body:
            self.received.append((kind, body))
        if kind == "clientContent":
            self._prompt(body)
        elif kind == "realtimeInput":
            await self._hear(body)
        elif kind == "toolResponse":
            self._answer_calls(body.get("functionResponses", []))
        else:
            raise wire.invalid("setup must only be sent once.")

    def _prompt(self, body: Json) -> None:
        complete = bool(body.get("turnComplete"))
        if self.last is not None:
            self.last.cancel("content", at_once=complete)
        for turn in body.get("turns", []):
            role = turn.get("role", "user")
            if role not in ("user", "model"):
                raise wire.invalid(f"Please use a valid role: user, model. Not {role!r}.")
            self.memory.turns.append((role, " ".join(part["text"] for part in turn["parts"])))
        if complete:
            self.generate()

    async def _hear(self, body: Json) -> None:
        if len(body) != 1:
            raise wire.invalid("One kind of input a message.")
        if body.get("audioStreamEnd"):
            self.stream_ends += 1
        elif "audio" in body:
            data, rate = wire.audio(body["audio"])
            audio = PcmData.from_bytes(data, rate)
            self.heard += audio.duration
            change = self._ear.feed(audio)
            if change == "started":
                await self._speech_started()
            elif change == "stopped":
                self.spawn(self._speech_stopped(self.service.next_heard()))

    async def _speech_started(self) -> None:
        if self.service.tells_activity:
            await self.send(voiceActivity={"voiceActivityType": "ACTIVITY_START", "audioOffset": f"{self.heard:.3f}s"})
        if self.setup.get("realtimeInputConfig", {}).get("activityHandling") == "NO_INTERRUPTION":
            return
        if self.last is not None and self.last.running:
            self.last.cancel("voice")
        elif asyncio.get_running_loop().time() < self.plays_until:
            # Everything was sent, but is taken to be playing still.
            self.plays_until = 0.0
            await self.content(interrupted=True)

    async def _speech_stopped(self, words: str) -> None:
        if self.service.tells_activity:
            await self.send(voiceActivity={"voiceActivityType": "ACTIVITY_END", "audioOffset": f"{self.heard:.3f}s"})
        if not words:
            return
        self.memory.turns.append(("user", words))
        after = self.service.words_after
        if after is None and not self.service.transcribes_late:
            await self._transcribe(words)
        generation = self.generate()
        if after is not None:
            await asyncio.sleep(after)
            await self._transcribe(words)
        if self.service.transcribes_late:
            generation.after_first = lambda: self._transcribe(words)

    async def _transcribe(self, words: str) -> None:
        if "inputAudioTranscription" in self.setup and self.service.tells_words:
            half = len(words) // 2
            for piece in (words[:half], words[half:]):
                await self.content(inputTranscription={"text": piece})

    async def notice(self, words: str = "") -> None:
        """Take what nobody else hears for somebody's voice, who says these words."""
        await self._speech_started()
        await self._speech_stopped(words)

    def generate(self) -> Generation:
        """Begin to answer, when what was begun before is over."""
        self.last = Generation(self, self.last)
        return self.last

    def _answer_calls(self, responses: list[Json]) -> None:
        for response in responses:
            call = self.calls.pop(response.get("id", ""), None)
            if call is None:
                raise wire.invalid(f"No function call {response.get('id')!r} is pending.")
            if not isinstance(response.get("response"), dict):
                raise wire.invalid("A function's response must be a JSON object.")
            if not call.done():
                call.set_result(response["response"])
