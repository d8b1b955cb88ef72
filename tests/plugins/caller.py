"""Somebody in a call with an agent: a microphone that is always on, and mostly silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from vision_agents.core import Participant
from vision_agents.core.audio import PcmData
from vision_agents.testing.parts import LoopEdge, tone

ANNA = Participant("anna")
FRAME = 320


class Caller:
    """Sends 20 ms of audio each 20 ms: a tone while she speaks."""

    def __init__(self, edge: LoopEdge, participant: Participant = ANNA) -> None:
        self._edge = edge
        self._participant = participant
        self._silence = PcmData.silence(0.02, 16_000)
        self._sounds: list[PcmData] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._send(), name="caller")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])

    async def say(self, seconds: float) -> None:
        """Speak."""
        samples = tone(seconds, 16_000).samples
        self._sounds += [PcmData(samples[start : start + FRAME], 16_000) for start in range(0, len(samples), FRAME)]
        while self._sounds:
            await asyncio.sleep(0.02)

    async def until(self, condition: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait for `condition`, looking each frame."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)

    async def _send(self) -> None:
        assert self._edge.sink is not None
        while True:
            self._edge.sink.audio(self._sounds.pop(0) if self._sounds else self._silence, self._participant)
            await asyncio.sleep(0.02)
