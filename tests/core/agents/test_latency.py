"""The latency of answers, stage by stage, as an agent tells it: by an event and in the trace, which agree."""

import asyncio

import pytest

from vision_agents.core.agents import AgentSpeechEndedEvent, AnswerLatencyEvent
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.floor import FloorState
from vision_agents.core.trace import read_record
from vision_agents.core.trace.notes import AnswerTimed
from vision_agents.testing.parts import ScriptedLLM, ScriptedSTT, ToneTTS

from .call_kit import ANNA, LONG, Call
from .test_realtime_calls import RealtimeCall

pytestmark = pytest.mark.virtual_time

# A tick of the call's clock: what is pulled may wait for it.
TICK = 0.021


class SlowSTT(ScriptedSTT):
    """Knows the final words 0.3 s after it was asked."""

    async def finish_turn(self, participant):
        await asyncio.sleep(0.3)
        await super().finish_turn(participant)


def slow_call(answers=("One two three. Four five.",)):
    """Each piece of the model takes 0.1 s, each word of the synthesiser 0.2 s, and the final words 0.3 s."""
    return Call(stt=SlowSTT(["what is it"] * 3), llm=ScriptedLLM(answers, delay=0.1), tts=ToneTTS(delay=0.2))


def told(call):
    """The events; each of them is in the trace too, with the same stages, durations and total."""
    events = call.of(AnswerLatencyEvent)
    notes = [read_record(record).fact for record in call.edge.records if record.get("note") == AnswerTimed.__name__]
    assert [(note.reply, note.stages) for note in notes] == [(event.reply, event.stages) for event in events]
    for note in notes:
        assert note.durations == note.stages.durations
        assert note.total == note.stages.total
    return events


async def test_each_stage_of_an_answer_is_told_when_it_is_heard():
    async with slow_call() as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(AnswerLatencyEvent))
        (event,) = told(call)
        assert (event.participant, event.reply) == (ANNA, 1)
        took = event.stages.durations
        assert took == {
            "pause_found": pytest.approx(0.16),
            "turn_ended": pytest.approx(0.04),
            "final_words": pytest.approx(0.3),
            "begun": 0.0,
            "first_token": pytest.approx(0.1),
            # A sentence is known to end where the next word begins.
            "first_sentence": pytest.approx(0.2),
            "first_audio": pytest.approx(0.2),
            "pulled": pytest.approx(0.01, abs=TICK),
        }
        assert event.stages.total == pytest.approx(sum(took.values()), abs=0.001)
        assert call.agent.state is FloorState.SPEAKING, "it is told while the answer plays"


async def test_what_code_says_has_no_speech_to_be_late_for():
    async with slow_call() as call:
        await call.agent.say("Good morning.")
        await call.agent.simple_response("hello")
        said, answered = told(call)
        assert list(said.stages.durations) == ["first_sentence", "first_audio", "pulled"]
        assert list(answered.stages.durations) == ["first_token", "first_sentence", "first_audio", "pulled"]
        assert (said.stages.total, answered.stages.total, said.participant) == (None, None, None)


async def test_the_time_in_functions_is_told():
    call = slow_call(
        lambda request: ["It is done. "] if request.messages[-1].role is Role.TOOL else [ToolCall("1", "go", {})]
    )

    @call.llm.register_function(effects=True)
    async def go() -> str:
        await asyncio.sleep(2.0)
        return "gone"

    async with call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        (event,) = told(call)
        assert event.stages.functions == pytest.approx(2.0)
        assert event.stages.durations["first_token"] == pytest.approx(2.2, abs=0.01)
        assert event.stages.total == pytest.approx(sum(event.stages.durations.values()), abs=0.001)


async def test_an_answer_that_is_never_heard_is_told_of():
    async with slow_call([LONG]) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.THINKING)
        await asyncio.sleep(0.4)
        call.agent.interrupt()
        await asyncio.sleep(0.1)
        (event,) = told(call)
        assert event.stages.pulled is event.stages.total is None
        assert event.stages.begun is not None
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.THINKING)
        await asyncio.sleep(0.4)
    assert [event.stages.pulled for event in told(call)] == [None, None], "the second at the end of the call"


async def test_a_realtime_model_tells_what_it_knows():
    async with RealtimeCall(["one two three."], ["count"]) as call:
        await call.speak(1.0)
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        (event,) = told(call)
        took = event.stages.durations
        assert list(took) == ["turn_ended", "begun", "first_audio", "pulled"]
        assert took["turn_ended"] == pytest.approx(0.5, abs=0.03)
        assert event.stages.total == pytest.approx(sum(took.values()), abs=0.001)
        assert event.participant == ANNA
