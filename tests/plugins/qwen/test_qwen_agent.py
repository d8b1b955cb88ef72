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
from vision_agents.plugins import qwen
from vision_agents.testing.parts import LoopEdge

from ...standins.qwen.server import KEY, StandIn
from ..gemini.agent_call import ANNA, AgentCall
from ..hearing_kit import LevelVAD
from .test_contract import unexpected

pytestmark = pytest.mark.virtual_time

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."


@pytest.fixture(autouse=True)
def slow_speech(service: StandIn) -> None:
    service.word_seconds, service.pace = 0.3, 0.25


def call_with(service: StandIn, session: Any = None, vad: VAD | None = None) -> AgentCall:
    edge = LoopEdge()
    agent = Agent(
        edge=edge,
        agent_user=User(name="Assistant", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=qwen.Realtime(api_key=KEY, url=service.url, session=session),
        vad=vad,
    )
    return AgentCall(agent, edge)


@pytest.mark.parametrize("deaf_for", [0.0, 1.5, 5.0])
async def test_the_agent_is_interrupted_falls_silent_and_remembers_what_was_heard(
    service: StandIn, deaf_for: float
) -> None:
    service.deaf_for = deaf_for
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
        silent_from = begun + call.frames_until_silence(begun)
        await asyncio.sleep(1.2)
        assert not any(call.edge.audible[silent_from:])
        started = [(e.participant, e.interrupted, e.epoch) for e in call.started()]
        assert started == [(ANNA, False, 0), (ANNA, True, 1)]
        if deaf_for > 2.0:
            # The session was renewed. The new one is told what was said and heard, and answers.
            await call.until(lambda: len(service.sessions) == 2 and service.session.config)
            assert service.session.config["instructions"].endswith(f"You: {cut.heard}\nUser: stop it")
        await call.until(lambda: len(call.ended()) == 2)
        answer = call.ended()[1]
        assert (answer.heard, answer.interrupted) == ("ok then.", False)
        said = [(m.role, m.text, m.interrupted) for m in call.agent.conversation]
        assert said == [
            (Role.USER, "count for me", False),
            (Role.ASSISTANT, cut.heard, True),
            (Role.USER, "stop it", False),
            (Role.ASSISTANT, "ok then.", False),
        ]
        durations = [event.duration_ms for event in call.events if isinstance(event, TurnEndedEvent)]
        assert durations == pytest.approx([1000.0, 1000.0], abs=50)
        assert not unexpected(service)


async def test_every_interruption_silences_in_time(service: StandIn) -> None:
    service.deaf_for, service.pace = 0.5, 0.1
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
        assert not unexpected(service)


async def test_speech_that_plays_after_the_response_is_done_still_stops(service: StandIn) -> None:
    service.pace = 0.0
    service.will_say(LONG)
    async with call_with(service) as call:
        call.speak(0.5)
        await call.audible()
        await call.until(lambda: service.session.running is None)
        await asyncio.sleep(0.5)
        begun = len(call.edge.frames)
        service.will_say("ok then.")
        call.speak(0.5)
        await call.until(lambda: len(call.ended()) == 2)
        assert call.frames_until_silence(begun) <= 3
        assert [e.interrupted for e in call.ended()] == [True, False]
        # There was nothing to cancel at the service, and nothing was.
        assert "response.cancel" not in {event["type"] for event in service.session.received}
        assert not service.refused


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
        first, second = (response.instructions for response in service.session.responses)
        assert first is not None
        assert first.startswith("You're a helpful voice assistant.")
        assert LONG in first
        assert second is not None
        assert f"“{call.ended()[0].heard}”" in second
        assert second.endswith("Say goodbye.")
        assert not call.started(), "nobody spoke"
        assert not service.refused


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
        assert durations == pytest.approx([1000.0, 1000.0], abs=150)


async def test_where_the_service_leaves_it_to_the_agent_a_cough_costs_a_pause_and_speech_interrupts(
    service: StandIn,
) -> None:
    service.will_say(LONG, "ok then.")
    service.will_hear("count for me", "", "stop it")
    async with call_with(
        service, session={"turn_detection_param": {"interrupt_response": False}}, vad=LevelVAD()
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
