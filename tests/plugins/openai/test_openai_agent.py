"""Whole agents with the plugin in them, in virtual time: the page's samples are interrupted, and fall silent."""

from __future__ import annotations

import asyncio

import pytest

from vision_agents.core import Agent, User
from vision_agents.core.edge import FRAME_SECONDS
from vision_agents.plugins import openai
from vision_agents.plugins.openai import session as session_module
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedSTT, ToneTTS

from ...standins.openai.server import StandIn
from ..realtime.agents import LONG, AgentStories
from ..realtime.call import AgentCall
from ..realtime.farewells import FarewellStories
from ..realtime.kit import ANNA
from .test_contract import unexpected


class TestAgent(AgentStories):
    watched = 2.0  # The service goes on sending all the time.

    def make(self, service: StandIn, interrupts: bool = True) -> openai.Realtime:
        if interrupts:
            return openai.Realtime()  # Built-in interruption handling
        return openai.Realtime(turn_detection={"type": "server_vad", "interrupt_response": False})

    def unexpected(self, service: StandIn) -> object:
        return unexpected(service)

    def knows(self, service: StandIn, call: AgentCall, heard: float) -> None:
        (truncated,) = service.session.conversation.truncated_ms.values()
        assert truncated / 1000 == pytest.approx(heard, abs=FRAME_SECONDS)

    @pytest.fixture
    def manner(self, service: StandIn) -> None:
        service.deaf_for = 2.5


class TestFarewells(FarewellStories):
    """It announces nothing: the session is renewed before it is an hour old."""

    def make(self, service: StandIn) -> openai.Realtime:
        return openai.Realtime()

    def ends(self, service: StandIn, monkeypatch: pytest.MonkeyPatch, at: float, left: float) -> None:
        def set_age(after: float) -> None:
            monkeypatch.setattr(session_module, "RENEW_AFTER", after)
            monkeypatch.setattr(session_module, "RENEW_AT_LAST", after + left)

        set_age(at)
        asyncio.get_running_loop().call_later(0.5, set_age, 3300.0)  # The next one lasts longer.


@pytest.mark.virtual_time
async def test_the_cascade_is_interrupted_into_the_stream(service: StandIn) -> None:
    edge, detector = LoopEdge(), ScriptedDetector()
    agent = Agent(
        edge=edge,
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=openai.LLM(model="gpt-5.4"),
        stt=ScriptedSTT(["count for me", "stop it"]),
        tts=ToneTTS(),
        turn_detection=detector,
    )
    service.will_say(LONG.replace(" ", ". "), "Ok then.")
    async with AgentCall(agent, edge) as call:
        await service.stall(after=8)
        await detector.speak(ANNA, 1.0)
        await call.audible()
        await asyncio.sleep(1.0)
        assert service.active == 1
        begun = len(edge.frames)
        await detector.speak(ANNA, 1.0)
        assert call.frames_until_silence(begun) <= 2
        assert service.active == 0
        await service.release()
        await call.until(lambda: len(call.ended()) == 2)
        cut, answer = call.ended()
        assert (cut.interrupted, answer.heard) == (True, "Ok then.")
        assert service.bodies[-1]["instructions"] == "You're a helpful voice assistant."
        told = [(item["role"], item["content"]) for item in service.bodies[-1]["input"]]
        assert [role for role, _ in told] == ["user", "assistant", "user"]
        assert told[1][1].startswith(cut.heard)
        assert "interrupted" in told[1][1]
        assert cut.unheard.split()[0] not in told[1][1]
