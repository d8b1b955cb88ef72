"""A stand-in for Acme on loopback. It does what a case tells it, see `vision_agents.testing.contract.Provider`."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import numpy as np

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.conversation import ToolCall
from vision_agents.core.edge import FRAME_SECONDS
from vision_agents.testing.contract import Answer, Caller, SpeechGate, frames
from vision_agents.testing.parts import tone

Json = dict[str, Any]
SPEECH_RATE, CALL_RATE = 24_000, 48_000


class Peer:
    """The far end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def receive(self) -> Json | None:
        """The next message; None at the end."""
        data = await self._reader.readline()
        return json.loads(data) if data else None

    async def send(self, **message: Any) -> None:
        self.writer.write(json.dumps(message).encode() + b"\n")
        await self.writer.drain()

    async def fail(self, failure: str) -> None:
        """Fail as the service does: it says why, or sends what nobody can read."""
        if failure == "malformed":
            self.writer.write(b"{what?\n")
        else:
            await self.send(error=failure)


class Acme(Caller):
    """Use it as `async with Acme() as acme:`, and give `acme.address` to the plugin."""

    def __init__(self) -> None:
        super().__init__(cannot={"send_late": "the plugin closes the connection, and nothing more can come over it"})
        self._peers: set[Peer] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._in_call: Peer | None = None
        self._heard: list[Samples] = []

    async def __aenter__(self) -> Acme:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.disconnect()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def count_connections(self) -> int:
        return len(self._peers)

    async def disconnect(self) -> None:
        for peer in list(self._peers):
            peer.writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self._peers.add(peer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            first = await peer.receive()
            if first is not None:
                await getattr(self, "_" + first["kind"])(peer, first)
        except OSError:
            pass  # The plugin left.
        finally:
            self._peers.discard(peer)
            writer.close()

    @asynccontextmanager
    async def _until_left(self, peer: Peer) -> AsyncIterator[None]:
        """Work for one request: it is cancelled when the plugin closes the connection."""
        work = asyncio.current_task()
        assert work is not None

        async def watch() -> None:
            if await peer.receive() is None:
                work.cancel()

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()

    # Speech and text.

    async def _speak(self, peer: Peer, request: Json) -> None:
        async with self._until_left(peer):
            with self.answering() as answer:
                if answer.failure:
                    await peer.fail(answer.failure)
                    return
                for word in request["text"].split():
                    await answer.permit()
                    await peer.send(audio=_spoken(word))
                await peer.send(done=True)

    async def _answer(self, peer: Peer, request: Json) -> None:
        assert all(message["role"] in ("user", "assistant", "tool") for message in request["messages"])
        async with self._until_left(peer):
            with self.answering() as answer:
                if answer.failure:
                    await peer.fail(answer.failure)
                    return
                said = self.next_said()
                for piece in [said] if isinstance(said, ToolCall) else _words(said):
                    await answer.permit()
                    await peer.send(**(_call(piece) if isinstance(piece, ToolCall) else {"text": piece}))
                await peer.send(done=True)

    # Hearing.

    async def _listen(self, peer: Peer, request: Json) -> None:
        gate = SpeechGate()
        working: dict[int, asyncio.Task[None]] = {}
        spoken: set[int] = set()
        try:
            while (message := await peer.receive()) is not None:
                if "audio" in message:
                    if gate.feed(_decoded(message["audio"], request["sample_rate"])) == "started":
                        spoken.add(message["turn"])
                else:
                    turn = message["finish"]
                    working[turn] = asyncio.create_task(self._understand(peer, turn, turn in spoken))
        finally:
            for task in working.values():
                task.cancel()

    async def _understand(self, peer: Peer, turn: int, speech: bool) -> None:
        if not speech:
            await peer.send(words="", turn=turn, final=True)
            return
        with self.answering() as answer:
            if answer.failure:
                await peer.fail(answer.failure)
                return
            words = self.next_heard()
            await answer.permit()
            await peer.send(words=words.split()[0], turn=turn)
            await peer.send(words=words, turn=turn, final=True)

    # Conversations.

    async def _converse(self, peer: Peer, request: Json) -> None:
        conversation = Conversation(self, peer)
        try:
            while (message := await peer.receive()) is not None:
                conversation.take(message)
        finally:
            conversation.end()

    # Calls.

    async def _join(self, peer: Peer, request: Json) -> None:
        with self.answering() as answer:
            if answer.failure:
                await peer.fail(answer.failure)
                return
        await peer.send(welcome=request["user"])
        self._in_call = peer
        while (message := await peer.receive()) is not None:
            self._heard.append(_decoded(message["audio"], CALL_RATE).samples)

    async def enter(self) -> None:
        assert self._in_call is not None
        self._heard.clear()
        await self._in_call.send(user="anna", name="Anna", event="joined")

    async def say(self, audio: PcmData) -> None:
        assert self._in_call is not None
        for frame in frames(audio.resampled(CALL_RATE)):
            await self._in_call.send(user="anna", audio=base64.b64encode(frame.to_bytes()).decode())
            await asyncio.sleep(FRAME_SECONDS)

    async def depart(self) -> None:
        assert self._in_call is not None
        await self._in_call.send(user="anna", event="left")

    @property
    def heard(self) -> Samples:
        return np.concatenate([np.zeros(0, np.int16), *self._heard])


class Conversation:
    """One connection of a realtime model."""

    def __init__(self, acme: Acme, peer: Peer) -> None:
        self._acme = acme
        self._peer = peer
        self._gate = SpeechGate()
        self._names = count(1)
        self._work: dict[asyncio.Task[None], tuple[str, str | None]] = {}
        self._results: asyncio.Queue[str] = asyncio.Queue()

    def take(self, message: Json) -> None:
        match message:
            case {"audio": audio}:
                self._hear(self._gate.feed(_decoded(audio, SPEECH_RATE)))
            case {"ask": _, "key": key}:
                self._begin(key)
            case {"cancel": responses, "keys": keys}:
                self._cancel(lambda response, key: response in responses or key in keys)
            case {"result": result}:
                self._results.put_nowait(result)

    def end(self) -> None:
        self._cancel(lambda response, key: True)

    def _hear(self, change: str | None) -> None:
        if change == "started":
            self._cancel(lambda response, key: True)
            self._spawn(self._peer.send(speech="began"), "", None)
        elif change == "stopped":
            self._begin(None, self._acme.next_heard())

    def _begin(self, key: str | None, heard: str | None = None) -> None:
        response = f"response {next(self._names)} of {id(self)}"
        self._spawn(self._respond(response, key, heard, self._acme.next_said()), response, key)

    def _spawn(self, work: Any, response: str, key: str | None) -> None:
        task = asyncio.create_task(work)
        self._work[task] = (response, key)
        task.add_done_callback(self._work.pop)

    def _cancel(self, wanted: Any) -> None:
        for task, (response, key) in list(self._work.items()):
            if response and wanted(response, key):
                task.cancel()

    async def _respond(self, response: str, key: str | None, heard: str | None, said: str | ToolCall) -> None:
        if heard is not None:
            await self._peer.send(speech="ended")
            await self._peer.send(words=heard)
        with self._acme.answering() as answer:
            if answer.failure == "malformed":
                await self._peer.fail(answer.failure)
                return
            if answer.failure:
                await self._peer.send(failed=answer.failure)
                return
            await answer.permit()
            answer.sent -= 1
            await self._peer.send(started=True, response=response, key=key)
            try:
                await self._say(response, answer, said)
            finally:
                if not self._peer.writer.is_closing():
                    await self._peer.send(done=True, response=response)

    async def _say(self, response: str, answer: Answer, said: str | ToolCall) -> None:
        while isinstance(said, ToolCall):
            await self._peer.send(response=response, **_call(said))
            await self._results.get()
            said = self._acme.next_said()
        for word in _words(said):
            await answer.permit()
            await self._peer.send(text=word, response=response)
            await self._peer.send(audio=_spoken(word), response=response)


def _words(text: str) -> list[str]:
    return [word + " " for word in text.split()[:-1]] + text.split()[-1:]


def _call(call: ToolCall) -> Json:
    return {"call": {"id": call.id, "name": call.name, "arguments": dict(call.arguments)}}


def _spoken(word: str) -> str:
    """A word's own tone."""
    sound = tone(0.1, SPEECH_RATE, frequency=200.0 + sum(word.strip().encode()) % 300)
    return base64.b64encode(sound.to_bytes()).decode()


def _decoded(text: str, sample_rate: int) -> PcmData:
    return PcmData.from_bytes(base64.b64decode(text), sample_rate)
