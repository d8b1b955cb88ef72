"""How a call ends: nobody waits for ever, nothing is left behind, whatever the parts do."""

import asyncio
import logging

import pytest

from vision_agents.core import Agent, User
from vision_agents.core.edge import CallEndedEvent, EdgeTransport
from vision_agents.core.floor import FloorState
from vision_agents.core.trace import replay
from vision_agents.core.turn_detection import TurnEndedEvent, TurnStartedEvent
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS, tone

from .call_kit import ANNA, LONG, Call, others

pytestmark = pytest.mark.virtual_time


async def test_what_was_being_said_when_the_call_ended_is_over_and_was_not_heard_to_its_end():
    async with Call() as call:
        saying = asyncio.create_task(call.agent.say(LONG))
        waiting = asyncio.create_task(call.agent.say("And this."))
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(1.0)
        call.edge.sink.ended()
        assert await asyncio.wait_for(saying, 0.1) is False
        assert await asyncio.wait_for(waiting, 0.1) is False
        assert call.history == [("assistant", "one two three")]
        await call.agent.finish()
        assert not call.edge.sink.pull().any()


async def test_what_is_asked_for_after_the_end_is_not_waited_for():
    call = Call()
    async with call:
        call.edge.sink.ended()
        assert await asyncio.wait_for(call.agent.say("Hello?"), 0.1) is False
    assert await asyncio.wait_for(call.agent.say("Hello?"), 0.1) is False
    call.agent.interrupt()
    call.tts.interrupt()
    await asyncio.sleep(0)
    assert not others()


async def ends_by_code(call):
    await call.agent.close()


async def ends_by_the_edge(call):
    call.edge.sink.ended()


async def the_caller_hangs_up(call):
    call.edge.sink.participant_left(ANNA)
    call.edge.sink.ended()


ENDS = pytest.mark.parametrize("end", [ends_by_code, ends_by_the_edge, the_caller_hangs_up])


@ENDS
async def test_what_was_being_said_when_the_call_ended_was_said(end):
    async with Call() as call:
        call.detector.report_turn_started(ANNA)
        call.stt.report_words(ANNA, "my number is five", final=True)
        await end(call)
        assert call.history == [("user", "my number is five")]
        assert list(replay(call.edge.records)) == []


class LateSTT(ScriptedSTT):
    """Needs `seconds` for the final words of a turn."""

    seconds = 0.5

    async def finish_turn(self, participant):
        await asyncio.sleep(self.seconds)
        self.report_words(participant, "my number is five", final=True)


@ENDS
@pytest.mark.parametrize("speaks", [True, False])
async def test_the_end_of_a_call_waits_for_the_last_words_and_nobody_answers_them(end, speaks):
    async with Call(stt=LateSTT()) as call:
        speech = asyncio.create_task(call.detector.speak(ANNA, 1.0))
        await asyncio.sleep(1.0 if speaks else 1.3)
        await end(call)
    await speech
    assert call.history == [("user", "my number is five")]
    assert call.llm.requests == []
    assert list(replay(call.edge.records)) == []


async def test_the_end_of_a_call_waits_no_longer_than_a_second_for_words():
    call = Call(stt=LateSTT())
    call.stt.seconds = 1000.0
    async with call:
        await call.detector.speak(ANNA, 1.0)
        begun = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - begun == pytest.approx(1.0, abs=0.1)
    assert call.history == []


async def test_the_end_of_a_call_does_not_wait_for_words_that_were_given_up():
    call = Call(stt=LateSTT())
    call.stt.seconds = 1000.0
    async with call:
        await call.detector.speak(ANNA, 1.0)
        await asyncio.sleep(10.0)
        begun = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - begun == pytest.approx(0.0, abs=0.1)


class Forgetful(LateSTT):
    seconds = 1000.0
    forgotten = closed = False

    def forget(self, participant):
        self.forgotten = True

    async def close(self):
        self.closed = True
        await super().close()


async def test_a_clean_up_that_is_cancelled_frees_everything():
    call = Call(stt=Forgetful())
    await call.agent.join()
    call.edge.sink.participant_joined(ANNA)
    call.edge.sink.audio(tone(0.02, 48_000), ANNA)
    await call.detector.speak(ANNA, 1.0)
    leaving = asyncio.create_task(call.agent.close())
    await asyncio.sleep(0.5)
    # As the end of the event loop does it.
    for task in others():
        task.cancel()
    await asyncio.wait([leaving])
    while others():
        await asyncio.wait(others())
    assert (call.stt.forgotten, call.stt.closed) == (True, True)
    async with Call(stt=call.stt):
        pass


async def test_a_call_that_ends_within_an_effect_is_over_when_its_end_is_carried_out():
    async with Call() as call:

        def hang_up(record):
            if record.get("event") == "SpeechStarted":
                call.edge.sink.ended()
                call.edge.sink.ended(ConnectionError("again"))

        call.agent.observe(hang_up)
        saying = asyncio.create_task(call.agent.say(LONG))
        await call.until_state(FloorState.SPEAKING)
        call.detector.report_speech_started(ANNA, 0.9, 0.03)
        assert await saying is False
        records = call.edge.records
        [over] = [place for place, record in enumerate(records) if record.get("event") == "CallOver"]
        [ended] = [place for place, record in enumerate(records) if record.get("note") == "CallEnded"]
        assert over < ended
        assert all(record.get("event") is None for record in records[over + 1 :])
        assert [event.error for event in call.of(CallEndedEvent)] == [None]
        assert list(replay(records)) == []


async def test_what_parts_report_after_the_end_is_nobodys_turn():
    call = Call(["never answered"])
    async with call:
        call.edge.sink.ended()
        await call.detector.speak(ANNA, 1.0)
        await asyncio.sleep(5)
    await call.detector.speak(ANNA, 1.0)
    assert call.of(TurnStartedEvent) == []
    assert call.llm.requests == []
    assert len(call.of(CallEndedEvent)) == 1


async def test_an_ended_call_plays_nothing_even_if_its_edge_goes_on_pulling():
    async with Call() as call:
        saying = asyncio.create_task(call.agent.say(LONG))
        await call.until_state(FloorState.SPEAKING)
        call.edge.sink.ended(ConnectionError("gone"))
        frames = len(call.edge.frames)
        await asyncio.sleep(1)
        assert len(call.edge.frames) > frames
        assert not any(call.edge.audible[frames:])
        assert await saying is False
    assert call.of(CallEndedEvent)[0].error == "gone"


async def test_who_leaves_in_mid_turn_is_named_when_the_turn_ends():
    async with Call(["half a sentence"]) as call:
        speech = asyncio.create_task(call.detector.speak(ANNA, 3.0))
        await call.until(lambda: call.of(TurnStartedEvent))
        call.edge.sink.participant_left(ANNA)
        await asyncio.sleep(0)
        (ended,) = call.of(TurnEndedEvent)
        assert ended.participant == ANNA
        assert ended.duration_ms > 0
        await speech
        await call.until_state(FloorState.IDLE)
        call.edge.sink.participant_left(ANNA)


async def test_who_leaves_before_the_last_words_are_known_leaves_no_error_behind(caplog):
    async with Call(["gone"]) as call:
        await call.detector.speak(ANNA, 1.0, end=False)
        call.detector.report_turn_ended(ANNA, 0.9)
        call.edge.sink.participant_left(ANNA)
        await asyncio.sleep(10)
        await call.until_state(FloorState.IDLE)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


class Stuck(LoopEdge):
    async def leave(self):
        await super().leave()
        await asyncio.Event().wait()


class StuckLLM(ScriptedLLM):
    async def close(self):
        await asyncio.Event().wait()


class StuckTTS(ToneTTS):
    async def close(self):
        raise RuntimeError("cannot close")


class StuckSTT(ScriptedSTT):
    """Ignores that it is cancelled."""

    async def close(self):
        while True:
            try:
                return await asyncio.sleep(20)
            except asyncio.CancelledError:
                continue


async def test_closing_goes_on_past_parts_that_hang_raise_or_ignore_cancellation(caplog):
    call = Call(edge=Stuck(), llm=StuckLLM(), tts=StuckTTS(), stt=StuckSTT())
    async with call:
        pass
    assert {"left behind", "cannot close"} <= {
        text for text in ("left behind", "cannot close") for record in caplog.records if text in record.message
    }
    await asyncio.sleep(30)
    assert not others()


async def test_a_handler_may_close_the_agent():
    call = Call()

    @call.agent.events.subscribe
    async def hang_up(event: TurnStartedEvent):
        await call.agent.close()

    await call.agent.join()
    call.edge.sink.participant_joined(ANNA)
    await call.detector.speak(ANNA, 1.0)
    await asyncio.wait_for(call.agent.finish(), 1)
    await call.agent.close()
    assert not others()


async def test_whoever_closes_second_also_waits_until_it_is_closed():
    class Slow(LoopEdge):
        left = False

        async def leave(self):
            await super().leave()
            await asyncio.sleep(1)
            self.left = True

    call = Call(edge=Slow())
    await call.agent.join()
    await asyncio.gather(call.agent.close(), call.agent.close())
    assert call.edge.left
    await call.agent.close()


async def test_a_cancelled_caller_leaves_the_call_all_the_same():
    call = Call()

    async def talk():
        async with call.agent.join():
            await call.agent.say(LONG)

    talking = asyncio.create_task(talk())
    await asyncio.sleep(1)
    talking.cancel()
    await asyncio.wait([talking])
    assert talking.cancelled()
    await call.agent.close()
    assert not others()


@pytest.mark.parametrize("part", ["turn_detection", "stt", "llm", "tts", "edge"])
async def test_a_part_that_cannot_start_ends_the_joining_and_nothing_is_left(part):
    async def refuse(*_):
        raise ConnectionError(f"no {part}")

    async def slow():
        await asyncio.sleep(60)

    call = Call()
    for name in ("detector", "stt", "llm", "tts"):
        getattr(call, name).start = slow
    if part == "edge":
        for name in ("detector", "stt", "llm", "tts"):
            getattr(call, name).start = lambda: asyncio.sleep(0)
        call.edge.join = refuse
    else:
        getattr(call, "detector" if part == "turn_detection" else part).start = refuse
    with pytest.raises(ConnectionError, match=f"no {part}"):
        await call.agent.join()
    assert not others()
    with pytest.raises(RuntimeError, match="make a new Agent"):
        await call.agent.join()


async def test_joining_may_be_cancelled():
    class Never(EdgeTransport):
        async def join(self, agent_user, call, sink):
            await asyncio.Event().wait()

        async def leave(self):
            pass

    agent = Agent(
        edge=Never(),
        llm=ScriptedLLM(),
        agent_user=User("agent"),
        stt=ScriptedSTT(),
        tts=ToneTTS(),
        turn_detection=ScriptedDetector(),
    )
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await agent.join()
    assert not others()


async def test_an_agent_that_never_joined_can_be_closed_and_says_that_it_is_in_no_call():
    call = Call()
    with pytest.raises(RuntimeError, match="in no call yet"):
        await call.agent.say("Hello.")
    await call.agent.close()
    await call.agent.close()
    assert not others()
