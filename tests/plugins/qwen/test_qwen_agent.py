"""Whole agents with the plugin in them: the page's sample is interrupted, and falls silent."""

from __future__ import annotations

import pytest

from vision_agents.plugins import qwen

from ...standins.qwen.server import KEY, StandIn
from ...standins.qwen.session import RealtimeSession
from ..realtime.agents import LONG, AgentStories
from ..realtime.call import AgentCall
from ..realtime.losses import LossStories
from ..realtime.starts import StartStories
from ..realtime.unwritten import UnwrittenStories
from .test_contract import unexpected


class TestAgent(UnwrittenStories, AgentStories):
    turn_tolerance_ms = 150.0

    def make(self, service: StandIn, interrupts: bool = True) -> qwen.Realtime:
        session = None if interrupts else {"turn_detection_param": {"interrupt_response": False}}
        return qwen.Realtime(api_key=KEY, url=service.url, session=session)

    def unexpected(self, service: StandIn) -> object:
        return unexpected(service)

    def knows(self, service: StandIn, call: AgentCall, heard: float) -> None:
        if service.deaf_for > 2.0:
            # The session was renewed. The new one is told what was said and heard, and answers.
            assert len(service.sessions) == 2
            told = f"You: {call.ended()[0].heard}\nUser: stop it"
            assert service.session.config["instructions"].endswith(told)

    @pytest.fixture(params=[0.0, 1.5, 5.0])
    def manner(self, service: StandIn, request: pytest.FixtureRequest) -> None:
        service.deaf_for = request.param

    async def test_speech_that_plays_after_the_response_is_done_still_stops(
        self, service: StandIn, call: AgentCall
    ) -> None:
        await super().test_speech_that_plays_after_the_response_is_done_still_stops(service, call)
        # There was nothing to cancel at the service, and nothing was.
        assert "response.cancel" not in {event["type"] for event in service.session.received}
        assert not service.refused

    async def test_the_agent_says_what_code_wants_and_code_stops_it(self, service: StandIn, call: AgentCall) -> None:
        await super().test_the_agent_says_what_code_wants_and_code_stops_it(service, call)
        first, second = (response.instructions for response in service.session.responses)
        assert first is not None
        assert first.startswith("You're a helpful voice assistant.")
        assert LONG in first
        assert second is not None
        assert f"“{call.ended()[0].heard}”" in second
        assert second.endswith("Say goodbye.")
        assert not service.refused


class TestLosses(LossStories):
    def make(self, service: StandIn) -> qwen.Realtime:
        return qwen.Realtime(api_key=KEY, url=service.url)


class TestStarts(StartStories):
    def make(self, service: StandIn, timeout: float) -> qwen.Realtime:
        session = {"turn_detection_param": {"interrupt_response": False}}
        return qwen.Realtime(api_key=KEY, url=service.url, session=session, response_timeout=timeout)

    def begins_nothing(self, service: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(RealtimeSession, "respond", lambda *_: None)
