"""The call with oneself keeps the contract."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.edge import FRAME_SECONDS, CallSink
from vision_agents.core.participants import Participant
from vision_agents.testing.contract import Caller, EdgeContract, frames
from vision_agents.testing.parts import LoopEdge

ANNA = Participant("anna")


class ControlledEdge(LoopEdge):
    def __init__(self, provider: LoopCaller) -> None:
        super().__init__()
        provider.edge = self


class LoopCaller(Caller):
    """Somebody who is in the call only in so far as the edge says so."""

    edge: ControlledEdge

    def __init__(self) -> None:
        super().__init__(cannot={"disconnect": "it has no connection", "error": "it needs nothing to be joined"})

    async def enter(self) -> None:
        self._sink.participant_joined(ANNA)

    async def say(self, audio: PcmData) -> None:
        for frame in frames(audio):
            self._sink.audio(frame, ANNA)
            await asyncio.sleep(FRAME_SECONDS)

    async def depart(self) -> None:
        self._sink.participant_left(ANNA)

    @property
    def heard(self) -> Samples:
        return np.concatenate(self.edge.frames) if self.edge.frames else np.zeros(0, np.int16)

    @property
    def _sink(self) -> CallSink:
        assert self.edge.sink is not None
        return self.edge.sink


@pytest.mark.virtual_time
class TestLoop(EdgeContract):
    @pytest.fixture
    def provider(self) -> LoopCaller:
        return LoopCaller()

    def make(self, provider: LoopCaller) -> ControlledEdge:
        return ControlledEdge(provider)
