"""Whole agents with the plugin in them: the page's sample is interrupted, and falls silent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from vision_agents.core import InterruptionPolicy
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.edge import FRAME_SECONDS
from vision_agents.plugins import gemini
from vision_agents.plugins.gemini.session import GO_AWAY_MARGIN

from ...standins.gemini.server import KEY, StandIn
from ..realtime.agents import LONG, AgentStories
from ..realtime.call import AgentCall
from ..realtime.farewells import FarewellStories
from ..realtime.losses import LossStories


class TestAgent(AgentStories):
    deaf_for = 0.0  # Until it hears the user, nobody knows of the interruption.

    def make(self, service: StandIn, interrupts: bool = True) -> gemini.Realtime:
        config: Any = None if interrupts else {"realtime_input_config": {"activity_handling": "NO_INTERRUPTION"}}
        return gemini.Realtime(api_key=KEY, http_options=service.http_options, config=config)

    def unexpected(self, service: StandIn) -> object:
        return service.refused

    def knows(self, service: StandIn, call: AgentCall, heard: float) -> None:
        # Told with a note: by itself the service knows only what it has sent.
        told = [text for role, text in service.session.memory.turns if role == "user"]
        assert any(f"“{call.ended()[0].heard}”" in text for text in told)

    @pytest.fixture(params=[False, True], ids=["silent", "tells_activity"])
    def manner(self, service: StandIn, request: pytest.FixtureRequest) -> None:
        service.tells_activity = request.param

    async def test_words_that_were_not_answered_when_the_call_ended_are_in_the_history(
        self, service: StandIn, call: AgentCall
    ) -> None:
        service.pace = 30.0
        service.will_hear("goodbye then")
        call.speak(0.5)
        await call.until(lambda: service.active)
        await call.agent.close()
        assert [message.text for message in call.agent.conversation] == ["goodbye then"]

    async def test_a_service_that_goes_on_for_seconds_is_not_heard(self, service: StandIn, call: AgentCall) -> None:
        service.deaf_for = 2.0
        service.will_say(" ".join([LONG] * 3), "ok then.")
        call.speak(0.5)
        await call.audible()
        await asyncio.sleep(1.0)
        begun = len(call.edge.frames)
        call.agent.interrupt()
        assert not call.edge.sink.pull().any()
        await asyncio.sleep(1.9)
        assert not any(call.edge.audible[begun + 1 :])
        spoken = len(service.session.last.said)
        call.speak(0.5)
        await call.until(lambda: len(call.ended()) == 2)
        assert call.ended()[1].heard == "ok then."
        assert service.session.last.said == ["ok", " then."]
        assert spoken > len(call.ended()[0].heard.split())

    @pytest.mark.parametrize("broken_by", ["nothing", "noise", "connection"])
    @pytest.mark.parametrize("late", [0.0, 0.05, 0.3])
    async def test_words_behind_a_call_are_those_that_led_to_it(
        self, service: StandIn, call: AgentCall, late: float, broken_by: str
    ) -> None:
        service.pace, service.words_after, paid = 1.5, late, [0, 0]
        service.will_hear("pay the bill", *[""] * 8)
        first, again = (ToolCall(f"call_{number}", "pay", {"bill": 1}) for number in (1, 2))
        service.will_say(first, *([again] if broken_by != "nothing" else []), *["it is paid now."] * 3)

        @call.agent.llm.register_function()
        async def pay(bill: int) -> str:
            """Pay."""
            paid[0] += 1
            await asyncio.sleep(2.0)
            paid[1] += 1
            return "paid"

        call.speak(0.8)
        await call.until(lambda: paid[0])
        await asyncio.sleep(1.0)
        if broken_by == "noise":
            call.speak(0.3)
        elif broken_by == "connection":
            await service.disconnect()
        await call.until(lambda: any("paid now" in event.heard for event in call.ended()))
        await asyncio.sleep(20.0)
        assert paid == [1, 1]
        users = [message.text for message in call.agent.conversation if message.role is Role.USER]
        assert " ".join(text.strip() for text in users) == "pay the bill"
        assert not any(event.interrupted for event in call.started()) or broken_by == "noise"

    @pytest.mark.parametrize("late", [0.05, 0.3, 0.8])
    async def test_words_behind_a_call_that_they_want_made_again_have_it_made(
        self, service: StandIn, call: AgentCall, late: float
    ) -> None:
        service.pace, paid = 1.0, list[int]()
        service.will_hear("pay the bill", "pay it once more")
        first, again = (ToolCall(f"call_{number}", "pay", {"bill": 1}) for number in (1, 2))
        service.will_say(first, "it is paid.", again, *["both are paid."] * 3)

        @call.agent.llm.register_function()
        async def pay(bill: int) -> str:
            """Pay."""
            await asyncio.sleep(0.4)
            paid.append(bill)
            return "paid"

        call.speak(0.8)
        await call.until(lambda: paid)
        service.words_after = late
        await asyncio.sleep(1.0)
        call.speak(1.0)
        await call.until(lambda: any("both" in event.heard for event in call.ended()))
        await asyncio.sleep(10.0)
        assert paid == [1, 1]

    @pytest.mark.parametrize("tells_activity", [False, True])
    async def test_a_model_that_is_interrupted_by_nothing_is_asked_to_go_on_for_so_often_only(
        self, service: StandIn, tells_activity: bool
    ) -> None:
        service.tells_activity = tells_activity
        service.will_say(*[LONG] * 20)
        policy, asked = InterruptionPolicy(continuations=2), list[int]()
        call = self.call_with(service, apology="Sorry.")
        call.agent.policy = policy
        async with call:
            await asyncio.sleep(12.0)
            asyncio.create_task(call.agent.simple_response("Count."))  # noqa: RUF006
            for _ in range(round(120.0 / FRAME_SECONDS)):
                last = service.session.last
                if call.sounding and last is not None and last.running and "Sorry." not in told(service):
                    asked.append(1)
                    await service.session.notice()
                    await asyncio.sleep(0.5)
                await asyncio.sleep(FRAME_SECONDS)
            # The first one may have been somebody.
            assert len(asked) == 1 + policy.continuations + 1
            assert call.ended()[-1].heard == LONG  # What it makes of the apology.

    async def test_somebody_whom_only_the_service_hears_interrupts_whenever_they_say_something(
        self, service: StandIn
    ) -> None:
        service.will_say(*[LONG] * 8)
        async with self.call_with(service) as call:
            await asyncio.sleep(12.0)
            asyncio.create_task(call.agent.simple_response("Count."))  # noqa: RUF006
            for number in range(4):
                await call.audible()
                await asyncio.sleep(1.0)
                begun = len(call.edge.frames)
                await service.session.notice("stop it")
                await call.until(lambda number=number: len(call.ended()) == number + 1)
                await asyncio.sleep(2 * FRAME_SECONDS)
                assert call.frames_until_silence(begun) <= 0.3 / FRAME_SECONDS
                assert call.ended()[-1].interrupted


def told(service: StandIn) -> str:
    """All that the session was told."""
    return " ".join(text for _, text in service.session.memory.turns)


class TestFarewells(FarewellStories):
    def make(self, service: StandIn) -> gemini.Realtime:
        return gemini.Realtime(api_key=KEY, http_options=service.http_options)

    def ends(self, service: StandIn, monkeypatch: pytest.MonkeyPatch, at: float, left: float) -> None:
        def go_away() -> None:
            service.session.spawn(service.session.go_away(left + GO_AWAY_MARGIN))

        asyncio.get_running_loop().call_later(at, go_away)


class TestLosses(LossStories):
    def make(self, service: StandIn) -> gemini.Realtime:
        return gemini.Realtime(api_key=KEY, http_options=service.http_options)

    async def end(self, service: StandIn) -> None:
        service.session.spawn(service.session.go_away(GO_AWAY_MARGIN + 0.5))
