"""Agents on a realtime model: turns, interruptions and requests, in virtual time."""

import asyncio

import pytest

from vision_agents.core import Agent, User
from vision_agents.core.agents import AgentSpeechEndedEvent
from vision_agents.core.events import Event
from vision_agents.core.floor import FloorState
from vision_agents.core.turn_detection import TurnEndedEvent, TurnStartedEvent
from vision_agents.testing.parts import LoopEdge, tone
from vision_agents.testing.realtime import ScriptedRealtime

from .call_kit import ANNA, LONG, Call, others

pytestmark = pytest.mark.virtual_time


class RealtimeCall(Call):
    """The same call with a model that hears and speaks."""

    def __init__(self, answers=(LONG,), words=(), model=None, **options):
        self.model = model or ScriptedRealtime(answers, words)
        self.edge = LoopEdge()
        self.agent = Agent(edge=self.edge, llm=self.model, agent_user=User("agent"), **options)
        self.events = []

        @self.agent.events.subscribe
        async def note(event: Event):
            self.events.append(event)

    async def speak(self, seconds):
        """Anna speaks into the call, then is silent for long enough that the model takes her turn for over."""
        for frame in range(round(seconds / 0.02) + 40):
            loud = frame < round(seconds / 0.02)
            self.edge.sink.audio(tone(0.02, 48_000, level=0.3 if loud else 0.0), ANNA)
            await asyncio.sleep(0.02)


async def test_a_turn_is_answered_and_the_events_are_those_of_every_agent():
    async with RealtimeCall(["one two three."], ["count"]) as call:
        await call.speak(1.0)
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        assert call.history == [("user", "count"), ("assistant", "one two three.")]
        assert call.of(TurnStartedEvent)[0].participant == ANNA
        assert isinstance(call.of(TurnEndedEvent)[0].duration_ms, float)
        assert sum(call.edge.audible) * 0.02 == pytest.approx(0.9, abs=0.05)


async def test_an_interruption_is_silence_and_the_model_learns_what_was_heard():
    async with RealtimeCall([LONG, "ok."], ["count", "stop"]) as call:
        await call.speak(1.0)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.6)
        frames = len(call.edge.frames)
        speaking = asyncio.create_task(call.speak(1.0))
        await asyncio.sleep(0.1)
        assert not any(call.edge.audible[frames + 5 :])
        await speaking
        await call.until(lambda: len(call.of(AgentSpeechEndedEvent)) == 2)
        (heard,) = call.model.stopped
        assert heard.text == call.history[1][1]
        assert LONG.startswith(heard.text)
        assert 0 < heard.seconds < 2
        assert call.history[2:] == [("user", "stop"), ("assistant", "ok.")]


async def test_a_request_that_is_interrupted_before_the_model_answers_is_over_and_never_heard():
    async with RealtimeCall(model=ScriptedRealtime([LONG], delay=2.0)) as call:
        saying = asyncio.create_task(call.agent.say("Hello there."))
        await asyncio.sleep(0.5)
        call.agent.interrupt()
        assert await asyncio.wait_for(saying, 0.1) is False
        await asyncio.sleep(30)
        assert not any(call.edge.audible)
        assert call.history == []


async def test_requests_are_said_one_after_the_other():
    async with RealtimeCall(["One.", "Two."]) as call:
        assert await asyncio.gather(call.agent.say("a"), call.agent.say("b")) == [True, True]
        assert call.history == [("assistant", "One."), ("assistant", "Two.")]


async def test_a_hold_before_the_first_sound_of_a_request_does_not_silence_the_agent_for_good():
    async with RealtimeCall(model=ScriptedRealtime(["One two three."], delay=1.0)) as call:
        saying = asyncio.create_task(call.agent.say("a"))
        await asyncio.sleep(0.1)
        call.model.report_speech_started(ANNA, 0.9)
        assert call.agent.state is FloorState.HELD
        call.agent.interrupt()
        assert await saying is False
        assert await asyncio.wait_for(call.agent.say("b"), 30) is True
        assert any(call.edge.audible)


async def test_a_model_that_never_answers_is_given_up_by_deadline():
    async with RealtimeCall(model=ScriptedRealtime([LONG], delay=3600)) as call:
        assert await asyncio.wait_for(call.agent.say("Hello."), 60) is False
        await call.until_state(FloorState.IDLE)


async def test_everything_ends_with_the_call():
    async with RealtimeCall() as call:
        saying = asyncio.create_task(call.agent.say("a"))
        await call.until_state(FloorState.SPEAKING)
    assert await saying is False
    await asyncio.sleep(0)
    assert not others()
