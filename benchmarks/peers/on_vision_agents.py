"""This framework, at its defaults and at its documented best."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from vision_agents.core import Agent, InterruptionPolicy, PcmData, User
from vision_agents.core import warm_up as warm
from vision_agents.core.llm import LLM, LLMRequest
from vision_agents.core.participants import Participant
from vision_agents.core.stt import STT
from vision_agents.plugins import smart_turn

from ..sessions.on_vision_agents import CALLER, Edge, Voice
from .script import CALLER_RATE, FIRST_TOKEN, TOKEN, Ear, Mind, Samples, Voices


class Words(STT):
    """Tells words when they are due."""

    def __init__(self, ear: Ear) -> None:
        super().__init__()
        self._ear = ear

    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        for words, final in self._ear.hear(audio.duration):
            self.report_words(participant, words, final=final)


class Model(LLM):
    """Says one answer after the other."""

    def __init__(self) -> None:
        super().__init__()
        self._mind = Mind()

    async def stream(self, request: LLMRequest) -> AsyncIterator[str]:
        await asyncio.sleep(FIRST_TOKEN)
        for word in self._mind.next().split(" "):
            yield f"{word} "
            await asyncio.sleep(TOKEN)


class Call:
    """A running agent."""

    def __init__(self, ear: Ear, best: bool) -> None:
        # Best: answers are begun at each pause (docs/interruptions.md).
        more: dict[str, Any] = {"interruption": InterruptionPolicy(prepare=True)} if best else {}
        self._edge = Edge()
        self._agent = Agent(
            edge=self._edge,
            llm=Model(),
            agent_user=User("agent"),
            instructions="You are a friendly assistant.",
            stt=Words(ear),
            tts=Voice(Voices()),  # type: ignore[arg-type]
            turn_detection=smart_turn.TurnDetection(),
            **more,
        )

    def push(self, frame: Samples) -> None:
        self._edge.sink.audio(PcmData(frame, CALLER_RATE), CALLER)

    def pull(self) -> Samples:
        return self._edge.sink.pull()

    async def start(self) -> None:
        await self._agent.join()
        self._edge.sink.participant_joined(CALLER)

    async def close(self) -> None:
        await self._agent.close()


async def warm_up(best: bool) -> None:
    """Load the networks before the first call."""
    await warm(smart_turn.TurnDetection(), freeze=True)
