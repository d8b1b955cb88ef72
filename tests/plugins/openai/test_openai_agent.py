"""Whole agents with the plugin in them, in virtual time: the page's samples are interrupted, and fall silent."""

from __future__ import annotations

import asyncio

import pytest

from vision_agents.core import Agent, User
from vision_agents.core.edge import FRAME_SECONDS
from vision_agents.plugins import openai
from vision_agents.plugins.openai import session as session_module
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedSTT, ToneTTS

from ...standins.openai.realtime import RealtimeSession
from ...standins.openai.server import StandIn
from ..realtime.agents import LONG, AgentStories
from ..realtime.call import AgentCall
from ..realtime.farewells import FarewellStories
from ..realtime.kit import ANNA
from ..realtime.losses import LossStories
from ..realtime.starts import StartStories
from ..realtime.unwritten import UnwrittenStories
from .test_contract import unexpected


class TestAgent(UnwrittenStories, AgentStories):
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


class TestLosses(LossStories):
    def make(self, service: StandIn) -> openai.Realtime:
        return openai.Realtime()


class TestStarts(StartStories):
    def make(self, service: StandIn, timeout: float) -> openai.Realtime:
        detection = {"type": "server_vad", "interrupt_response": False}
        return openai.Realtime(turn_detection=detection, response_timeout=timeout)

    def begins_nothing(self, service: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(RealtimeSession, "generate", lambda *_: None)


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


def delay(session: RealtimeSession, seconds: float) -> None:
    """Have all that the service says in a session come so much later."""
    loop, say = asyncio.get_running_loop(), session.send_text
    waiting: asyncio.Queue[tuple[float, str]] = asyncio.Queue()

    async def send_text(text: str) -> None:
        waiting.put_nowait((loop.time() + seconds, text))

    async def deliver() -> None:
        while True:
            at, text = await waiting.get()
            await asyncio.sleep(at - loop.time())
            await say(text)

    session.send_text = send_text  # type: ignore[method-assign]
    session.spawn(deliver())


@pytest.mark.virtual_time
@pytest.mark.parametrize(("timeout", "sessions"), [(18.0, 1), (10.0, 2)])
async def test_a_slow_server_is_waited_for_as_long_as_it_may_take(
    service: StandIn, timeout: float, sessions: int
) -> None:
    edge = LoopEdge()
    agent = Agent(edge=edge, agent_user=User(id="agent"), llm=openai.Realtime(response_timeout=timeout))
    service.will_say("It is noon.", "It is noon.")
    async with AgentCall(agent, edge) as call:
        delay(service.session, 13.0)
        assert await agent.simple_response("What time is it?") is True
        await call.until(lambda: any(event.heard for event in call.ended()))
        assert [event.heard for event in call.ended() if event.heard] == ["It is noon."]
        assert len(service.sessions) == sessions
