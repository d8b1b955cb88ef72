"""Agents on a realtime model: turns, interruptions and requests, in virtual time."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_agents.core import Agent, User
from vision_agents.core.agents import AgentSpeechEndedEvent, AgentSpeechStartedEvent
from vision_agents.core.conversation import ToolCall
from vision_agents.core.events import Event
from vision_agents.core.floor import FloorState
from vision_agents.core.llm import Realtime
from vision_agents.core.turn_detection import TurnEndedEvent, TurnStartedEvent
from vision_agents.testing import virtual_time
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
        assert await asyncio.gather(call.agent.say("One."), call.agent.say("two!")) == [True, True]
        assert call.history == [("assistant", "One."), ("assistant", "Two.")]


async def test_a_hold_before_the_first_sound_of_a_request_does_not_silence_the_agent_for_good():
    async with RealtimeCall(model=ScriptedRealtime(["One two three."], delay=1.0)) as call:
        saying = asyncio.create_task(call.agent.say("One two three."))
        await asyncio.sleep(0.1)
        call.model.report_speech_started(ANNA, 0.9)
        assert call.agent.state is FloorState.HELD
        call.agent.interrupt()
        assert await saying is False
        assert await asyncio.wait_for(call.agent.say("One two three."), 30) is True
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


# What was asked for, and its answer.

WEATHER = ToolCall("1", "weather", {})


def with_weather(model, seconds=2.0):
    @model.register_function()
    async def weather() -> str:
        """The weather."""
        await asyncio.sleep(seconds)
        return "sunny"

    return model


async def test_say_is_not_true_of_other_words():
    async with RealtimeCall(["It is sunny in Rome."]) as call:
        assert await call.agent.say("Goodbye.") is False
        assert call.history == [("assistant", "It is sunny in Rome.")]


async def test_say_waits_for_its_own_words_behind_what_the_model_says_first():
    model = ScriptedRealtime(["It is sunny in Rome.", "Goodbye."], ["the weather?"], delay=0.3)
    async with RealtimeCall(model=model) as call:
        await call.speak(1.0)  # The model has begun to answer this, and nothing of that has come.
        assert await call.agent.say("goodbye") is True
        assert call.history == [
            ("user", "the weather?"),
            ("assistant", "It is sunny in Rome."),
            ("assistant", "Goodbye."),
        ]


async def test_a_response_is_over_when_the_answer_of_its_function_is_heard():
    async with RealtimeCall(model=with_weather(ScriptedRealtime([("Let me see.", WEATHER), "It is sunny."]))) as call:
        asking = asyncio.create_task(call.agent.simple_response("How is the weather?"))
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        assert not asking.done()
        assert await asking is True
        assert call.history == [
            ("user", "How is the weather?"),
            ("assistant", "Let me see."),
            ("assistant", "It is sunny."),
        ]


async def test_a_response_is_not_heard_if_the_answer_of_its_function_is_interrupted():
    async with RealtimeCall(model=with_weather(ScriptedRealtime([("Let me see.", WEATHER), LONG]))) as call:
        asking = asyncio.create_task(call.agent.simple_response("How is the weather?"))
        await call.until(lambda: len(call.of(AgentSpeechStartedEvent)) == 2)
        call.agent.interrupt()
        assert await asyncio.wait_for(asking, 0.1) is False


async def test_a_response_is_over_when_its_function_is_interrupted():
    async with RealtimeCall(model=with_weather(ScriptedRealtime([("Let me see.", WEATHER), LONG]), 20.0)) as call:
        asking = asyncio.create_task(call.agent.simple_response("How is the weather?"))
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        await asyncio.sleep(1.0)
        call.agent.interrupt()
        assert await asyncio.wait_for(asking, 0.1) is False


async def test_a_response_whose_next_part_never_comes_is_over_by_deadline():
    class Forgets(ScriptedRealtime):
        def respond(self, text, request=None):
            if text != "sunny":
                super().respond(text, request)

    async with RealtimeCall(model=with_weather(Forgets([("Let me see.", WEATHER)]))) as call:
        assert await asyncio.wait_for(call.agent.simple_response("How is the weather?"), 120) is False


# The history, when words come late.


def turn(number):
    return f"question {number}"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.3, 1.5, 4.0, 9.0, None]), min_size=1, max_size=4))
def test_the_history_is_in_the_order_of_the_turns_however_late_their_words_come(delays):
    numbers = range(len(delays))

    async def scenario():
        model = ScriptedRealtime(
            [f"answer {number}" for number in numbers], [turn(number) for number in numbers], transcript_delays=delays
        )
        async with RealtimeCall(model=model) as call:
            for number in numbers:
                await call.speak(1.0)
                await call.until(lambda number=number: len(call.of(AgentSpeechEndedEvent)) > number)
            await asyncio.sleep(10.0)
            return call.history, [message.text for message in model.history]

    history, told = virtual_time.run(scenario())
    wanted = []
    for number, delay in zip(numbers, delays, strict=True):
        wanted += [("user", turn(number))] if delay is not None else []
        wanted += [("assistant", f"answer {number}")]
    assert history == wanted
    assert told == [text for _, text in wanted]


async def test_other_instructions_are_handed_to_the_model_or_refused():
    async with RealtimeCall() as call:
        call.agent.instructions = "Be a pirate."
        assert call.model.instructions == call.agent.instructions == "Be a pirate."

    class Fixed(ScriptedRealtime):
        instruct = Realtime.instruct

    async with RealtimeCall(model=Fixed(), instructions="Be brief.") as call:
        with pytest.raises(NotImplementedError, match="Fixed takes no other instructions in a call"):
            call.agent.instructions = "Be a pirate."
        assert call.agent.instructions == "Be brief."
