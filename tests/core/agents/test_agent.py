"""The agent as a whole, in virtual time: turns, interruptions, resumes, history, and what must never happen."""

import asyncio
import contextlib
import logging

import pytest

from vision_agents.core import Agent, InterruptionPolicy, Participant, User
from vision_agents.core.agents import AgentSpeechEndedEvent, InterruptionEvent
from vision_agents.core.conversation import Role
from vision_agents.core.floor import FloorState
from vision_agents.core.turn_detection import TurnEndedEvent, TurnStartedEvent
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS

pytestmark = pytest.mark.virtual_time

ANNA = Participant("anna")
BERT = Participant("bert")
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."


class Call:
    """An agent of scripted parts in a call with itself."""

    def __init__(self, words=(), answers=(LONG,), **options):
        self.edge = LoopEdge()
        self.detector = ScriptedDetector()
        self.stt = ScriptedSTT(words)
        self.llm = options.pop("llm", None) or ScriptedLLM(answers)
        self.tts = options.pop("tts", None) or ToneTTS()
        self.agent = Agent(
            edge=self.edge,
            llm=self.llm,
            agent_user=User("agent", "Agent"),
            instructions="Count.",
            stt=self.stt,
            tts=self.tts,
            turn_detection=self.detector,
            **options,
        )
        self.events = []

        @self.agent.events.subscribe
        async def note(event: TurnStartedEvent | TurnEndedEvent | InterruptionEvent | AgentSpeechEndedEvent):
            self.events.append(event)

    async def __aenter__(self):
        await self.agent.join()
        self.edge.sink.participant_joined(ANNA)
        self.edge.sink.participant_joined(BERT)
        return self

    async def __aexit__(self, *_):
        await self.agent.close()

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition, seconds=30.0):
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)

    async def until_state(self, state):
        await self.until(lambda: self.agent.state is state)


async def test_a_turn_is_answered_and_the_answer_heard_to_its_end():
    async with Call(["count for me"], ["one two three."]) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.SPEAKING)
        await call.until_state(FloorState.IDLE)
        assert [(m.role, m.text) for m in call.agent.conversation] == [
            (Role.USER, "count for me"),
            (Role.ASSISTANT, "one two three."),
        ]
        started, ended = call.of(TurnStartedEvent)[0], call.of(TurnEndedEvent)[0]
        assert (started.participant, started.interrupted, started.epoch) == (ANNA, False, 0)
        assert ended.duration_ms == pytest.approx(1000, abs=100)
        assert ended.trailing_silence_ms == pytest.approx(200, abs=30)
        sounding = sum(call.edge.audible) * 0.02
        assert sounding == pytest.approx(3 * 0.3, abs=0.05)


async def test_an_interruption_silences_at_once_and_the_history_keeps_what_was_heard():
    async with Call(["count", "stop"], [LONG, "ok."]) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(1.5)
        frames = len(call.edge.frames)
        call.detector.report_speech_started(ANNA, 0.9)
        speech = asyncio.create_task(call.detector.speak(ANNA, 1.0))
        await asyncio.sleep(0.1)
        assert call.agent.state is FloorState.HELD
        # One frame fades out, then nothing is audible.
        assert call.edge.audible[frames:] == [True, *[False] * (len(call.edge.frames) - frames - 1)]
        await speech
        await call.until(lambda: len(call.of(AgentSpeechEndedEvent)) == 2)
        cut, answer = call.of(AgentSpeechEndedEvent)
        assert cut.interrupted
        assert cut.heard == "one two three four five"
        assert cut.heard + " " + cut.unheard == LONG
        assert (answer.heard, answer.interrupted) == ("ok.", False)
        heard = [m for m in call.agent.conversation if m.role is Role.ASSISTANT]
        assert [(m.text, m.interrupted) for m in heard] == [("one two three four five", True), ("ok.", False)]
        decision = call.of(InterruptionEvent)[0]
        assert (decision.decision, decision.participant, decision.epoch) == ("commit", ANNA, 1)
        assert call.agent.epoch == call.llm.epoch == call.tts.epoch == 1
        assert call.tts.stopped == 1


async def test_a_cough_costs_a_pause_and_not_the_answer():
    async with Call(["count"], [LONG]) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(1.0)
        await call.detector.speak(ANNA, 0.2, end=False)
        assert call.agent.state is FloorState.HELD
        await call.until_state(FloorState.SPEAKING)
        await call.until_state(FloorState.IDLE)
        (ended,) = call.of(AgentSpeechEndedEvent)
        assert (ended.heard, ended.interrupted) == (LONG, False)
        assert [e.decision for e in call.of(InterruptionEvent)] == ["resume"]
        assert len(call.of(TurnStartedEvent)) == 1
        assert call.stt.discarded == 1
        # Nothing is lost: what is repeated is the cut word, and no more than that.
        sounding = sum(call.edge.audible) * 0.02
        assert 16 * 0.3 - 0.05 <= sounding <= 16 * 0.3 + 0.3 + 0.05


async def test_resume_at_the_exact_sample_repeats_and_loses_nothing():
    policy = InterruptionPolicy(rewind="exact")
    async with Call(["count"], [LONG], interruption=policy) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(1.0)
        await call.detector.speak(ANNA, 0.2, end=False)
        await call.until_state(FloorState.SPEAKING)
        await call.until_state(FloorState.IDLE)
        heard = next(r for r in call.edge.records if r.get("note") == "ReplyPlayed")
        assert heard["seconds"] == pytest.approx(16 * 0.3, abs=0.01)
        resumed = next(r for r in call.edge.records if r.get("note") == "ReplyResumed")
        assert resumed["rewound"] == 0


async def test_the_user_goes_on_while_the_agent_thinks():
    async with Call(
        ["I would like", "a pizza"],
        ["Which one?", "Pizza it is."],
        llm=ScriptedLLM(["Which one?", "Pizza it is."], delay=0.5),
    ) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.THINKING)
        await asyncio.sleep(0.1)
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(AgentSpeechEndedEvent) and call.agent.state is FloorState.IDLE)
        assert [(m.role, m.text) for m in call.agent.conversation] == [
            (Role.USER, "I would like"),
            (Role.USER, "a pizza"),
            (Role.ASSISTANT, "Pizza it is."),
        ]
        assert call.llm.cancelled == 1


async def test_interrupt_by_code_on_any_component_is_silence_at_the_next_frame():
    async with Call(["count"], [LONG]) as call:
        for component in (call.agent, call.tts, call.llm):
            saying = asyncio.create_task(call.agent.say(LONG))
            await call.until_state(FloorState.SPEAKING)
            await asyncio.sleep(0.5)
            component.interrupt()
            assert not call.edge.sink.pull().any()
            assert await saying is False
            assert call.agent.state is FloorState.IDLE
        assert call.agent.epoch == 3


async def test_say_without_interruption_is_heard_to_its_end_and_the_user_answered_after():
    async with Call(["what about me"], ["You too."]) as call:
        saying = asyncio.create_task(call.agent.say(LONG, interruptible=False))
        await call.until_state(FloorState.SPEAKING)
        await call.detector.speak(ANNA, 1.0)
        assert call.agent.state is FloorState.SPEAKING
        assert await saying is True
        await call.until(lambda: len(call.of(AgentSpeechEndedEvent)) == 2)
        assert call.agent.conversation.messages[-1].text == "You too."


async def test_two_people_are_heard_apart():
    async with Call(["from one", "from the other"], ["Both heard."]) as call:
        await asyncio.gather(call.detector.speak(ANNA, 1.0), call.detector.speak(BERT, 1.5))
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        texts = [m.text for m in call.agent.conversation]
        assert texts == ["from one", "from the other", "Both heard."]
        assert {e.participant for e in call.of(TurnEndedEvent)} == {ANNA, BERT}


async def test_a_handler_that_raises_or_hangs_changes_nothing():
    async with Call(["count"], ["one two."]) as call:

        @call.agent.events.subscribe
        async def raises(event: TurnStartedEvent):
            raise RuntimeError("mine")

        @call.agent.events.subscribe
        async def hangs(event: TurnEndedEvent):
            await asyncio.Event().wait()

        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        assert call.of(AgentSpeechEndedEvent)[0].heard == "one two."


class BrokenLLM(ScriptedLLM):
    async def stream(self, request):
        self.requests.append(request)
        if len(self.requests) == 1:
            yield "Half a sen"
            raise ConnectionError("the line is down")
        yield "Back again."


async def test_a_model_that_fails_is_reported_and_the_next_turn_works(caplog):
    async with Call(["one", "two"], llm=BrokenLLM()) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        await call.until_state(FloorState.IDLE)
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: len(call.of(AgentSpeechEndedEvent)) == 2)
        assert call.of(AgentSpeechEndedEvent)[1].heard == "Back again."
    assert "the line is down" in caplog.text


class DeafTTS(ToneTTS):
    async def stream_audio(self, text):
        await asyncio.Event().wait()
        yield

    async def stop_audio(self):
        await asyncio.Event().wait()


async def test_a_voice_that_hangs_is_given_up_by_deadline(caplog):
    async with Call(["one"], tts=DeafTTS()) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.THINKING)
        await call.until(lambda: call.agent.state is FloorState.IDLE, 60.0)


async def test_parts_that_do_not_fit_say_so(caplog):
    with pytest.raises(ValueError, match="stt and tts"):
        Agent(edge=LoopEdge(), llm=ScriptedLLM(), agent_user=User("agent"))
    with pytest.raises(TypeError, match="tts must be"):
        Agent(edge=LoopEdge(), llm=ScriptedLLM(), agent_user=User("agent"), stt=ScriptedSTT(), tts=ScriptedSTT())
    own_turns = ScriptedSTT()
    own_turns.turn_detection = True
    with caplog.at_level(logging.WARNING):
        Agent(
            edge=LoopEdge(),
            llm=ScriptedLLM(),
            agent_user=User("agent"),
            stt=own_turns,
            tts=ToneTTS(),
            turn_detection=ScriptedDetector(),
        )
    assert [r.message for r in caplog.records] == [
        "ScriptedSTT detects turns by itself: turn_detection ScriptedDetector is ignored"
    ]


async def test_everything_ends_with_the_call():
    call = Call(["count"], [LONG])
    async with call:
        saying = asyncio.create_task(call.agent.say(LONG))
        await call.until_state(FloorState.SPEAKING)
        finishing = asyncio.create_task(call.agent.finish())
    await finishing
    assert await saying is False
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others


class LateTTS(ToneTTS):
    """Cannot be cancelled, and goes on sending."""

    async def stream_audio(self, text):
        async for chunk in super().stream_audio(text):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.5)
            yield chunk


async def test_audio_that_comes_after_its_epoch_is_counted_in_the_trace():
    call = Call(["count"], [LONG], tts=LateTTS())
    async with call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.SPEAKING)
        stream = call.tts.synthesize("one two three four")
        await anext(stream)
        call.agent.interrupt()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        (late,) = [r for r in call.edge.records if r.get("note") == "StaleAudio"]
        assert (late["epoch"], late["chunks"], late["samples"]) == (0, 1, round(0.3 * 48_000))
