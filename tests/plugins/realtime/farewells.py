"""Stories of sessions that a service ends for their age, in virtual time: whatever a caller is saying just then."""

from __future__ import annotations

import abc
import asyncio
from typing import Any

import pytest

from vision_agents.core import Agent, User
from vision_agents.core.llm import Realtime
from vision_agents.testing.parts import LoopEdge

from .call import AgentCall

# When the caller begins to speak, in seconds from the beginning of the call, and how long that takes.
BEGIN = 1.0
LENGTH = 3.0

# Seconds after that beginning in which the end of the session is known.
MOMENTS = {"before": -0.1, "first sound": 0.1, "speaking": 1.5, "last sound": 2.9, "just silent": 3.2}


class FarewellStories(abc.ABC):
    """Derive from it, and say how the model is made, and how its service ends a session."""

    pytestmark = pytest.mark.virtual_time

    @abc.abstractmethod
    def make(self, service: Any) -> Realtime:
        """The model, which finds the service."""

    @abc.abstractmethod
    def ends(self, service: Any, monkeypatch: pytest.MonkeyPatch, at: float, left: float) -> None:
        """Have the first session end: that is known `at` seconds after its beginning, and it is over in `left`."""

    @pytest.mark.parametrize("left", [0.5, 30.0], ids=["hurry", "time"])
    @pytest.mark.parametrize("moment", list(MOMENTS))
    async def test_nothing_of_what_somebody_says_is_lost_and_it_is_answered_once(
        self, service: Any, monkeypatch: pytest.MonkeyPatch, moment: str, left: float
    ) -> None:
        service.word_seconds, service.pace = 0.3, 0.1
        service.will_hear(*["count for me"] * 2)
        service.will_say(*["one two."] * 4)
        self.ends(service, monkeypatch, BEGIN + MOMENTS[moment], left)
        edge = LoopEdge()
        async with AgentCall(Agent(edge=edge, agent_user=User(id="agent"), llm=self.make(service)), edge) as call:
            await asyncio.sleep(BEGIN)
            call.speak(LENGTH)
            await call.until(lambda: any(event.heard for event in call.ended()))
            await asyncio.sleep(left + 2.0)
            assert [event.heard for event in call.ended() if event.heard] == ["one two."]
            assert [message.text for message in call.agent.conversation] == ["count for me", "one two."]
            assert max(session._ear.voiced for session in service.sessions if session._ear) >= LENGTH - 0.02
            assert len(service.sessions) == 2
            if left > LENGTH:
                assert service.sessions[0]._ear.voiced >= LENGTH - 0.02 or moment == "before", "there was time"
            assert await call.agent.simple_response("And now?") is True, "it goes on"
