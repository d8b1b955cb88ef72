"""Acme's calls: a connection over which 20 ms of audio go each way, fifty times a second."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from vision_agents.core import edge
from vision_agents.core.audio import PcmData
from vision_agents.core.edge import FRAME_SECONDS, OUTPUT_SAMPLE_RATE, CallSink
from vision_agents.core.participants import Participant, User

from .wire import ADDRESS, AcmeError, Line, Lines, decoded, encoded


class Edge(edge.EdgeTransport):
    """A way into calls at the service at `address` ("host:port"); `join` takes a call's name."""

    def __init__(self, address: str = ADDRESS) -> None:
        self._lines = Lines(address)
        self._tasks: list[asyncio.Task[None]] = []
        self._people: dict[str, Participant] = {}

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        """Enter a call. Raises AcmeError."""
        line = await self._lines.connect()
        try:
            await line.send(kind="join", call=call or "default", user=agent_user.id, name=agent_user.name)
            await line.receive()
        except AcmeError:
            self._lines.release(line)
            raise
        work = (self._play(line, sink), self._hear(line, sink))
        self._tasks = [asyncio.create_task(one, name="Acme's call") for one in work]

    async def leave(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lines.close()

    async def _play(self, line: Line, sink: CallSink) -> None:
        """Pull each frame when its time has come, never ahead: what was pulled counts as heard."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while line.open:
            with suppress(AcmeError):  # Whoever hears tells that the call broke.
                await line.send(audio=encoded(PcmData(sink.pull(), OUTPUT_SAMPLE_RATE)))
            # After a stall it goes on from now: what would have been played meanwhile is still to be said.
            due = max(due + FRAME_SECONDS, loop.time() - FRAME_SECONDS)
            await asyncio.sleep(due - loop.time())

    async def _hear(self, line: Line, sink: CallSink) -> None:
        error: AcmeError | None = None
        try:
            while "over" not in (message := await line.receive()):
                self._take(message, sink)
        except AcmeError as broken:
            error = broken
        line.close()
        sink.ended(error)

    def _take(self, message: dict[str, Any], sink: CallSink) -> None:
        user = message["user"]
        if message.get("event") == "joined":
            self._people[user] = Participant(user, name=message["name"])
            sink.participant_joined(self._people[user])
        elif message.get("event") == "left":
            sink.participant_left(self._people.pop(user))
        else:
            sink.audio(decoded(message["audio"], OUTPUT_SAMPLE_RATE), self._people[user])
