"""Taking the time of answers: laws under any order of the floor's events, and the cases that each stage has."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from vision_agents.core.floor import Floor, InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.trace.answer_timer import AnswerTimer
from vision_agents.core.trace.stages import STAGES, AnswerStages

from ..floor.test_laws import APOLOGIES, POLICIES, AnyOrder

ANN, BOB = "ann", "bob"


class TimedAnyOrder(AnyOrder):
    """The floor's own machine of random events, with a timer that sees all of it."""

    @initialize(policy=POLICIES, answers=st.booleans(), apology=APOLOGIES, start=st.floats(0.0, 1e6))
    def begin(self, policy: InterruptionPolicy, answers: bool, apology: str, start: float) -> None:
        super().begin(policy, answers, apology, start)
        self.told: Counter[int] = Counter()
        self.pulled: set[int] = set()
        self.timer = AnswerTimer(self.tells, answers=answers)

    def happens(self, event: ev.FloorEvent) -> list[fx.Effect]:
        self.event = event
        effects = super().happens(event)
        for fact in (event, *effects):
            self.timer.take(event.at, fact)
        return effects

    @rule(stage=st.sampled_from(["first_token", "first_sentence", "first_audio"]), back=st.integers(0, 2))
    def something_is_made(self, stage: Any, back: int) -> None:
        self.timer.made(self.now, self.floor.last_reply - back, stage)

    def tells(self, reply: int, participant: str | None, stages: AnswerStages) -> None:
        self.told[reply] += 1
        assert self.told[reply] == 1, "a reply is told of once"
        # Whatever it was, it is a time that has been, and what was heard was heard now.
        known = [at for stage in STAGES if (at := stages.at(stage)) is not None]
        assert max(known) <= self.now
        assert stages.pulled in (None, self.now)
        assert (stages.pulled is None) is not isinstance(self.event, ev.AudioStarted)
        assert (participant is None) <= (stages.speech_end is None)
        took = stages.durations
        assert all(seconds >= 0.0 for seconds in took.values())
        if stages.total is not None:
            assert sum(took.values()) == pytest.approx(stages.total, abs=0.001)
            assert 0.0 <= stages.functions <= stages.total + 0.001
        assert stages.held >= 0.0

    def teardown(self) -> None:
        if hasattr(self, "timer"):
            self.event = ev.TimePassed(self.now)
            self.timer.finish(self.now)
        super().teardown()


# The law of the floor's own machine is tested beside the floor.
del AnyOrder
TestTimedAnyOrder = TimedAnyOrder.TestCase
TestTimedAnyOrder.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


class Told:
    """A floor and its timer; `stages` of each reply by its number, and whom it answers."""

    def __init__(self, *, answers: bool = True, **policy: Any) -> None:
        self.floor = Floor(InterruptionPolicy(**policy), answers=answers)
        self.timer = AnswerTimer(self._tell, answers=answers)
        self.stages: dict[int, AnswerStages] = {}
        self.who: dict[int, str | None] = {}
        self.now = 0.0

    def _tell(self, reply: int, participant: str | None, stages: AnswerStages) -> None:
        self.stages[reply], self.who[reply] = stages, participant

    def at(self, t: float, kind: type[ev.FloorEvent], *facts: Any) -> None:
        while (due := self.floor.deadline) is not None and due <= t:
            self._take(ev.TimePassed(max(due, self.now)))
        self._take(kind(t, *facts))

    def _take(self, event: ev.FloorEvent) -> None:
        self.now = event.at
        for fact in (event, *self.floor.handle(event)):
            self.timer.take(event.at, fact)

    def speaks(self, who: str, start: float, end: float) -> None:
        """Speech with a sound from `start` to `end`: reported 0.1 s later, as the pause is 0.2 s after its end."""
        self.at(start + 0.1, ev.SpeechStarted, who, 0.9, 0.1)
        for window in range(1, int((end - start) / 0.1)):
            self.at(start + 0.1 + window * 0.1, ev.SpeechContinued, who, 0.9, window * 0.1)
        self.at(end + 0.2, ev.SpeechEnded, who, end - start, 0.2)

    def asks(self, who: str, start: float, end: float, words: str = "what is it") -> None:
        """A turn that is over 0.3 s after its sound, with words that are complete after 0.5 s."""
        self.speaks(who, start, end)
        self.at(end + 0.3, ev.TurnEnded, who, 0.9, None, 0.3)
        self.known(who, end + 0.5, words)

    def known(self, who: str, at: float, words: str = "what is it") -> None:
        self.at(at, ev.TranscriptReceived, who, words, True)
        self.at(at, ev.TranscriptCompleted, who, self.floor._taking.last_request)

    def is_pulled(self, reply: int, at: float) -> AnswerStages:
        self.at(at, ev.AudioStarted, reply)
        return self.stages[reply]


def test_an_answer():
    call = Told()
    call.asks(ANN, 1.0, 2.0)
    for stage, at in (("first_token", 2.7), ("first_token", 2.8), ("first_sentence", 2.9), ("first_audio", 3.0)):
        call.timer.made(at, 1, stage)
    stages = call.is_pulled(1, 3.1)
    assert call.who[1] == ANN
    expected = AnswerStages(2.0, 2.2, 2.3, 2.5, 2.5, 2.7, 2.9, 3.0, 3.1)
    assert {stage: stages.at(stage) for stage in STAGES} == pytest.approx({s: expected.at(s) for s in STAGES})
    assert stages.total == pytest.approx(1.1)


def test_what_code_says_has_no_speech_and_takes_no_answer_away():
    call = Told()
    call.speaks(ANN, 1.0, 2.0)
    call.at(2.2, ev.ReplyRequested, 1)
    call.at(2.3, ev.TurnEnded, ANN, 0.9, None, 0.3)
    call.known(ANN, 2.5)
    assert call.is_pulled(1, 2.6).speech_end is None
    assert (call.who[1], call.stages[1].total, call.stages[1].begun) == (None, None, 2.5)
    call.at(4.0, ev.AudioDrained, 1)
    stages = call.is_pulled(2, 5.0)
    assert (stages.final_words, stages.begun, stages.total) == (pytest.approx(2.5), 4.0, pytest.approx(3.0))


def test_a_turn_that_goes_on_ends_where_it_ends():
    call = Told()
    call.speaks(ANN, 1.0, 2.0)
    call.at(2.3, ev.TurnEnded, ANN, 0.9, None, 0.3)
    call.asks(ANN, 2.4, 3.0)
    stages = call.is_pulled(1, 4.0)
    assert (stages.speech_end, stages.pause_found, stages.turn_ended) == pytest.approx((3.0, 3.2, 3.3))


def test_a_sound_while_it_is_made_holds_it_and_moves_nothing():
    call = Told(resume_after=0.2)
    call.asks(ANN, 1.0, 2.0)
    call.at(2.7, ev.SpeechStarted, ANN, 0.6, 0.1)
    call.at(2.9, ev.SpeechEnded, ANN, 0.05, 0.1)
    stages = call.is_pulled(1, 4.0)
    assert (stages.speech_end, stages.held) == pytest.approx((2.0, 0.25))


def test_who_says_more_before_the_answer_waits_from_there():
    call = Told()
    call.asks(ANN, 1.0, 2.0)
    call.asks(ANN, 2.7, 4.0, "and where")
    cut, stages = call.stages[1], call.is_pulled(2, 5.0)
    assert (cut.speech_end, cut.pulled, cut.total) == (pytest.approx(2.0), None, None)
    assert stages.speech_end == pytest.approx(4.0)
    assert stages.total == pytest.approx(1.0)


def test_noise_that_cost_an_answer_does_not_shorten_the_wait():
    call = Told(commit_speech=0.3)
    call.asks(ANN, 1.0, 2.0)
    call.speaks(ANN, 2.7, 3.7)
    call.at(4.0, ev.TurnEnded, ANN, 0.9, None, 0.3)
    call.at(4.2, ev.TranscriptReceived, ANN, "", True)
    call.at(4.2, ev.TranscriptCompleted, ANN, call.floor._taking.last_request)
    assert call.floor.reply == 2
    assert call.is_pulled(2, 5.0).speech_end == pytest.approx(2.0)


def test_one_answer_to_two_waits_from_the_last_sound_and_for_all_words():
    call = Told()
    call.speaks(ANN, 1.0, 2.0)
    call.speaks(BOB, 2.1, 3.0)
    call.at(3.3, ev.TurnEnded, ANN, 0.9, None, 1.3)
    ann = call.floor._taking.last_request
    call.at(3.3, ev.TurnEnded, BOB, 0.9, None, 0.3)
    call.known(BOB, 3.5)
    call.at(3.9, ev.TranscriptReceived, ANN, "and why", True)
    call.at(3.9, ev.TranscriptCompleted, ANN, ann)
    stages = call.is_pulled(1, 5.0)
    assert call.who[1] == BOB
    assert (stages.speech_end, stages.final_words, stages.begun) == pytest.approx((3.0, 3.9, 3.9))


def test_words_that_come_late_are_a_late_stage():
    call = Told(late_transcript=1.0)
    call.speaks(ANN, 1.0, 2.0)
    call.at(2.3, ev.TurnEnded, ANN, 0.9, None, 0.3)
    call.at(2.3, ev.TranscriptCompleted, ANN, call.floor._taking.last_request)
    call.at(4.5, ev.TranscriptReceived, ANN, "what is it", True)
    stages = call.is_pulled(1, 5.0)
    assert (stages.speech_end, stages.turn_ended, stages.final_words) == pytest.approx((2.0, 2.3, 4.5))


def test_who_left_is_answered_by_nobody():
    call = Told()
    call.at(0.0, ev.ParticipantJoined, BOB)
    call.speaks(ANN, 1.0, 2.0)
    call.at(2.3, ev.TranscriptReceived, ANN, "bye", True)
    call.at(2.4, ev.ParticipantLeft, ANN)
    call.asks(BOB, 3.0, 4.0)
    assert call.is_pulled(1, 5.0).speech_end == pytest.approx(4.0)
    assert call.who[1] == BOB


def test_the_time_of_functions_is_counted_once():
    call = Told()
    call.asks(ANN, 1.0, 2.0)
    call.at(3.0, ev.FunctionStarted, 1)
    call.at(3.5, ev.FunctionStarted, 1)
    call.at(4.0, ev.FunctionEnded, 1)
    call.at(5.0, ev.FunctionEnded, 1)
    assert call.is_pulled(1, 6.0).functions == pytest.approx(2.0)
    call.at(7.0, ev.AudioDrained, 1)
    call.asks(ANN, 8.0, 9.0)
    assert call.is_pulled(2, 10.0).functions == 0.0


def test_what_was_not_heard_by_the_end_of_the_call_is_told():
    call = Told()
    call.asks(ANN, 1.0, 2.0)
    call.timer.finish(3.0)
    assert (call.stages[1].begun, call.stages[1].pulled) == (pytest.approx(2.5), None)


# Realtime.


def test_a_realtime_answer_has_the_stages_that_there_are():
    call = Told(answers=False)
    call.at(1.0, ev.TurnStarted, ANN)
    call.at(2.5, ev.TurnEnded, ANN, 1.0, None, 0.5)
    call.at(2.7, ev.ReplyStarted, 1)
    call.at(2.8, ev.TranscriptReceived, ANN, "what is it", True)
    call.timer.made(2.9, 1, "first_audio")
    stages = call.is_pulled(1, 3.0)
    assert stages == AnswerStages(speech_end=2.0, turn_ended=2.5, begun=2.7, first_audio=2.9, pulled=3.0)
    assert call.who[1] == ANN


def test_a_realtime_model_that_answers_before_the_end_is_told_of():
    call = Told(answers=False)
    call.at(1.0, ev.TurnStarted, ANN)
    call.at(2.0, ev.ReplyStarted, 1)
    stages = call.is_pulled(1, 2.2)
    assert (call.who[1], stages.speech_end, stages.turn_ended, stages.begun) == (ANN, None, 2.0, 2.0)


def test_the_second_response_after_a_function_is_the_answer():
    call = Told(answers=False)
    call.at(1.0, ev.TurnStarted, ANN)
    call.at(2.5, ev.TurnEnded, ANN, 1.0, None, 0.5)
    call.at(2.6, ev.ReplyStarted, 1)
    call.at(2.7, ev.FunctionStarted, 1)
    call.at(2.7, ev.AudioDrained, 1)
    call.at(4.7, ev.FunctionEnded, 1)
    call.at(4.9, ev.ReplyStarted, 2)
    stages = call.is_pulled(2, 5.0)
    assert (call.stages[1].pulled, stages.speech_end, stages.functions) == (None, 2.0, pytest.approx(2.0))
    call.at(6.0, ev.AudioDrained, 2)
    call.at(6.5, ev.ReplyStarted, 3)
    assert call.is_pulled(3, 6.6).speech_end is None, "it is the first to be heard that answers"
