"""Acme's realtime model: one connection for the whole conversation, opened anew when it was lost."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

from vision_agents.core import llm
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import ToolCall
from vision_agents.core.llm import PlayedResponse
from vision_agents.core.participants import Participant

from .llm import as_json
from .wire import ADDRESS, AcmeError, Line, Lines, decoded, encoded

SAMPLE_RATE = 24_000


class Realtime(llm.Realtime):
    """A model that hears and speaks, at the service at `address` ("host:port")."""

    input_sample_rate = SAMPLE_RATE

    def __init__(self, address: str = ADDRESS) -> None:
        super().__init__()
        self._lines = Lines(address)
        self._line: Line | None = None
        self._instructions: str | None = None
        self._connecting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        # The epoch in which each text was sent, to which its answer belongs, however late it comes; and the agent's key
        # to that answer.
        self._asked: dict[str, tuple[int, int | None]] = {}
        self._keys = count(1)
        # Responses that are not over, who was heard last, and the place of their words in the history.
        self._responses: set[str] = set()
        self._speaker = Participant("user")
        self._place: int | None = None

    async def connect(self, instructions: str) -> None:
        """Open the session. Raises AcmeError."""
        self._instructions = instructions
        await self._session()

    async def send_audio(self, audio: PcmData, participant: Participant) -> None:
        """Send the next piece, of several participants mixed. Raises AcmeError."""
        mixed = self.microphones.mix(audio, participant)
        if mixed is not None and self._instructions is not None:
            self._speaker = participant
            await (await self._session()).send(audio=encoded(mixed))

    async def send_text(self, text: str, request: int | None = None) -> None:
        """Have a text answered. Raises AcmeError."""
        epoch = self.epoch
        line = await self._session()
        if epoch == self.epoch:
            key = f"text {next(self._keys)}"
            self._asked[key] = epoch, request
            await line.send(ask=text, key=key)

    async def stop_response(self, heard: tuple[PlayedResponse, ...]) -> None:
        """Tell Acme what not to say, and how much of what it said was heard."""
        line = self._line
        if line is not None and line.open:
            for one in heard:
                await line.send(heard=one.text, response=one.response)
            stale = [response for response in self._responses if self.stale(response)]
            keys = [key for key, (epoch, _) in self._asked.items() if epoch < self.epoch]
            await line.send(cancel=[*stale, *(one.response for one in heard)], keys=keys)

    async def close(self) -> None:
        self._instructions = None
        self._lines.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _session(self) -> Line:
        if self._instructions is None:
            raise AcmeError("there is no session with Acme: call connect() first, and not after close()")
        async with self._connecting:
            if self._line is None or not self._line.open:
                line = await self._lines.connect()
                tools = [{"name": tool.name, "parameters": dict(tool.parameters)} for tool in self.tools]
                history = [as_json(message) for message in self.history]
                await line.send(kind="converse", instructions=self._instructions, messages=history, tools=tools)
                self._line = line
                self._spawn(self._read(line))
            return self._line

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work, name="Acme's realtime model")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, line: Line) -> None:
        try:
            while True:
                self._take(line, await line.receive())
        except AcmeError as error:
            self._lines.release(line)
            for response in [*self._responses]:
                self._end(response)
            if self._instructions is not None:
                self.report_failure(error)

    def _take(self, line: Line, message: dict[str, Any]) -> None:
        response = message.get("response", "")
        match message:
            case {"started": _}:
                self._responses.add(response)
                asked_in, request = self._asked.pop(message["key"], (None, None))
                self.report_response_started(response, asked_in, request)
            case {"audio": audio}:
                self.report_audio(response, decoded(audio, SAMPLE_RATE))
            case {"text": text}:
                self.report_response_text(response, text)
            case {"call": call}:
                self._spawn(self._call(line, ToolCall(**call)))
            case {"done": _}:
                self._end(response)
            case {"speech": "began"}:
                self._place = self.conversation.place()
                self.report_turn_started(self._speaker)
            case {"speech": "ended"}:
                self.report_turn_ended(self._speaker)
            case {"words": words}:
                self.report_words(self._speaker, words, final=True, place=self._place)
            case {"failed": why}:
                self.report_failure(AcmeError(f"Acme says: {why}"))

    def _end(self, response: str) -> None:
        self._responses.discard(response)
        self.report_response_done(response)

    async def _call(self, line: Line, call: ToolCall) -> None:
        result = await self.call_function(call, self.epoch)
        await line.send(result=result, call=call.id)
