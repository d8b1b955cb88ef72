"""An agent in a call with itself, and somebody whose microphone is always on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vision_agents.core import Agent
from vision_agents.core.agents import AgentSpeechEndedEvent
from vision_agents.core.audio import PcmData
from vision_agents.core.edge import FRAME_SECONDS
from vision_agents.core.participants import Participant
from vision_agents.core.turn_detection import TurnEndedEvent, TurnStartedEvent
from vision_agents.testing.contract import frames
from vision_agents.testing.parts import LoopEdge, tone

from .kit import ANNA

Event = TurnStartedEvent | TurnEndedEvent | AgentSpeechEndedEvent


class AgentCall:
    """Use it as `async with AgentCall(agent, edge) as call:`."""

    def __init__(self, agent: Agent, edge: LoopEdge) -> None:
        self.agent = agent
        self.edge = edge
        # Who is at the microphone, if anybody is.
        self.caller: Participant | None = ANNA
        self.events: list[Event] = []
        self._speaking = 0.0
        self._microphone: asyncio.Task[None] | None = None

        @agent.events.subscribe
        async def note(event: TurnStartedEvent | TurnEndedEvent | AgentSpeechEndedEvent) -> None:
            self.events.append(event)

    async def __aenter__(self) -> AgentCall:
        await self.agent.join()
        assert self.edge.sink is not None
        self.edge.sink.participant_joined(ANNA)
        self._microphone = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._microphone is not None
        self._microphone.cancel()
        await self.agent.close()

    async def _listen(self) -> None:
        sound = next(frames(tone(1.0, 48_000)))
        silence = next(frames(PcmData.silence(1.0, 48_000)))
        while self.edge.sink is not None:
            if self.caller is not None:
                self.edge.sink.audio(sound if self._speaking > 0 else silence, self.caller)
            self._speaking -= FRAME_SECONDS
            await asyncio.sleep(FRAME_SECONDS)

    def speak(self, seconds: float) -> None:
        """The caller begins to speak."""
        self._speaking = seconds

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something that must happen within a minute."""
        async with asyncio.timeout(60.0):
            while not condition():
                await asyncio.sleep(FRAME_SECONDS)

    @property
    def sounding(self) -> bool:
        """Whether the latest frame is heard."""
        return bool(self.edge.frames) and bool(self.edge.frames[-1].any())

    async def audible(self) -> None:
        """Wait until the agent is heard."""
        await self.until(lambda: self.sounding)

    def ended(self) -> list[AgentSpeechEndedEvent]:
        """The replies that are over."""
        return [event for event in self.events if isinstance(event, AgentSpeechEndedEvent)]

    def started(self) -> list[TurnStartedEvent]:
        """The turns that were announced."""
        return [event for event in self.events if isinstance(event, TurnStartedEvent)]

    def frames_until_silence(self, since: int) -> int:
        """From frame `since` on, how many frames were heard until the first silent one."""
        return self.edge.audible[since:].index(False)
