"""The load on this framework."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import vision_agents.core
from vision_agents.core import Agent, Participant, PcmData, User
from vision_agents.core.edge import CallSink, EdgeTransport
from vision_agents.core.llm import LLM, LLMRequest
from vision_agents.core.stt import STT
from vision_agents.core.tts import TTS
from vision_agents.plugins import smart_turn

from .load import (
    ANSWER,
    ANSWER_RATE,
    CALLER_RATE,
    CHUNK_EVERY,
    FIRST_AUDIO,
    FIRST_TOKEN,
    TOKEN,
    USER_WORDS,
    Load,
    Samples,
)

CALLER = Participant("caller")


class Edge(EdgeTransport):
    """A call whose frames somebody else brings and fetches."""

    sink: CallSink

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        self.sink = sink

    async def leave(self) -> None:
        pass


class Words(STT):
    """Knows what was said once a turn is over."""

    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        pass

    async def finish_turn(self, participant: Participant) -> None:
        self.report_words(participant, USER_WORDS, final=True)


class Model(LLM):
    """Answers always the same."""

    async def stream(self, request: LLMRequest) -> AsyncIterator[str]:
        await asyncio.sleep(FIRST_TOKEN)
        for word in ANSWER.split(" "):
            yield f"{word} "
            await asyncio.sleep(TOKEN)


class Voice(TTS):
    """Speaks by playing what the load has."""

    def __init__(self, load: Load) -> None:
        super().__init__()
        self._load = load

    async def stream_audio(self, text: str) -> AsyncIterator[PcmData]:
        await asyncio.sleep(FIRST_AUDIO)
        for piece in self._load.speech(text):
            yield PcmData(piece, ANSWER_RATE)
            await asyncio.sleep(CHUNK_EVERY)

    async def stop_audio(self) -> None:
        pass


class Call:
    """A running agent."""

    def __init__(self, load: Load, edge: Edge | None = None) -> None:
        self._edge = Edge() if edge is None else edge
        self._agent = Agent(
            edge=self._edge,
            llm=Model(),
            agent_user=User("agent"),
            instructions="You are a friendly assistant.",
            stt=Words(),
            tts=Voice(load),
            turn_detection=smart_turn.TurnDetection(),
        )

    @property
    def agent(self) -> Agent:
        """The agent of the call."""
        return self._agent

    def push(self, frame: Samples) -> None:
        self._edge.sink.audio(PcmData(frame, CALLER_RATE), CALLER)

    def pull(self) -> Samples:
        return self._edge.sink.pull()

    async def start(self) -> None:
        await self._agent.join()

    async def close(self) -> None:
        await self._agent.close()


async def warm_up() -> None:
    """Load the networks before the first call, in revisions that have a way to."""
    warm = getattr(vision_agents.core, "warm_up", None)
    if warm is not None:
        await warm(smart_turn.TurnDetection(), freeze=True)


def call(load: Load, number: int) -> Call:
    """A call that is not joined yet."""
    return Call(load)
