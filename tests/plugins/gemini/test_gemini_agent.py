"""Whole agents with the plugin in them, in virtual time: the page's sample is interrupted, and falls silent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from vision_agents.core import Agent, User
from vision_agents.core.conversation import Role
from vision_agents.core.edge import FRAME_SECONDS
from vision_agents.core.turn_detection import TurnEndedEvent
from vision_agents.core.vad import VAD
from vision_agents.plugins import gemini
from vision_agents.testing.parts import LoopEdge

from ...standins.gemini.server import KEY, StandIn
from ..hearing_kit import LevelVAD
from .agent_call import ANNA, AgentCall

pytestmark = pytest.mark.virtual_time

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."


@pytest.fixture(autouse=True)
def slow_speech(service: StandIn) -> None:
    service.word_seconds, service.pace = 0.3, 0.25


def call_with(service: StandIn, config: Any = None, vad: VAD | None = None) -> AgentCall:
    edge = LoopEdge()
    agent = Agent(
        edge=edge,
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=gemini.Realtime(api_key=KEY, http_options=service.http_options, config=config),
        vad=vad,
    )
    return AgentCall(agent, edge)


@pytest.mark.parametrize("tells_activity", [False, True])
async def test_the_agent_is_interrupted_falls_silent_and_remembers_what_was_heard(
    service: StandIn, tells_activity: bool
) -> None:
    service.tells_activity = tells_activity
    service.will_say(" ".join([LONG] * 3), "ok then.")
    service.will_hear("count for me", "stop it")
    async with call_with(service) as call:
        call.speak(1.0)
        await call.audible()
        await asyncio.sleep(1.5)
        begun = len(call.edge.frames)
        call.speak(1.0)
        await call.until(lambda: call.ended())
        await asyncio.sleep(0.2)
        # One frame for the microphone, one for the service to hear it, one that was being sent.
        assert call.frames_until_silence(begun) <= 3
        (cut,) = call.ended()
        assert cut.interrupted
        assert cut.heard.split() == LONG.split()[: len(cut.heard.split())]
        assert 4 <= len(cut.heard.split()) <= 6
        await call.until(lambda: len(call.ended()) == 2)
        answer = call.ended()[1]
        assert (answer.heard, answer.interrupted, answer.epoch) == ("ok then.", False, 1)
        assert [(m.role, m.text, m.interrupted) for m in call.agent.conversation] == [
            (Role.USER, "count for me", False),
            (Role.ASSISTANT, cut.heard, True),
            (Role.USER, "stop it", False),
            (Role.ASSISTANT, "ok then.", False),
        ]
        assert [(e.participant, e.interrupted, e.epoch) for e in call.started()] == [(ANNA, False, 0), (ANNA, True, 1)]
        durations = [event.duration_ms for event in call.events if isinstance(event, TurnEndedEvent)]
        assert durations == pytest.approx([1000.0, 1000.0], abs=50)
        # The service is told what was heard: it knows only what it has sent.
        told = [text for role, text in service.session.memory.turns if role == "user"]
        assert any(f"“{cut.heard}”" in text for text in told)
        assert not service.refused


async def test_a_service_that_goes_on_for_seconds_is_not_heard(service: StandIn) -> None:
    service.deaf_for = 2.0
    service.will_say(" ".join([LONG] * 3), "ok then.")
    async with call_with(service) as call:
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


async def test_every_interruption_silences_in_time(service: StandIn) -> None:
    service.pace = 0.1
    async with call_with(service) as call:
        delays = []
        for _ in range(20):
            service.will_say(LONG)
            call.speak(0.3)
            await call.until(lambda: not call.sounding)
            await call.audible()
            await asyncio.sleep(0.5)
            begun = len(call.edge.frames)
            call.speak(0.3)
            await asyncio.sleep(0.2)
            delays.append(call.frames_until_silence(begun))
            await call.until(lambda: call.ended() and call.ended()[-1].interrupted)
        assert max(delays) * FRAME_SECONDS <= 0.16
        assert not service.refused


async def test_speech_that_plays_after_the_model_has_finished_still_stops(service: StandIn) -> None:
    service.pace = 0.0
    service.will_say(LONG)
    async with call_with(service) as call:
        call.speak(0.5)
        await call.audible()
        await call.until(lambda: not service.session.last.running)
        await asyncio.sleep(0.5)
        begun = len(call.edge.frames)
        service.will_say("ok then.")
        call.speak(0.5)
        await call.until(lambda: len(call.ended()) == 2)
        assert call.frames_until_silence(begun) <= 3
        assert [e.interrupted for e in call.ended()] == [True, False]
        assert [e.interrupted for e in call.started()] == [False, True]


async def test_the_agent_says_what_code_wants_and_code_stops_it(service: StandIn) -> None:
    service.will_say(LONG, "Goodbye.")
    async with call_with(service) as call:
        saying = asyncio.create_task(call.agent.say(LONG))
        await call.audible()
        await asyncio.sleep(1.0)
        call.agent.interrupt()
        assert await saying is False
        assert await call.agent.simple_response("Say goodbye.") is True
        await call.until(lambda: len(call.ended()) == 2)
        assert call.ended()[1].heard == "Goodbye."
        assert not call.started(), "nobody spoke"


async def test_a_local_detector_and_the_service_together_stop_it_at_the_first_sound(service: StandIn) -> None:
    service.will_say(" ".join([LONG] * 3), "ok then.")
    service.will_hear("count for me", "stop it")
    async with call_with(service, vad=LevelVAD()) as call:
        call.speak(1.0)
        await call.audible()
        await asyncio.sleep(1.5)
        begun = len(call.edge.frames)
        call.speak(1.0)
        await call.until(lambda: len(call.ended()) == 2)
        assert call.frames_until_silence(begun) <= 3
        assert [(e.participant, e.interrupted, e.epoch) for e in call.started()] == [(ANNA, False, 0), (ANNA, True, 1)]
        assert [e.heard for e in call.ended()][1] == "ok then."
        durations = [event.duration_ms for event in call.events if isinstance(event, TurnEndedEvent)]
        assert durations == pytest.approx([1000.0, 1000.0], abs=50)


async def test_where_the_service_leaves_it_to_the_agent_a_cough_costs_a_pause_and_speech_interrupts(
    service: StandIn,
) -> None:
    service.will_say(LONG, "ok then.")
    service.will_hear("count for me", "", "stop it")
    async with call_with(
        service, config={"realtime_input_config": {"activity_handling": "NO_INTERRUPTION"}}, vad=LevelVAD()
    ) as call:
        call.speak(1.0)
        await call.audible()
        await asyncio.sleep(1.0)
        begun = len(call.edge.frames)
        call.speak(0.1)
        await asyncio.sleep(1.5)
        assert call.frames_until_silence(begun) <= 3
        assert call.sounding, "it goes on"
        assert not call.ended()
        begun = len(call.edge.frames)
        call.speak(1.0)
        await call.until(lambda: call.ended())
        assert call.frames_until_silence(begun) <= 3
        (cut,) = call.ended()
        assert cut.interrupted
        assert cut.heard.split() == LONG.split()[: len(cut.heard.split())]
        await call.until(lambda: len(call.ended()) == 2)
        assert call.ended()[1].heard == "ok then."
        assert [e.interrupted for e in call.started()] == [False, True]
