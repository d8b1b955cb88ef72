"""How an agent in a call judges interruptions: by words, by votes of its author, by who may; and how it recovers."""

import asyncio
import logging
import sys

import pytest

from vision_agents.core.agents.events import AgentSpeechEndedEvent, InterruptionEvent
from vision_agents.core.agents.strategy import Strategy
from vision_agents.core.audio import PcmData
from vision_agents.core.floor import FloorState, InterruptionPolicy, Vote
from vision_agents.core.floor.vocabulary import Vocabulary
from vision_agents.core.participants import Participant
from vision_agents.core.trace import replay
from vision_agents.core.turn_detection import TurnStartedEvent
from vision_agents.core.voice import CONTINUE_PROMPT
from vision_agents.testing.parts import ScriptedLLM, ToneTTS

from .call_kit import ANNA, LONG, Call

BERT = Participant("bert")

pytestmark = pytest.mark.virtual_time


class Says(Strategy):
    """Votes what it is told to, after a while."""

    def __init__(self, opinion, delay=0.0, name="says"):
        self.opinion = opinion
        self.delay = delay
        self.asked = []
        self._name = name
        self.running = 0
        self.most_running = 0

    @property
    def name(self):
        return self._name

    async def vote(self, evidence):
        self.asked.append(evidence)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.running -= 1
        if isinstance(self.opinion, BaseException):
            raise self.opinion
        return self.opinion


async def answering(call):
    """The agent is one second into its answer."""
    await call.detector.speak(ANNA, 1.0)
    await call.until_state(FloorState.SPEAKING)
    await asyncio.sleep(1.0)


async def to_the_end(call, replies=1):
    await call.until(lambda: len(call.of(AgentSpeechEndedEvent)) == replies)
    await call.until_state(FloorState.IDLE)


def decisions(call):
    return [event.decision for event in call.of(InterruptionEvent)]


def replayed(call):
    return list(replay(call.edge.records))


async def test_an_uh_huh_is_none_however_clear():
    async with Call(["count"]) as call:
        await answering(call)
        speech = asyncio.create_task(call.detector.speak(ANNA, 0.7))
        await asyncio.sleep(0.2)
        call.stt.report_words(ANNA, "uh-huh", False, 0.9)
        await speech
        await to_the_end(call)
        (event,) = call.of(InterruptionEvent)
        assert (event.decision, event.reason) == ("resume", "only “uh-huh”")
        assert {vote.strategy: vote.weight for vote in event.evidence} == {
            "length": pytest.approx(1.408),
            "words": -1.0,
        }
        assert call.of(AgentSpeechEndedEvent)[0].heard == LONG
        assert replayed(call) == []


async def test_a_command_is_one_at_once():
    async with Call(["count", "stop"], [LONG, "ok."]) as call:
        await answering(call)
        began = len(call.edge.frames)
        speech = asyncio.create_task(call.detector.speak(ANNA, 0.3))
        await asyncio.sleep(0.2)
        call.stt.report_words(ANNA, "stop", False, 0.9)
        assert call.agent.epoch == 1
        await speech
        (event,) = call.of(InterruptionEvent)
        assert event.reason.endswith("a command: “stop”")
        assert event.held_ms == pytest.approx(200, abs=1)
        assert event.onset_delay_ms == pytest.approx(32)
        # The fade of 5 ms is in the frame after the hold.
        assert 32 < event.time_to_silence_ms <= 32 + 20 + 5
        assert event.silence - event.onset == pytest.approx(event.time_to_silence_ms / 1000, abs=1e-4)
        audible = call.edge.audible[began:]
        assert not any(audible[2:10])
        assert event.samples_dropped > 0
        assert event.heard == "one two three"
        await to_the_end(call, 2)
        assert replayed(call) == []


async def test_words_that_come_when_the_agent_has_gone_on_still_interrupt():
    async with Call(["count", "no wait"], [LONG, "ok."]) as call:
        await answering(call)
        await call.detector.speak(ANNA, 0.3)
        await call.until_state(FloorState.SPEAKING)
        assert decisions(call) == ["resume"]
        await asyncio.sleep(0.1)
        call.stt.report_words(ANNA, "no wait", False)
        await to_the_end(call, 2)
        assert decisions(call) == ["resume", "commit"]
        refused, accepted = call.of(InterruptionEvent)
        # It is the same speech: the first silence came soon after it began, the one that stayed much later.
        assert refused.time_to_silence_ms < 60
        assert accepted.time_to_silence_ms == pytest.approx(accepted.onset_delay_ms)
        assert accepted.onset_delay_ms > 600
        assert call.history[-1] == ("assistant", "ok.")
        assert replayed(call) == []


async def test_an_interruption_without_words_is_taken_back():
    """A long noise cut the agent off, and the recogniser finds nothing in it: the agent says the rest."""
    async with Call(["count"]) as call:
        await answering(call)
        await call.detector.speak(ANNA, 1.0)
        await to_the_end(call, 2)
        cut, rest = call.of(AgentSpeechEndedEvent)
        assert cut.interrupted
        assert rest.heard == cut.unheard
        assert len(call.llm.requests) == 1
        assert [text for _, text in call.history] == ["count", cut.heard, cut.unheard]
        assert not any(message.interrupted for message in call.agent.conversation)
        assert replayed(call) == []


async def test_what_is_said_to_its_end_after_a_noise_was_heard_after_all():
    async with Call([""]) as call:
        saying = asyncio.create_task(call.agent.say(LONG))
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.6)
        await call.detector.speak(ANNA, 1.0)
        await call.until(lambda: call.of(AgentSpeechEndedEvent))
        assert not saying.done()
        assert await saying is True
        assert " ".join(text for _, text in call.history) == LONG


async def test_of_two_replies_that_a_noise_cut_off_the_history_marks_the_one_that_does_not_go_on():
    """The rest of the first waits behind the second, whose rest then takes its place."""
    async with Call(["", ""]) as call:
        first = asyncio.create_task(call.agent.say(LONG))
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.6)
        noise = asyncio.create_task(call.detector.speak(ANNA, 1.0))
        await call.until(lambda: call.of(InterruptionEvent))
        second = asyncio.create_task(call.agent.say("eleven twelve thirteen fourteen."))
        await noise
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.6)
        await call.detector.speak(ANNA, 1.0)
        heard = await first, await second
        went_on = {record["continues"] for record in call.edge.records if record.get("effect") == "BeginReply"}
        assert heard == (1 in went_on, 2 in went_on)
        assert sum(heard) == 1
        for message in call.agent.conversation:
            assert (message.interrupted, bool(message.unheard)) == (message.reply in {1, 2} - went_on,) * 2
        assert replayed(call) == []


async def test_what_is_cut_off_by_words_is_known_as_soon_as_they_are():
    async with Call(["stop"], [LONG, LONG]) as call:
        saying = asyncio.create_task(call.agent.say(LONG))
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.6)
        await call.detector.speak(ANNA, 1.0)
        await call.until(saying.done)
        assert saying.result() is False
        assert call.history[-1] == ("user", "stop")


async def test_what_somebody_cuts_off_who_then_leaves_is_over():
    async with Call([""]) as call:
        saying = asyncio.create_task(call.agent.say(LONG))
        await call.until_state(FloorState.SPEAKING)
        await asyncio.sleep(0.6)
        speaking = asyncio.create_task(call.detector.speak(ANNA, 3.0))
        await call.until(lambda: call.of(InterruptionEvent))
        call.edge.sink.participant_left(ANNA)
        assert await asyncio.wait_for(saying, 0.1) is False
        await speaking


async def test_all_that_was_written_is_said_then():
    """The playout takes five seconds, and a few sentences wait: they are not lost."""
    sentences = " ".join(f"This is number {number}." for number in range(12))
    async with Call(["count"], [sentences]) as call:
        await answering(call)
        await call.detector.speak(ANNA, 1.0)
        await to_the_end(call, 2)
        cut, rest = call.of(AgentSpeechEndedEvent)
        assert f"{cut.heard} {rest.heard}" == sentences
        assert len(call.llm.requests) == 1


async def test_what_code_says_is_said_after_a_noise_that_came_before_its_first_sample():
    async with Call(tts=ToneTTS(delay=2.0)) as call:
        saying = asyncio.create_task(call.agent.say("one two three."))
        await asyncio.sleep(0.1)
        await call.detector.speak(ANNA, 1.0)
        assert await saying is True
        await to_the_end(call, 2)
        assert [event.heard for event in call.of(AgentSpeechEndedEvent)] == ["", "one two three."]
        assert call.llm.requests == []
        assert replayed(call) == []


async def test_a_model_that_was_still_writing_is_asked_to_go_on():
    async with Call(
        ["count"], llm=ScriptedLLM(["one two three. four five six. seven eight nine.", "ten."], delay=0.4)
    ) as call:
        await answering(call)
        await call.detector.speak(ANNA, 1.0)
        await to_the_end(call, 2)
        _, second = call.llm.requests
        assert second.messages[-1].text == CONTINUE_PROMPT
        _, heard, rest, _ = (message.text for message in second.messages)
        assert f"{heard} {rest}" == "one two three. four five six."
        assert [text for _, text in call.history[1:]] == [heard, f"{rest} ten."]
        assert not any(CONTINUE_PROMPT in text for _, text in call.history)
        assert replayed(call) == []


async def test_nothing_is_said_twice_when_the_interruption_had_words():
    async with Call(["count", "stop counting"], [LONG, "ok."]) as call:
        await answering(call)
        await call.detector.speak(ANNA, 1.0)
        await to_the_end(call, 2)
        assert call.history[-1] == ("assistant", "ok.")
        assert call.agent.conversation.messages[1].interrupted


async def test_an_okay_answers_a_question():
    words = "Your table is free at seven. Shall I book it? Or shall I look for another one nearby."
    async with Call(["a table", "okay"], [words, "Done."]) as call:
        await call.detector.speak(ANNA, 1.0)
        await call.until_state(FloorState.SPEAKING)
        await call.until(lambda: call.history[-1][1].endswith("Shall I book it? Or"))
        speech = asyncio.create_task(call.detector.speak(ANNA, 0.4))
        await asyncio.sleep(0.35)
        call.stt.report_words(ANNA, "okay", False)
        await speech
        await to_the_end(call, 2)
        assert decisions(call) == ["commit"]
        assert call.history[-1] == ("assistant", "Done.")


async def test_the_agents_own_words_do_not_stop_it_again_and_again():
    async with Call(["count"]) as call:
        await answering(call)
        for _ in range(2):
            speech = asyncio.create_task(call.detector.speak(ANNA, 0.6))
            await asyncio.sleep(0.3)
            call.stt.report_words(ANNA, "two three", False)
            await speech
            await asyncio.sleep(0.5)
        await to_the_end(call)
        (event,) = call.of(InterruptionEvent)
        assert event.reason == "“two three” are the agent's own words"
        assert call.of(AgentSpeechEndedEvent)[0].heard == LONG


async def test_somebody_across_the_room_does_not_interrupt():
    async with Call(["count"]) as call:

        async def speak(seconds, level):
            call.detector.report_speech_started(ANNA, 0.95, 0.03)
            for window in range(1, round(seconds / 0.032)):
                await asyncio.sleep(0.032)
                call.detector.report_speech_continued(ANNA, 0.95, window * 0.032, level)
            await asyncio.sleep(0.16)
            call.detector.report_speech_ended(ANNA, seconds, 0.16)
            call.detector.report_turn_ended(ANNA, 0.9, None, 0.2)

        await speak(1.0, -20.0)
        await call.until_state(FloorState.SPEAKING)
        speech = asyncio.create_task(speak(1.5, -38.0))
        await asyncio.sleep(0.6)
        call.stt.report_words(ANNA, "did you buy the milk", False, 0.9)
        await speech
        await to_the_end(call)
        assert decisions(call) == ["resume"]
        assert call.of(InterruptionEvent)[0].reason == "17 dB fainter than usual, farther than a caller can be"
        # The model knows of it.
        [overheard] = [message for message in call.agent.conversation if message.overheard]
        assert (overheard.text, overheard.participant) == ("did you buy the milk", ANNA.id)


class TestStrategiesOfUsers:
    async def test_one_may_forbid(self):
        says = Says(Vote(-3.0, "the red button is off"))
        async with Call(["count"], strategies=[says]) as call:
            await answering(call)
            await call.detector.speak(ANNA, 1.0)
            await to_the_end(call)
            assert decisions(call) == ["resume"]
            event = call.of(InterruptionEvent)[0]
            assert event.reason == "the red button is off"
            assert event.evidence[-1].strategy == "says"
            evidence = says.asked[-1]
            assert (evidence.participant, evidence.agent_words.split()[0]) == ("anna", "one")
            assert replayed(call) == []

    async def test_one_may_decide(self):
        async with Call(["count", "x"], [LONG, "ok."], strategies=[Says(Vote(1.0, "it is the boss"))]) as call:
            await answering(call)
            await call.detector.speak(ANNA, 0.1)
            assert decisions(call) == ["commit"]
            assert "it is the boss" in call.of(InterruptionEvent)[0].reason
            assert replayed(call) == []

    @pytest.mark.parametrize(
        ("opinion", "warning"),
        [
            (ValueError("broken"), "failed"),
            (Vote(float("nan"), "?"), "a finite weight"),
            (Vote(float("inf"), "?"), "a finite weight"),
            (Vote("much", "?"), "a finite weight"),
            ("yes", "a finite weight"),
            ((1.0, "it is the boss"), "a finite weight"),
            (asyncio.CancelledError(), "failed"),
            (SystemExit(3), "failed"),
        ],
        ids=str,
    )
    async def test_one_that_fails_has_no_vote_and_the_rest_decide(self, opinion, warning, caplog):
        good = Says(Vote(0.0, "nothing to say"), name="good")
        async with Call(["count", "x"], [LONG, "ok."], strategies=[Says(opinion), good]) as call:
            await answering(call)
            with caplog.at_level(logging.WARNING):
                await call.detector.speak(ANNA, 1.0)
            assert decisions(call) == ["commit"]
            assert [vote.strategy for vote in call.of(InterruptionEvent)[0].evidence] == ["length", "good"]
            assert warning in caplog.text

    async def test_one_that_stalls_delays_nothing(self, caplog):
        stalls = Says(Vote(-3.0, "too late"), delay=3600.0)
        async with Call(["count", "x"], [LONG, "ok."], strategies=[stalls]) as call:
            await answering(call)
            before = asyncio.get_running_loop().time()
            speech = asyncio.create_task(call.detector.speak(ANNA, 1.0))
            await call.until(lambda: call.agent.epoch == 1)
            assert asyncio.get_running_loop().time() - before < 0.85
            with caplog.at_level(logging.WARNING):
                await speech
                await asyncio.sleep(1.0)
            assert "took more than 1 s: its vote is dropped" in caplog.text
            await to_the_end(call, 2)
        assert stalls.running == 0

    async def test_it_is_asked_once_at_a_time_and_of_the_newest(self):
        slow = Says(None, delay=0.1)
        async with Call(["count", "x"], [LONG, "ok."], strategies=[slow]) as call:
            await answering(call)
            await call.detector.speak(ANNA, 0.45)
            await asyncio.sleep(0.5)
            assert slow.most_running == 1
            assert 3 <= len(slow.asked) <= 9
            assert [e.clear_speech for e in slow.asked] == sorted(e.clear_speech for e in slow.asked)

    async def test_each_speaker_is_put_to_it(self):
        slow = Says(None, delay=0.1)
        async with Call(["count", "x"], [LONG, "ok."], strategies=[slow]) as call:
            call.edge.sink.participant_joined(BERT)
            await answering(call)
            await asyncio.gather(call.detector.speak(ANNA, 0.45), call.detector.speak(BERT, 0.45))
            assert slow.most_running == 2
            asked = [evidence.participant for evidence in slow.asked]
            assert abs(asked.count("anna") - asked.count("bert")) <= 1
            assert asked.count("bert") >= 3

    async def test_it_is_asked_no_more_about_who_left(self):
        slow = Says(None, delay=0.5)
        async with Call(["count", "x"], [LONG, "ok."], strategies=[slow]) as call:
            call.edge.sink.participant_joined(BERT)
            await answering(call)
            speech = asyncio.create_task(call.detector.speak(BERT, 0.3))
            await call.until(lambda: slow.running == 1)
            call.edge.sink.participant_left(BERT)
            await speech
            assert (slow.running, len(slow.asked)) == (0, 1)

    async def test_two_of_one_class_both_vote(self):
        first, second = Says(Vote(0.3, "a"), name="first"), Says(Vote(0.3, "b"), name="second")
        async with Call(["count", "x"], [LONG, "ok."], strategies=[first, second]) as call:
            await answering(call)
            await call.detector.speak(ANNA, 1.0)
            assert [vote.strategy for vote in call.of(InterruptionEvent)[0].evidence] == ["length", "first", "second"]

    def test_equal_names_are_refused(self):
        with pytest.raises(ValueError, match=r"named 'says' already: give each one a name of its own"):
            Call([], strategies=[Says(None), Says(None)])
        with pytest.raises(ValueError, match=r"named 'echo' already"):
            Call([], strategies=[Says(None, name="echo")])

    def test_a_class_is_no_strategy(self):
        with pytest.raises(TypeError, match="instances of Strategy"):
            Call([], strategies=[Says])

    async def test_a_vote_on_a_challenge_that_is_over_means_nothing(self):
        late = Says(Vote(1.0, "late"), delay=0.9)
        policy = InterruptionPolicy(late_transcript=0.0)
        async with Call(["count"], strategies=[late], interruption=policy) as call:
            await answering(call)
            await call.detector.speak(ANNA, 0.1)
            await to_the_end(call)
            assert late.asked
            assert decisions(call) == ["resume"]

    async def test_the_call_ends_while_one_votes(self):
        stalls = Says(None, delay=0.5)
        async with Call(["count"], strategies=[stalls]) as call:
            await answering(call)
            await call.detector.speak(ANNA, 0.1)
        assert stalls.running == 0


class TestWhoMayInterrupt:
    async def test_a_callable_says(self):
        asked = []

        def may_interrupt(participant):
            asked.append(participant)
            return participant == ANNA

        async with Call(["count", "hello", "stop"], [LONG, "ok."], may_interrupt=may_interrupt) as call:
            call.edge.sink.participant_joined(BERT)
            await answering(call)
            await call.detector.speak(BERT, 1.0)
            assert call.agent.epoch == 0
            await call.detector.speak(ANNA, 1.0)
            assert call.agent.epoch == 1
            assert set(asked) == {ANNA, BERT}
            await to_the_end(call, 2)
            # What Bert said was kept, and answered after.
            assert ("user", "hello") in call.history

    @pytest.mark.parametrize("fails", [lambda participant: 1 / 0, lambda participant: sys.exit(3)])
    async def test_one_that_fails_forbids_nothing(self, fails, caplog):
        async with Call(["count", "stop"], [LONG, "ok."], may_interrupt=fails) as call:
            await answering(call)
            await call.detector.speak(ANNA, 1.0)
            assert call.agent.epoch == 1
            assert "may_interrupt failed" in caplog.text

    async def test_only_the_one_spoken_to(self):
        policy = InterruptionPolicy(interruptible_by="spoken_to")
        async with Call(["count", "me too", "stop"], [LONG, "ok."], interruption=policy) as call:
            call.edge.sink.participant_joined(BERT)
            await answering(call)
            await call.detector.speak(BERT, 1.0)
            assert call.agent.epoch == 0
            await call.detector.speak(ANNA, 1.0)
            assert call.agent.epoch == 1
            await to_the_end(call, 2)


async def test_words_of_ones_own():
    vocabulary = Vocabulary(frozenset({"banana"}), frozenset(), frozenset({"computer"}), frozenset())
    async with Call(["count", "x"], [LONG, "ok."], vocabulary=vocabulary) as call:
        await answering(call)
        for words in ("banana", "computer"):
            speech = asyncio.create_task(call.detector.speak(ANNA, 0.3))
            await asyncio.sleep(0.25)
            call.stt.report_words(ANNA, words, False)
            await speech
            await asyncio.sleep(1.5)
        assert decisions(call) == ["resume", "commit"]
        assert replayed(call) == []


async def test_another_voice_needs_more(caplog):
    async with Call(["count"]) as call:
        await answering(call)
        speech = asyncio.create_task(call.detector.speak(ANNA, 0.6))
        await asyncio.sleep(0.3)
        call.stt._listener.voice_compared(ANNA, 0.1, 1.0)
        await speech
        await to_the_end(call)
        assert decisions(call) == ["resume"]
        assert call.of(InterruptionEvent)[0].reason == "another voice (0.10 alike)"
        assert len(call.of(TurnStartedEvent)) == 1


async def test_the_echo_canceller_hears_what_is_played_and_what_is_heard():
    from vision_agents.core.echo import EchoCanceller

    class Canceller(EchoCanceller):
        def __init__(self):
            self.frames = 0
            self.audio = []

        def played(self, frame):
            self.frames += 1

        def cancel(self, audio, participant):
            self.audio.append(participant)
            return audio

        def forget(self, participant):
            pass

    canceller = Canceller()
    async with Call(["count"], echo_cancellation=canceller) as call:
        call.edge.sink.audio(PcmData.silence(0.02, 48_000), ANNA)
        await asyncio.sleep(1.0)
        assert canceller.frames == pytest.approx(50, abs=1)
        assert canceller.audio == [ANNA]
