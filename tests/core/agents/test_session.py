"""The shell around the floor: what it does when effects, observers, recognisers and clocks misbehave."""

import asyncio

import pytest

from vision_agents.core import InterruptionPolicy
from vision_agents.core.agents import AgentSpeechEndedEvent, AgentSpeechStartedEvent, ErrorEvent, InterruptionEvent
from vision_agents.core.audio import PcmData
from vision_agents.core.audio.playout import FADE_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE
from vision_agents.core.edge import EdgeTransport, ParticipantJoinedEvent
from vision_agents.core.floor import FloorState
from vision_agents.core.participants import Participant
from vision_agents.core.trace import replay, trace
from vision_agents.testing.parts import LoopEdge, ScriptedLLM, ScriptedSTT, ToneTTS

from .call_kit import ANNA, LONG, Call

pytestmark = pytest.mark.virtual_time


async def test_a_part_that_was_interrupted_before_the_call_is_heard_in_it():
    call = Call()
    call.tts.interrupt()
    call.llm.interrupt()
    async with call:
        assert call.agent.epoch == call.tts.epoch == call.llm.epoch == 1
        assert await call.agent.say("Hello.") is True
        assert any(call.edge.audible)
    assert list(replay(call.edge.records)) == []


async def test_the_voice_knows_how_much_is_made_and_not_heard_yet():
    class Noting(ToneTTS):
        async def stream_audio(self, text):
            noted.append(self.ahead)
            async for chunk in super().stream_audio(text):
                yield chunk
                noted.append(self.ahead)

    noted: list[float] = []
    async with Call(tts=Noting(word_seconds=0.3)) as call:
        assert await call.agent.say("One two. Three.")
    # All is made at once; what a resampler holds back comes with the end of its sentence.
    assert noted == pytest.approx([0.0, 0.3, 0.6, 0.6, 0.9], abs=0.03)
    assert noted[0] == 0.0


async def test_effects_that_raise_are_logged_and_those_after_them_carried_out(caplog):
    class Broken(ScriptedSTT):
        def begin_turn(self, participant):
            raise ValueError("begin")

    async with Call(stt=Broken(["count"])) as call:

        def refuse(*_):
            raise RuntimeError("cannot hold")

        saying = asyncio.create_task(call.agent.say(LONG))
        await call.until_state(FloorState.SPEAKING)
        call.agent._session.replies.hold = refuse
        await call.detector.speak(ANNA, 1.0)
        assert await saying is False
        await call.until(lambda: len(call.of(AgentSpeechEndedEvent)) == 2)
    assert "could not be carried out" in caplog.text
    assert {event.component for event in call.of(ErrorEvent)} == {"Broken"}


async def test_an_observer_that_raises_is_logged_once_and_changes_nothing(caplog):
    call = Call(["count"])
    seen = []

    def observe(record):
        seen.append(record)
        raise OSError("disk full")

    call.agent.observe(observe)
    await call.agent.join()
    call.edge.sink.participant_joined(ANNA)
    await call.detector.speak(ANNA, 1.0)
    await call.until(lambda: call.of(AgentSpeechEndedEvent))
    await call.agent.close()
    assert call.history[-1] == ("assistant", LONG)
    assert len(seen) > 10
    assert caplog.text.count("an observer of the trace failed") == 1


@pytest.mark.parametrize("error", [OSError("disk full"), asyncio.CancelledError(), SystemExit("enough")])
async def test_what_is_called_at_each_pull_may_raise_and_the_frames_go_on(error, caplog):
    call = Call(["count"])
    pulls = []

    def pulled():
        pulls.append(None)
        raise error

    call.agent.on_pull = pulled
    async with call:
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
    assert call.history[-1] == ("assistant", LONG)
    assert len(pulls) == len(call.edge.frames)
    assert caplog.text.count("what is called at each pull failed") == 1


async def test_records_are_made_only_for_those_who_want_them(monkeypatch):
    class Shy(LoopEdge):
        observe = EdgeTransport.observe

    made, encode = [], trace.encode_record
    monkeypatch.setattr(trace, "encode_record", lambda *arguments: made.append(arguments) or encode(*arguments))
    for edge, wanted in ((Shy(), False), (LoopEdge(), True)):
        made.clear()
        async with Call(edge=edge) as call:
            assert await call.agent.say("Hello.") is True
        assert bool(made) is wanted is bool(edge.records)


async def test_words_that_never_come_end_the_turn_by_deadline():
    class Silent(ScriptedSTT):
        async def finish_turn(self, participant):
            await asyncio.Event().wait()

    async with Call(stt=Silent(), answers=["Yes?"]) as call:
        await call.detector.speak(ANNA, 1.0, end=False)
        call.stt.report_words(ANNA, "can you hear", final=False)
        call.detector.report_turn_ended(ANNA, 0.9)
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        assert call.history == [("user", "can you hear"), ("assistant", "Yes?")]


async def test_a_recogniser_that_raises_at_the_end_of_a_turn_is_reported_and_the_turn_ends():
    class Raises(ScriptedSTT):
        async def finish_turn(self, participant):
            raise ConnectionError("no words")

    async with Call(stt=Raises(), answers=["Yes?"]) as call:
        await call.detector.speak(ANNA, 1.0, end=False)
        call.stt.report_words(ANNA, "can you hear", final=False)
        call.detector.report_turn_ended(ANNA, 0.9)
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        assert [(event.component, event.error) for event in call.of(ErrorEvent)] == [("Raises", "no words")]


async def test_audio_makes_a_participant_known_and_other_objects_of_the_same_one_are_that_one():
    class Hears(ScriptedSTT):
        heard = ()

        async def process_audio(self, audio, participant):
            self.heard = (*self.heard, participant)

    async with Call(stt=Hears()) as call:
        first, later = Participant("bert"), Participant("bert", name="Bert")
        for who in (first, later):
            call.edge.sink.audio(PcmData.silence(0.02, 16_000), who)
        call.edge.sink.participant_joined(later)
        await asyncio.sleep(0.1)
        assert call.stt.heard == (first, first)
        assert [event.participant for event in call.of(ParticipantJoinedEvent)] == [ANNA, first]
        call.edge.sink.participant_left(later)
        await asyncio.sleep(0.1)


# What `say` returns.


@pytest.mark.parametrize("delay", [0.05, 0.0], ids=["heard", "not heard yet"])
async def test_say_tells_that_a_voice_broke_in_mid_sentence(delay):
    class Breaks(ToneTTS):
        async def stream_audio(self, text):
            async for piece in super().stream_audio(text):
                yield piece
                if "two" in piece.words[0].text:
                    raise ConnectionError("the voice is gone")

    async with Call(tts=Breaks(delay=delay), interruption=InterruptionPolicy(retries=0)) as call:
        assert await call.agent.say("one two three. Four.") is False
        assert call.history == [("assistant", "one two")]
        assert await call.agent.say("one. Three.") is True


@pytest.mark.parametrize("delay", [0.1, 0.0], ids=["heard", "not heard yet"])
async def test_say_tells_that_the_model_broke_in_mid_answer(delay):
    class Breaks(ScriptedLLM):
        async def stream(self, request):
            yield "One two. "
            await asyncio.sleep(delay)
            raise ConnectionError("the model is gone")

    async with Call(llm=Breaks(), interruption=InterruptionPolicy(retries=0)) as call:
        assert await call.agent.simple_response("Count.") is False
        assert call.history == [("user", "Count."), ("assistant", "One two.")]


async def test_more_than_may_wait_is_refused_at_once():
    async with Call(interruption=InterruptionPolicy(queue_limit=2)) as call:
        saying = [asyncio.create_task(call.agent.say(f"Number {n}.")) for n in range(5)]
        await asyncio.sleep(0.1)
        assert [task.done() for task in saying] == [False, False, False, True, True]
        assert await asyncio.gather(*saying) == [True, True, True, False, False]


async def test_whoever_stops_waiting_for_say_stops_nothing_else():
    async with Call() as call:
        saying = asyncio.create_task(call.agent.say(LONG))
        await call.until_state(FloorState.SPEAKING)
        saying.cancel()
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        assert call.history == [("assistant", LONG)]


# What is told of interruptions.


async def test_a_hold_that_the_end_of_the_reply_overtook_is_not_told_later_as_another():
    whole_frames = 15 * FRAME_SAMPLES
    async with Call(tts=ToneTTS(word_seconds=(whole_frames + FADE_SAMPLES - 50) / SAMPLE_RATE)) as call:
        saying = asyncio.create_task(call.agent.say("one"))
        await call.until(lambda: call.agent._session.playout.position(1) == whole_frames)
        # What is left goes out in the frame that fades: the reply ends in it, and with it the hold.
        call.detector.report_speech_started(ANNA, 0.9, 0.032)
        assert call.agent.state is FloorState.HELD
        assert await saying is True
        await call.until_state(FloorState.IDLE)
        saying = asyncio.create_task(call.agent.say(LONG))
        await call.until_state(FloorState.SPEAKING)
        call.agent.interrupt()
        assert await saying is False
        await asyncio.sleep(0)
        (told,) = call.of(InterruptionEvent)
        assert (told.reply, told.participant, told.held_ms, told.onset_delay_ms) == (2, None, 0.0, 0.0)


async def test_every_interruption_is_told_with_what_was_heard():
    async with Call(["count", "stop"], [LONG, "ok."]) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(1.0)
        await call.detector.speak(ANNA, 0.2, end=False)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.5)
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: len(call.of(AgentSpeechEndedEvent)) == 2)
        resumed, committed = call.of(InterruptionEvent)
        assert (resumed.decision, committed.decision) == ("resume", "commit")
        assert resumed.participant == committed.participant == ANNA
        for told in (resumed, committed):
            assert f"{told.heard} {told.unheard}" == LONG
            assert told.held_ms > 100
        assert len(call.of(AgentSpeechStartedEvent)) == 2
        assert list(replay(call.edge.records)) == []


async def test_typed_text_silences_the_agent_within_a_frame_and_is_answered():
    async with Call(["count"], llm=ScriptedLLM([LONG, "ok."], delay=0.3)) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(1.0)
        assert call.edge.audible[-1]
        before = len(call.edge.audible)
        answer = asyncio.create_task(call.agent.simple_response("what time is it"))
        await asyncio.sleep(0.06)
        assert not any(call.edge.audible[before + 1 : before + 3])
        assert await answer
        assert call.history[-2:] == [("user", "what time is it"), ("assistant", "ok.")]


async def test_text_that_does_not_interrupt_waits():
    async with Call(["count"], [LONG, "ok."]) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.SPEAKING)
        assert await call.agent.simple_response("what time is it", interrupt=False)
        assert call.agent.epoch == 0
        assert call.history[1] == ("assistant", LONG)
