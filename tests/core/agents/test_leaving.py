"""Who leaves a call: nobody is talked at who is not there, and nothing that was said is lost."""

import asyncio

import pytest

from vision_agents.core import Participant
from vision_agents.core.agents import AgentSpeechEndedEvent
from vision_agents.core.audio import PcmData
from vision_agents.core.edge import ParticipantJoinedEvent, ParticipantLeftEvent
from vision_agents.core.floor import FloorState
from vision_agents.core.stt import STTTranscriptEvent
from vision_agents.core.trace import replay
from vision_agents.testing.parts import ScriptedSTT
from vision_agents.testing.realtime import ScriptedRealtime

from .call_kit import ANNA, LONG, Call
from .test_realtime_calls import RealtimeCall

pytestmark = pytest.mark.virtual_time

BERT = Participant("bert")


async def speaking(call):
    """The agent says something long; returns what will tell whether it was heard."""
    saying = asyncio.create_task(call.agent.say(LONG))
    await call.until_state(FloorState.SPEAKING)
    await asyncio.sleep(0.5)
    return saying


async def test_a_reply_ends_when_its_only_listener_leaves_and_the_history_tells_what_was_heard():
    async with Call() as call:
        saying = await speaking(call)
        call.edge.sink.participant_left(ANNA)
        assert call.agent.state is FloorState.IDLE
        assert await saying is False
        frames = len(call.edge.frames)
        await asyncio.sleep(1.0)
        assert not any(call.edge.audible[frames:])
        [said] = call.agent.conversation
        assert said.interrupted
        assert LONG.startswith(said.text)
        assert len(said.text) < len(LONG) / 2
        assert f"{said.text} {said.unheard}" == LONG
        assert list(replay(call.edge.records)) == []


async def test_it_goes_on_for_others():
    async with Call() as call:
        call.edge.sink.participant_joined(BERT)
        saying = await speaking(call)
        call.edge.sink.participant_left(ANNA)
        assert await saying is True


async def test_who_comes_back_is_not_talked_at_and_is_answered_again():
    async with Call(["hello", "where were we"], [LONG, "At two."]) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.5)
        call.edge.sink.participant_left(ANNA)
        await asyncio.sleep(0.1)
        call.edge.sink.participant_joined(ANNA)
        frames = len(call.edge.frames)
        await asyncio.sleep(10.0)
        assert not any(call.edge.audible[frames:])
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.history[-1] == ("assistant", "At two."))


async def test_nothing_is_said_to_an_empty_room_and_nothing_of_it_is_heard():
    async with Call() as call:
        call.edge.sink.participant_left(ANNA)
        assert await call.agent.say("Is anybody there?") is False
        assert await call.agent.simple_response("Anybody?") is False
        assert call.history == []
        call.edge.sink.participant_joined(BERT)
        assert await call.agent.say("Hello.") is True
        assert call.history == [("assistant", "Hello.")]
        await asyncio.sleep(0.1)
        assert [event.heard for event in call.of(AgentSpeechEndedEvent)] == ["Hello."]


async def test_late_frames_bring_nobody_back():
    async with Call() as call:
        call.edge.sink.audio(PcmData.silence(0.02, 48_000), ANNA)
        call.edge.sink.participant_left(ANNA)
        for _ in range(3):
            call.edge.sink.audio(PcmData.silence(0.02, 48_000), ANNA)
            call.detector.report_speech_started(ANNA, 0.9, 0.02)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert call.agent.participants == ()
        assert len(call.of(ParticipantJoinedEvent)) == len(call.of(ParticipantLeftEvent)) == 1
        assert call.agent.state is FloorState.IDLE
        # Somebody who does come back is heard.
        call.edge.sink.participant_joined(ANNA)
        call.edge.sink.audio(PcmData.silence(0.02, 48_000), ANNA)
        assert call.agent.participants == (ANNA,)


class Reluctant(ScriptedSTT):
    """Knows words only when it is asked for them, and takes a while."""

    async def finish_turn(self, participant):
        await asyncio.sleep(0.5)
        self.report_words(participant, "my name is Anna", final=True)

    def forget(self, participant):
        self.forgotten = asyncio.get_running_loop().time()


async def test_words_that_are_final_after_their_speaker_left_are_in_the_history_and_not_answered():
    async with Call(stt=Reluctant()) as call:
        call.edge.sink.audio(PcmData.silence(0.02, 48_000), ANNA)
        speech = asyncio.create_task(call.detector.speak(ANNA, 2.0))
        await asyncio.sleep(1.0)
        call.edge.sink.participant_left(ANNA)
        left = asyncio.get_running_loop().time()
        await speech
        await asyncio.sleep(10.0)
        assert call.history == [("user", "my name is Anna")]
        assert [event.text for event in call.of(STTTranscriptEvent)] == ["my name is Anna"]
        # The recogniser is not kept for longer than it takes.
        assert call.stt.forgotten - left == pytest.approx(0.5, abs=0.1)
        assert list(replay(call.edge.records)) == []


async def test_a_recogniser_that_owes_words_for_ever_is_let_go():
    class Silent(Reluctant):
        async def finish_turn(self, participant):
            await asyncio.Event().wait()

    async with Call(stt=Silent()) as call:
        call.edge.sink.audio(PcmData.silence(0.02, 48_000), ANNA)
        call.detector.report_turn_started(ANNA, 0.9)
        left = asyncio.get_running_loop().time()
        call.edge.sink.participant_left(ANNA)
        await asyncio.sleep(30.0)
        assert call.stt.forgotten - left == pytest.approx(call.agent.policy.transcript_timeout, abs=0.1)


async def test_who_is_back_at_once_is_not_kept_deaf_by_their_farewell():
    async with Call(stt=Reluctant()) as call:
        call.edge.sink.audio(PcmData.silence(0.02, 48_000), ANNA)
        call.detector.report_turn_started(ANNA, 0.9)
        call.edge.sink.participant_left(ANNA)
        await asyncio.sleep(0.1)
        back = asyncio.get_running_loop().time()
        call.edge.sink.participant_joined(ANNA)
        await asyncio.sleep(0.1)
        assert call.stt.forgotten == pytest.approx(back, abs=0.01)
        call.edge.sink.audio(PcmData.silence(0.02, 48_000), ANNA)
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: ("user", "my name is Anna") in call.history)
        await call.until_state(FloorState.IDLE)


async def test_a_realtime_model_stops_for_who_leaves_and_is_told_what_was_heard():
    async with RealtimeCall([LONG, "Welcome back."], ["count", "hello again"]) as call:
        await call.speak(1.0)
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.7)
        call.edge.sink.participant_left(ANNA)
        frames = len(call.edge.frames)
        await asyncio.sleep(5.0)
        assert not any(call.edge.audible[frames:])
        [stopped] = call.model.stopped
        assert 0.5 < stopped.seconds < 1.0
        assert await call.agent.say("Is anybody there?") is False
        call.edge.sink.participant_joined(ANNA)
        await call.speak(1.0)
        await call.until(lambda: call.history[-1] == ("assistant", "Welcome back."))
        assert call.history[0] == ("user", "count")
        assert "anybody" not in str(call.history)


async def test_a_realtime_model_does_not_answer_who_has_left():
    model = ScriptedRealtime(["An answer to nobody."], ["hello"], delay=1.0)
    async with RealtimeCall(model=model) as call:
        await call.speak(1.0)
        call.edge.sink.participant_left(ANNA)
        await asyncio.sleep(10.0)
        assert not any(call.edge.audible)
        assert [text for role, text in call.history if role == "assistant"] == []
