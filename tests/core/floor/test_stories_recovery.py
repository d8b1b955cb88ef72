"""Stories: an interruption that turns out to have been none, and the agent goes on with what was cut off."""

from __future__ import annotations

import pytest

from vision_agents.core.floor import FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev

from .story import ANN, BOB, Story, committed, kinds, speaking


def interrupted() -> Story:
    """Noise from Ann's microphone cut reply 1 off at 3.5, and a detector says at 4.0 that it is over."""
    story = speaking()
    assert committed(story.speaks(ANN, 3.0, 0.64))[0] == 1
    story.stops(ANN, 3.9, 0.64)
    assert fx.FinishTurn(ANN, 2) in story.at(4.0, ev.TurnEnded, ANN)
    return story


class TestACascade:
    def test_without_words_the_agent_goes_on(self) -> None:
        story = interrupted()
        assert story.finds_no_words(ANN, 4.1, 2) == [
            fx.DiscardTurn(ANN),
            fx.BeginReply(2, 1, answer=False, continues=1),
        ]
        story.answers(4.3)
        story.at(8.0, ev.AudioDrained, 2)
        assert story.state() is FloorState.IDLE

    def test_with_words_they_are_answered(self) -> None:
        story = interrupted()
        story.at(4.1, ev.TranscriptReceived, ANN, "so what", True)
        assert story.at(4.1, ev.TranscriptCompleted, ANN, 2) == [
            fx.RecordTurn(ANN, "so what"),
            fx.BeginReply(2, 1, answer=True),
        ]

    def test_who_asked_for_the_reply_can_see_whether_its_rest_may_still_be_said(self) -> None:
        story = interrupted()
        assert story.floor.may_continue(1)
        assert not story.floor.may_continue(2)
        story.finds_no_words(ANN, 4.1, 2)
        assert story.floor.may_continue(1)  # It is being made.
        story.answers(4.3)
        assert not story.floor.may_continue(1)
        story = interrupted()
        story.at(4.05, ev.SpeechStarted, BOB)
        story.finds_no_words(ANN, 4.1, 2)
        assert story.floor.may_continue(1)  # It waits for Bob.
        story = interrupted()
        story.at(4.1, ev.TranscriptReceived, ANN, "so what", True)
        story.at(4.1, ev.TranscriptCompleted, ANN, 2)
        assert not story.floor.may_continue(1)

    def test_when_nobody_says_that_it_is_over(self) -> None:
        story = speaking()
        story.speaks(ANN, 3.0, 0.64)
        assert fx.BeginReply(2, 1, answer=False, continues=1) in story.until(10.0)

    def test_what_code_wants_to_say_is_said_though_nothing_of_it_was_heard(self) -> None:
        story = Story()
        story.at(2.0, ev.ReplyRequested, 1)
        story.speaks(ANN, 3.0, 0.64)
        story.stops(ANN, 3.9, 0.64)
        story.at(4.0, ev.TurnEnded, ANN)
        assert fx.BeginReply(2, 1, answer=False, continues=1) in story.end()

    def test_what_code_said_is_gone_on_with_too(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        story.answers(0.5)
        story.speaks(ANN, 1.0, 0.64)
        assert fx.BeginReply(2, 1, answer=False, continues=1) in story.end()

    def test_when_code_interrupted_it_is_not(self) -> None:
        story = interrupted()
        story.at(4.05, ev.InterruptRequested)
        assert story.finds_no_words(ANN, 4.1, 2) == [fx.DiscardTurn(ANN)]
        assert story.state() is FloorState.IDLE

    def test_when_code_interrupts_while_the_rest_waits_it_is_not(self) -> None:
        story = interrupted()
        story.at(4.05, ev.TurnStarted, BOB)
        assert story.finds_no_words(ANN, 4.1, 2) == [fx.DiscardTurn(ANN)]
        story.at(4.2, ev.InterruptRequested)
        story.at(4.3, ev.TurnEnded, BOB)
        assert story.finds_no_words(BOB, 4.4, 3) == [fx.DiscardTurn(BOB)]

    def test_when_somebody_else_is_to_be_answered_that_comes_first_and_instead(self) -> None:
        story = interrupted()
        story.at(4.05, ev.TurnStarted, BOB)
        assert story.finds_no_words(ANN, 4.1, 2) == [fx.DiscardTurn(ANN)]
        story.at(4.2, ev.TurnEnded, BOB)
        story.at(4.3, ev.TranscriptReceived, BOB, "why", True)
        assert story.at(4.3, ev.TranscriptCompleted, BOB, 3) == [
            fx.RecordTurn(BOB, "why"),
            fx.BeginReply(2, 1, answer=True),
        ]
        story.answers(4.5)
        story.at(8.0, ev.AudioDrained, 2)
        assert story.state() is FloorState.IDLE

    def test_when_somebody_else_waits_for_an_answer_already(self) -> None:
        story = interrupted()
        story.at(4.05, ev.TurnStarted, BOB)
        story.at(4.06, ev.TurnEnded, BOB)
        story.at(4.07, ev.TranscriptReceived, BOB, "why", True)
        assert story.at(4.08, ev.TranscriptCompleted, BOB, 3) == [fx.RecordTurn(BOB, "why")]
        assert story.finds_no_words(ANN, 4.1, 2) == [fx.DiscardTurn(ANN), fx.BeginReply(2, 1, answer=True)]

    def test_what_code_wants_to_say_comes_first(self) -> None:
        story = interrupted()
        story.at(4.05, ev.TurnStarted, BOB)
        story.finds_no_words(ANN, 4.1, 2)
        story.at(4.2, ev.ReplyRequested, 2)
        story.at(4.3, ev.TurnEnded, BOB)
        assert kinds(story.finds_no_words(BOB, 4.4, 3)) == [fx.DiscardTurn, fx.BeginReply]
        assert story.floor.reply == 2
        story.answers(4.5)
        assert story.at(5.0, ev.AudioDrained, 2) == [fx.BeginReply(3, 1, answer=False, continues=1)]

    def test_the_noise_comes_again_before_the_rest_sounds(self) -> None:
        """Else the second false interruption would end in silence."""
        story = interrupted()
        story.finds_no_words(ANN, 4.1, 2)
        assert committed(story.speaks(ANN, 4.2, 0.64))[:2] == (2, 2)
        story.stops(ANN, 5.1, 0.64)
        story.at(5.2, ev.TurnEnded, ANN)
        assert fx.BeginReply(3, 2, answer=False, continues=2) in story.finds_no_words(ANN, 5.3, 3)

    def test_the_noise_comes_again_when_the_rest_sounds(self) -> None:
        story = interrupted()
        story.finds_no_words(ANN, 4.1, 2)
        story.answers(4.3)
        story.speaks(ANN, 5.0, 0.64)
        assert fx.BeginReply(3, 2, answer=False, continues=2) in story.end()

    def test_who_made_the_noise_leaves(self) -> None:
        """Bob, who is in the call too, hears the rest."""
        story = speaking()
        story.speaks(BOB, 3.0, 0.64)
        assert fx.BeginReply(2, 1, answer=False, continues=1) in story.at(3.8, ev.ParticipantLeft, BOB)

    def test_everybody_leaves(self) -> None:
        story = interrupted()
        assert kinds(story.at(4.05, ev.ParticipantLeft, ANN)) == [fx.DiscardTurn]
        assert story.state() is FloorState.IDLE

    def test_who_leaves_with_words_is_neither_answered_nor_gone_on_to(self) -> None:
        story = speaking()
        story.speaks(BOB, 3.0, 0.64)
        story.at(3.7, ev.TranscriptReceived, BOB, "bye everyone", True)
        assert kinds(story.at(3.8, ev.ParticipantLeft, BOB)) == [fx.AnnounceTurnEnded, fx.RecordTurn, fx.FinishTurn]


class TestRealtime:
    def interrupted(self) -> Story:
        """Noise cut a model's reply 1 off at 1.0; its own detector took it for a turn, which is over at 1.5."""
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.answers(0.1)
        assert committed(story.at(1.0, ev.TurnStarted, ANN))[0] == 1
        story.at(1.5, ev.TurnEnded, ANN)
        assert story.state() is FloorState.THINKING
        return story

    def test_neither_words_nor_an_answer(self) -> None:
        story = self.interrupted()
        assert story.until(3.49) == []
        assert story.until(3.5) == [fx.BeginReply(2, 1, answer=False, continues=1)]

    def test_nothing_had_been_heard_of_the_reply(self) -> None:
        """Else the question before the noise would never be answered."""
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        assert committed(story.at(0.1, ev.TurnStarted, ANN))[0] == 1
        story.at(0.6, ev.TurnEnded, ANN)
        assert story.until(2.6) == [fx.BeginReply(2, 1, answer=False, continues=1)]

    def test_the_model_answers(self) -> None:
        story = self.interrupted()
        assert story.at(2.0, ev.ReplyStarted, 2) == []
        story.answers(2.1)
        story.at(3.0, ev.AudioDrained, 2)
        assert story.state() is FloorState.IDLE

    def test_words_give_the_model_more_time_to_answer(self) -> None:
        story = self.interrupted()
        assert story.at(2.0, ev.TranscriptReceived, ANN, "so what", True) == [fx.RecordTurn(ANN, "so what")]
        assert story.until(21.49) == []
        assert story.state() is FloorState.THINKING
        assert kinds(story.until(21.5)) == [fx.AnnounceFailure]

    @pytest.mark.parametrize("who", [ANN, BOB, "carl"])
    @pytest.mark.parametrize("when", [1.2, 2.0], ids=["the noise lasts", "it is over"])
    def test_words_of_a_turn_before_the_noise_are_none_of_it(self, who: str, when: float) -> None:
        """The model was at the answer to them when the noise stopped it."""
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.answers(0.1)
        story.at(1.0, ev.TurnStarted, ANN)
        if when > 1.5:
            story.at(1.5, ev.TurnEnded, ANN)
        words = story.at(when, ev.TranscriptReceived, who, "so what", True, place=3, began=0.5)
        assert words == [fx.RecordTurn(who, "so what", 3)]
        if when < 1.5:
            story.at(1.5, ev.TurnEnded, ANN)
        assert story.until(3.5) == [fx.BeginReply(2, 1, answer=False, continues=1)]

    @pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
    @pytest.mark.parametrize(("who", "began"), [(ANN, 1.0), (BOB, 2.0)], ids=["the first", "the second"])
    def test_words_of_whoever_has_cut_it_off_or_come_since_are_answered(
        self, who: str, began: float, times: int
    ) -> None:
        """Whosever turn was the latest: what Ann stopped is not said to her because Bob has coughed since."""
        story = self.interrupted()
        for number in range(times):
            story.at(2.0 + number, ev.TurnStarted, BOB)
            story.at(2.5 + number, ev.TurnEnded, BOB)
        now = 2.6 + times - 1
        said = story.at(now, ev.TranscriptReceived, who, "so what", True, place=3, began=began)
        assert said == [fx.RecordTurn(who, "so what", 3)]
        assert story.until(20.0) == []

    @pytest.mark.parametrize("who", [ANN, BOB, "carl"])
    def test_a_second_noise_stops_the_answer_to_words_that_are_not_known_yet(self, who: str) -> None:
        """Of whom the words are: the model was at the answer to them, and is asked to go on."""
        story = self.interrupted()
        story.at(2.0, ev.TurnStarted, "carl")
        story.at(2.0, ev.AnswerLost, 0)
        story.at(2.3, ev.TurnEnded, "carl")
        began = 1.0 if who == ANN else 1.2
        said = story.at(2.6, ev.TranscriptReceived, who, "so what", True, place=3, began=began)
        assert said == [fx.RecordTurn(who, "so what", 3)]
        assert fx.BeginReply(2, 1, answer=False, continues=0) in story.end()

    def test_an_answer_is_lost_before_anybody_has_spoken(self) -> None:
        story = Story(answers=False)
        assert story.at(0.0, ev.AnswerLost, 0) == [fx.BeginReply(1, 0, answer=False, continues=0)]

    @pytest.mark.parametrize(
        ("who", "began", "due"),
        [(ANN, 0.5, 4.5), (ANN, 1.0, 22.5), (BOB, 1.5, 4.5), (BOB, 2.0, 22.5), ("carl", 2.2, 4.5)],
    )
    def test_only_its_own_words_give_an_answer_more_time(self, who: str, began: float, due: float) -> None:
        """Something else is to be told: before the answer, unless the model has understood what that is to."""
        story = Story(answers=False)
        story.at(1.0, ev.TurnStarted, ANN)
        story.at(1.5, ev.FunctionFound, 0)
        story.at(2.0, ev.TurnStarted, BOB)
        story.at(2.5, ev.TurnEnded, ANN)
        story.at(2.5, ev.TurnEnded, BOB)
        story.at(2.6, ev.TranscriptReceived, who, "so what", True, place=3, began=began)
        assert story.until(due - 0.01) == []
        assert kinds(story.until(due)) == [fx.BeginReply]

    def test_a_guess_and_no_words_change_nothing(self) -> None:
        story = self.interrupted()
        assert story.at(2.0, ev.TranscriptReceived, ANN, "so", False) == []
        assert story.at(2.1, ev.TranscriptReceived, ANN, "", True) == []
        assert story.until(3.5) == [fx.BeginReply(2, 1, answer=False, continues=1)]

    def test_words_that_come_before_the_end_of_the_turn(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.answers(0.1)
        story.at(1.0, ev.TurnStarted, ANN)
        assert story.at(1.2, ev.TranscriptReceived, ANN, "so what", True) == [fx.RecordTurn(ANN, "so what")]
        story.at(1.5, ev.TurnEnded, ANN)
        assert story.until(21.4) == []

    @pytest.mark.parametrize("who", [ANN, BOB])
    def test_a_cough_meanwhile(self, who: str) -> None:
        """It is no answer, and it wants none."""
        story = self.interrupted()
        story.speaks(who, 2.0, 0.2)
        story.stops(who, 2.4, 0.2)
        assert story.until(4.4) == [fx.DiscardTurn(who), fx.BeginReply(2, 1, answer=False, continues=1)]

    def test_when_code_interrupted_it_is_not(self) -> None:
        story = self.interrupted()
        story.at(2.0, ev.InterruptRequested)
        assert story.end() == []

    def test_what_code_wants_to_say_does_not_wait_for_the_model(self) -> None:
        story = self.interrupted()
        assert story.at(2.0, ev.ReplyRequested, 2) == [fx.BeginReply(2, 1, answer=False)]
        story.answers(2.1)
        assert story.until(5.0) == []
        assert story.at(6.0, ev.AudioDrained, 2) == [fx.BeginReply(3, 1, answer=False, continues=1)]

    def test_an_answer_that_comes_late_is_heard_instead(self) -> None:
        story = self.interrupted()
        story.at(2.0, ev.TurnStarted, BOB)
        story.at(2.5, ev.ReplyStarted, 2)
        story.answers(2.6)
        story.at(4.0, ev.AudioDrained, 2)
        assert story.end() == []
