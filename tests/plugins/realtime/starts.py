"""Stories of services that begin no response, in virtual time: that is noticed whoever speaks meanwhile."""

from __future__ import annotations

import abc
import asyncio
from typing import Any

import pytest

from vision_agents.core import Agent, User
from vision_agents.core.agents import ErrorEvent
from vision_agents.core.llm import Realtime
from vision_agents.testing.parts import LoopEdge

from .call import AgentCall

LIMIT = 3.0


class StartStories(abc.ABC):
    """Derive from it, and say how the model is made that waits `timeout` seconds for a response to begin."""

    pytestmark = pytest.mark.virtual_time

    @abc.abstractmethod
    def make(self, service: Any, timeout: float) -> Realtime:
        """The model, which finds the service, and which nobody's speech interrupts at the service."""

    @abc.abstractmethod
    def begins_nothing(self, service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the service hear, and answer nothing."""

    async def test_one_that_is_asked_and_hears_somebody_past_the_limit_is_given_up_behind_them(
        self, service: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        edge, failures = LoopEdge(), list[str]()
        agent = Agent(edge=edge, agent_user=User(id="agent"), llm=self.make(service, LIMIT))

        @agent.events.subscribe
        async def note(event: ErrorEvent) -> None:
            failures.append(str(event.error))

        async with AgentCall(agent, edge) as call:
            self.begins_nothing(service, monkeypatch)
            saying = asyncio.create_task(agent.say("Goodbye.", interruptible=False))
            await asyncio.sleep(0.5)
            call.speak(LIMIT + 1.0)
            await asyncio.sleep(LIMIT + 1.0)
            assert not failures, "while somebody speaks it would not begin"
            await asyncio.sleep(LIMIT + 2.5)
            assert ["did not begin within 3 s" in text for text in failures] == [True]
            assert len(service.sessions) == 2
            saying.cancel()
