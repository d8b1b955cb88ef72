"""Stories: a model that hears and answers by itself."""

from __future__ import annotations

import pytest

from vision_agents.core.floor import FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev

from .story import ANN, BOB, Story, committed, kinds, knobs, resumed

SORRY = "Sorry, say that again."


class TestRealtime:
    """The model hears and answers by itself; the floor still decides who is heard."""

    def test_a_turn_and_its_answer(self) -> None:
        story = Story(answers=False)
        assert kinds(story.speaks(ANN, 0.0, 0.96)) == [fx.BeginTurn, fx.AnnounceTurnStarted]
        story.stops(ANN, 1.2, 0.96)
        assert kinds(story.at(1.4, ev.TurnEnded, ANN)) == [fx.AnnounceTurnEnded]
        assert story.state() is FloorState.THINKING
        assert story.at(1.6, ev.ReplyStarted, 1) == []
        assert story.floor.reply == 1
        assert story.at(1.7, ev.TranscriptReceived, ANN, "hello", False) == []
        assert story.at(1.8, ev.TranscriptReceived, ANN, "hello", True) == [fx.RecordTurn(ANN, "hello")]
        assert story.at(1.9, ev.TranscriptReceived, ANN, "", True) == []
        story.answers(2.0)
        story.at(3.0, ev.AudioDrained, 1)
        assert story.state() is FloorState.IDLE

    def test_words_have_their_place_however_late_they_are(self) -> None:
        story = Story(answers=False)
        late = ev.TranscriptReceived(1.0, ANN, "hello", final=True, place=7)
        assert story.floor.handle(late) == [fx.RecordTurn(ANN, "hello", 7)]

    def test_words_are_told_once(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        assert story.at(0.5, ev.TranscriptReceived, ANN, "bye", True) == [fx.RecordTurn(ANN, "bye")]
        assert kinds(story.at(0.6, ev.ParticipantLeft, ANN)) == [fx.AnnounceTurnEnded, fx.DiscardTurn]

    def test_a_reply_that_is_heard_of_again_ends_no_turn(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.at(0.1, ev.AudioDrained, 1)
        story.at(0.2, ev.TurnStarted, ANN)
        assert story.at(0.3, ev.ReplyStarted, 1) == []
        assert story.state() is FloorState.USER_SPEAKING

    def test_an_interruption(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.answers(0.1)
        assert kinds(story.at(1.0, ev.SpeechStarted, ANN)) == [fx.BeginTurn, fx.Hold]
        assert kinds(story.at(1.2, ev.TurnStarted, ANN)) == [fx.Commit, fx.AnnounceTurnStarted]
        assert story.at(1.3, ev.AudioProgressed, 1) == []

    def test_who_is_much_fainter_than_in_the_turn_before_does_not_interrupt(self) -> None:
        story = Story(answers=False)
        story.speaks(ANN, 0.0, 0.96, level=-20.0)
        story.stops(ANN, 1.2, 0.96)
        story.at(1.4, ev.TurnEnded, ANN)
        story.at(1.6, ev.ReplyStarted, 1)
        story.answers(2.0)
        begun, held, *rest = story.speaks(ANN, 5.0, 1.2, level=-37.0)
        assert kinds([begun, held]) == [fx.BeginTurn, fx.Hold]
        assert resumed(rest) == (1, "word", "17 dB fainter than usual, farther than a caller can be")
        assert story.stops(ANN, 6.4, 1.2) + story.until(6.7) == []

    def test_the_model_owes_an_answer_and_never_gives_it(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        assert story.state() is FloorState.THINKING
        assert story.until(21.0) == []
        assert story.state() is FloorState.IDLE

    @pytest.mark.parametrize(("began", "asked"), [(0.0, True), (-0.1, False)])
    def test_nor_to_words_that_were_known_before_the_turn_was_over(self, began: float, asked: bool) -> None:
        """Then it is asked, if they were of this turn."""
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(0.5, ev.TranscriptReceived, ANN, "what now", True, began=began)
        story.at(0.6, ev.TranscriptReceived, ANN, "and before", True, began=-1.0)
        story.at(1.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        assert kinds(story.until(21.5)) == ([fx.AnnounceFailure, fx.BeginReply] if asked else [])

    def test_the_latest_turn_in_which_somebody_speaks(self) -> None:
        story = Story(answers=False)
        taken = story.floor._taking.last_taken
        assert taken(0.5) == 0.5, "nobody does"
        story.at(1.0, ev.SpeechStarted, ANN)
        assert taken(1.5) == 1.0
        story.at(1.6, ev.SpeechEnded, ANN)
        assert taken(1.7) == 1.7
        story.at(1.8, ev.TurnStarted, BOB)
        story.at(1.9, ev.SpeechEnded, BOB)
        assert taken(2.0) == 1.8, "its end is not reported yet"
        story.at(2.1, ev.SpeechStarted, ANN)
        assert taken(2.2) == 2.1

    def test_a_model_that_goes_on_after_its_functions_never_does(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1)
        story.answers(0.5)
        story.at(0.8, ev.FunctionStarted, 1)
        assert story.at(1.0, ev.AudioDrained, 1, more=True) == []
        assert story.until(30.0) == [], "it has to wait for that"
        story.at(30.0, ev.FunctionEnded, 1)
        assert story.state() is FloorState.THINKING
        assert story.until(49.9) == []
        assert kinds(story.until(51.0)) == [fx.AnnounceFailure, fx.BeginReply]

    @pytest.mark.parametrize("early", [True, False])
    def test_but_one_that_does_owes_no_more(self, early: bool) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.answers(0.5)
        if early:
            story.at(0.9, ev.ReplyStarted, 2)
        story.at(1.0, ev.AudioDrained, 1, more=True)
        if not early:
            story.at(1.1, ev.ReplyStarted, 2)
        story.answers(1.2)
        story.at(2.0, ev.AudioDrained, 2)
        assert story.state() is FloorState.IDLE

    @pytest.mark.parametrize("who", [ANN, BOB])
    def test_a_noise_does_not_relieve_the_model_of_its_answer(self, who: str) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        story.speaks(who, 2.0, 0.2)
        story.stops(who, 2.4, 0.2)
        assert story.until(4.4) == [fx.DiscardTurn(who)]
        assert story.state() is FloorState.THINKING
        assert story.until(21.0) == []
        assert story.state() is FloorState.IDLE

    def test_who_goes_on_relieves_the_model_of_its_answer_until_they_are_done(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        story.at(2.0, ev.TurnStarted, ANN)
        story.at(3.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        assert story.until(22.9) == []
        assert story.state() is FloorState.THINKING
        story.until(23.0)
        assert story.state() is FloorState.IDLE

    @pytest.mark.parametrize("who", [ANN, BOB])
    @pytest.mark.parametrize("known", [1.1, 1.5, 1.9], ids=["before", "meanwhile", "after"])
    def test_a_noise_takes_no_answer_from_a_question_that_was_understood(self, who: str, known: float) -> None:
        """The model stays silent, and does not even say that it has lost anything."""
        story = Story(answers=False, apology=SORRY)
        happens = [
            (1.3, ev.TurnStarted(1.3, who)),
            (1.7, ev.TurnEnded(1.7, who)),
            (known, ev.TranscriptReceived(known, ANN, "what time is it", True, began=0.0)),
        ]
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        for when, event in sorted(happens, key=lambda entry: entry[0]):
            assert story.until(when) == []
            story.floor.handle(event)
        assert story.until(22.0) == [fx.AnnounceFailure(0, "no answer in time: 20 s (reply_timeout)")]
        assert story.until(22.3) == [fx.BeginReply(1, 0, answer=False, continues=0)]
        assert fx.BeginReply(2, 0, answer=False, filler=SORRY) in story.end()

    def test_nor_does_one_of_somebody_who_leaves_in_it(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        story.at(1.1, ev.TranscriptReceived, ANN, "what time is it", True, began=0.0)
        story.at(1.3, ev.TurnStarted, BOB)
        story.at(1.4, ev.TurnStarted, "carl")
        story.at(1.5, ev.ParticipantLeft, BOB)
        assert story.state() is FloorState.USER_SPEAKING
        story.at(1.7, ev.ParticipantLeft, "carl")
        assert story.state() is FloorState.THINKING
        assert story.until(22.0) == [fx.AnnounceFailure(0, "no answer in time: 20 s (reply_timeout)")]

    def test_nor_one_that_cuts_off_what_was_said_meanwhile(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.InterruptingAllowed, ANN, False)
        story.at(0.0, ev.ReplyRequested, 1)
        story.answers(0.1)
        story.at(0.5, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        story.at(1.1, ev.TranscriptReceived, ANN, "what time is it", True, began=0.5)
        assert committed(story.at(1.3, ev.TurnStarted, BOB))[:2] == (1, 1)
        story.at(1.7, ev.TurnEnded, BOB)
        story.at(2.0, ev.InterruptRequested)
        assert story.end() == [], "but code does"

    def test_nor_one_that_is_nobodys(self) -> None:
        """The model says that it has heard something, and no microphone has."""
        for by_model in (True, False):
            story = Story(answers=False)
            story.at(0.0, ev.TurnStarted, ANN)
            story.at(1.0, ev.TurnEnded, ANN)
            story.at(1.1, ev.TranscriptReceived, ANN, "what time is it", True, began=0.0)
            assert kinds(story.at(1.3, ev.InterruptRequested, by_model=by_model)) == [fx.Commit]
            assert (fx.BeginReply(1, 1, answer=False, continues=0) in story.until(22.0)) is by_model

    def test_the_next_part_of_an_answer_is_owed_after_a_noise_too(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.answers(0.1)
        story.at(1.0, ev.AudioDrained, 1, more=True)
        story.at(1.3, ev.TurnStarted, ANN)
        story.at(1.7, ev.TurnEnded, ANN)
        assert fx.BeginReply(2, 0, answer=False, continues=0) in story.end()

    def test_an_answer_that_waits_for_the_voice_and_fails_is_missed(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1)
        story.answers(0.1)
        story.at(0.2, ev.ReplyStarted, 2)
        assert story.at(0.3, ev.ReplyFailed, 2, again=True) == [fx.DropReply(2, "it could not be made")]
        assert story.at(1.0, ev.AudioDrained, 1) == [fx.BeginReply(3, 0, answer=False, continues=2)]

    def test_one_that_somebody_gave_up_is_not(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1)
        story.answers(0.1)
        story.at(0.2, ev.ReplyStarted, 2)
        assert story.at(0.3, ev.ReplyFailed, 2) == [fx.DropReply(2, "it could not be made")]
        assert story.at(1.0, ev.AudioDrained, 1) == []

    def test_code_that_wants_to_speak_at_once_does_not_wait_for_one_that_a_noise_disturbs(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        story.at(1.3, ev.TurnStarted, BOB)
        assert committed(story.at(1.5, ev.ReplyRequested, 1, True, True))[0] == 1

    def test_a_model_that_begins_its_answer_before_it_says_that_the_turn_has_ended_owes_no_other(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        assert kinds(story.at(1.5, ev.ReplyStarted, 1)) == [fx.AnnounceTurnEnded]
        story.answers(1.6)
        story.at(1.7, ev.TurnEnded, ANN, 0.9, 1.0, 0.5)
        story.at(2.0, ev.AudioDrained, 1)
        assert story.state() is FloorState.IDLE

    def test_a_model_answers_a_turn_that_was_taken_for_over_when_it_says_so_itself(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        assert kinds(story.at(1.0, ev.ReplyStarted, 1)) == [fx.AnnounceTurnEnded]
        story.answers(1.2)
        story.at(1.5, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        story.at(2.0, ev.AudioDrained, 1)
        assert story.state() is FloorState.THINKING
        story.at(2.5, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        assert story.until(21.5) == []
        assert story.state() is FloorState.IDLE

    def test_an_answer_says_that_the_turn_is_over(self) -> None:
        """Some models never report it."""
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        [ended] = story.at(2.0, ev.ReplyStarted, 1)
        assert ended == fx.AnnounceTurnEnded(ANN, 1.0, 2.0, 0.0)

    def test_an_answer_to_a_short_word_announces_it(self) -> None:
        story = Story(answers=False)
        story.speaks(ANN, 0.0, 0.2)
        story.stops(ANN, 0.4, 0.2)
        assert kinds(story.at(0.8, ev.ReplyStarted, 1)) == [fx.AnnounceTurnStarted, fx.AnnounceTurnEnded]

    def test_an_answer_does_not_end_the_speech_that_is_heard(self) -> None:
        story = Story(answers=False)
        story.speaks(ANN, 0.0, 0.96)
        assert story.at(1.0, ev.ReplyStarted, 1) == []
        assert story.floor.reply == 1
        assert story.at(1.1, ev.SpeechContinued, ANN, 0.9, 1.1) == []

    def test_a_cough_is_not_announced(self) -> None:
        story = Story(answers=False)
        story.speaks(ANN, 0.0, 0.2)
        story.stops(ANN, 0.4, 0.2)
        assert story.until(3.0) == [fx.DiscardTurn(ANN)]
        assert story.state() is FloorState.IDLE

    def test_a_turn_that_nobody_ends_is_over_by_silence(self) -> None:
        story = Story(answers=False)
        story.speaks(ANN, 0.0, 0.96)
        story.stops(ANN, 1.2, 0.96)
        assert kinds(story.until(3.2)) == [fx.AnnounceTurnEnded]
        assert story.state() is FloorState.THINKING

    def test_replies_are_heard_one_after_the_other(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        assert story.at(0.1, ev.ReplyStarted, 2) == []
        assert story.at(0.1, ev.ReplyStarted, 2) == []
        story.answers(0.2)
        story.at(1.0, ev.AudioDrained, 1)
        assert story.floor.reply == 2
        story.at(1.1, ev.AudioDrained, 2)
        assert story.state() is FloorState.IDLE

    def test_what_is_being_made_goes_before_what_is_only_wanted(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        assert story.at(0.5, ev.ReplyRequested, 1) == []
        story.at(1.0, ev.ReplyStarted, 2)
        assert story.floor.reply == 2
        story.answers(1.1)
        assert story.at(2.0, ev.AudioDrained, 2) == [fx.BeginReply(1, 0, answer=False)]

    def test_what_is_heard_has_the_voice_though_something_else_was_to_have_it(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(0.5, ev.ReplyRequested, 1)
        assert story.at(1.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)[1:] == [fx.BeginReply(1, 0, answer=False)]
        story.at(1.2, ev.ReplyStarted, 2)
        assert story.floor.reply == 1
        assert story.at(1.3, ev.AudioStarted, 2) == []
        assert story.floor.reply == 2
        # So that is what an interruption cuts off, and what goes on if it was none.
        assert committed(story.at(2.0, ev.TurnStarted, BOB))[:3] == (1, 2, BOB)
        story.at(2.5, ev.TurnEnded, BOB, 0.9, 0.3, 0.2)
        assert fx.BeginReply(3, 1, False, 2) in story.until(5.0)

    def test_and_what_was_to_have_it_has_it_next_whoever_speaks(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1)
        story.at(0.1, ev.ReplyStarted, 2)
        story.at(0.2, ev.AudioStarted, 2)
        story.speaks(ANN, 0.5, 0.1)
        story.at(0.7, ev.AudioDrained, 2)
        assert story.floor.reply is None
        assert story.at(0.8, ev.AudioStarted, 1) == []
        assert story.floor.reply == 1

    def test_a_challenge_is_to_what_is_heard(self) -> None:
        story = Story(knobs(hold=False), answers=False)
        story.at(0.0, ev.ReplyRequested, 1)
        story.speaks(ANN, 0.5, 0.1)
        story.at(0.65, ev.ReplyStarted, 2)
        story.at(0.65, ev.AudioStarted, 2)
        assert committed(story.at(0.7, ev.TurnStarted, ANN))[:3] == (1, 2, ANN)

    def test_what_is_heard_keeps_the_voice(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.answers(0.1)
        story.at(0.2, ev.ReplyStarted, 2)
        assert story.at(0.3, ev.AudioStarted, 2) == [], "it cannot be"
        assert story.floor.reply == 1

    def test_a_reply_that_waits_and_turns_out_empty_is_forgotten(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.at(0.1, ev.ReplyStarted, 2)
        assert story.at(0.2, ev.AudioDrained, 2) == []
        story.at(1.0, ev.AudioDrained, 1)
        assert story.state() is FloorState.IDLE

    def test_an_answer_while_another_is_challenged_waits(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.answers(0.1)
        story.speaks(ANN, 1.0, 0.2)
        story.stops(ANN, 1.4, 0.2)
        assert story.at(1.5, ev.ReplyStarted, 2) == []
        assert kinds(story.until(2.0)) == [fx.Resume]
        assert kinds(story.until(2.5)) == [fx.DiscardTurn]
        assert story.floor.reply == 1

    def test_an_answer_does_not_decide_a_challenge(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.answers(0.1)
        story.at(1.0, ev.SpeechStarted, ANN)
        assert story.at(1.1, ev.ReplyStarted, 2) == []
        assert story.until(1.9) == []
        assert story.state() is FloorState.HELD


class TestLostAnswers:
    """The model gave up an answer: it stopped for a noise, or its connection broke. When it is quiet it goes on."""

    def test_an_answer_that_broke_off_goes_on_when_what_came_of_it_was_heard(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.answers(0.1)
        assert story.at(1.0, ev.AnswerLost, 1) == []
        assert story.at(2.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, False, 1)]

    def test_the_rest_of_what_nobody_may_interrupt_is_said_after_the_answer_to_what_was_said_meanwhile(self) -> None:
        story = Story(answers=False)
        assert story.at(0.0, ev.ReplyRequested, 1, False) == [fx.BeginReply(1, 0, False)]
        story.answers(0.1)
        story.at(1.0, ev.TurnStarted, ANN)
        for _ in range(2):
            assert story.at(1.1, ev.AnswerLost, 1) == []
        story.at(1.2, ev.AudioDrained, 1)
        story.at(2.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        story.at(2.1, ev.TranscriptReceived, ANN, "what?", True)
        assert story.at(2.2, ev.ReplyStarted, 2) == []
        story.answers(2.3)
        assert story.at(3.0, ev.AudioDrained, 2) == [fx.BeginReply(3, 0, False, 1)]
        story.answers(3.1)
        assert story.floor.may_continue(1) is False

    def test_code_that_wants_silence_wants_no_rest(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.answers(0.1)
        story.at(1.0, ev.AnswerLost, 1)
        story.at(1.1, ev.InterruptRequested)
        assert story.until(30.0) == []

    def lost(self) -> Story:
        """What nobody may interrupt was stopped by the service at 1.0, and what came of it was heard by 1.2."""
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.answers(0.1)
        story.at(0.5, ev.TurnStarted, ANN)
        story.at(1.0, ev.AnswerLost, 1)
        story.at(1.2, ev.AudioDrained, 1)
        return story

    def test_a_rest_keeps_no_answer_from_being_wanted(self) -> None:
        """Of somebody who leaves while the answer to them is not heard yet, the others want one."""
        story = self.lost()
        story.at(1.3, ev.ParticipantJoined, BOB)
        story.floor._turns[ANN].cut_off.unanswered = True
        assert fx.BeginReply(2, 0, True) in story.at(1.4, ev.ParticipantLeft, ANN)
        story.answers(1.5)
        assert story.at(2.0, ev.AudioDrained, 2) == [fx.BeginReply(3, 0, False, 1)]

    def test_nor_the_rest_of_another_from_being_said(self) -> None:
        story = self.lost()
        story.floor._turns[ANN].cut_off.reply = 0
        story.at(2.0, ev.TurnEnded, ANN, 0.9, 0.3, 1.5)
        begun = story.until(4.0)
        assert begun == [fx.BeginReply(2, 0, False, 1)]
        story.answers(4.0)
        assert story.at(5.0, ev.AudioDrained, 2) == [fx.BeginReply(3, 0, False, 0)]

    def test_a_model_that_owes_an_answer_to_a_noise_keeps_it_no_longer_than_any_rest(self) -> None:
        story = self.lost()
        story.at(2.0, ev.TurnEnded, ANN, 0.9, 0.3, 1.5)
        assert story.until(3.9) == []
        assert story.until(4.0) == [fx.BeginReply(2, 0, False, 1)]

    def test_nor_does_that_keep_the_agent_busy_when_the_rest_was_said(self) -> None:
        story = self.lost()
        story.at(2.0, ev.ParticipantJoined, ANN)
        story.at(2.0, ev.TurnEnded, ANN, 0.9, 0.3, 1.5)
        story.until(4.0)
        story.answers(4.1)
        assert story.at(6.0, ev.AudioDrained, 2) == []
        assert story.state() is FloorState.IDLE
        away = story.floor.policy.user_away
        assert story.until(6.0 + away) == [fx.AnnounceUserAway(away)]

    def test_but_code_that_speaks_at_once_takes_its_place(self) -> None:
        story = self.lost()
        story.at(2.0, ev.TurnEnded, ANN, 0.9, 0.3, 1.5)
        story.until(4.0)
        story.answers(4.1)
        story.at(6.0, ev.AudioDrained, 2)
        assert committed(story.at(7.0, ev.ReplyRequested, 3, True, True))[0] == 1

    def test_but_words_do(self) -> None:
        story = self.lost()
        story.at(2.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        story.at(2.1, ev.TranscriptReceived, ANN, "what?", True)
        assert story.until(9.0) == []

    def test_what_is_stopped_each_time_is_asked_for_so_many_times(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1, False)
        for number in range(1, knobs().continuations + 2):
            assert story.floor.reply == number
            story.answers(float(number))
            story.at(number + 0.1, ev.AnswerLost, number)
            story.at(number + 0.2, ev.AudioDrained, number)
        assert story.floor.reply is None
        assert story.until(60.0) == []

    def test_only_so_many_rests_wait(self) -> None:
        story = Story(knobs(queue_limit=1), answers=False)
        for number in (1, 2):
            story.at(0.0, ev.ReplyRequested, number, False)
        for number in (1, 2):
            story.at(float(number), ev.AudioStarted, number)
            story.at(number + 0.1, ev.AnswerLost, number)
            story.at(number + 0.2, ev.AudioDrained, number)
        assert story.floor.may_continue(1) is True, "it is being made"
        assert story.floor.may_continue(2) is False

    def test_what_nobody_may_interrupt_is_said_though_the_service_stopped_before_its_first_sound(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1, False)
        for number in range(1, knobs().continuations + 1):
            lost, begun = story.at(float(number), ev.AnswerLost, number, False)
            assert lost == fx.DropReply(number, "the model has lost it")
            assert begun == fx.BeginReply(number + 1, 0, False, number)
            assert story.floor.may_continue(number)
        assert kinds(story.at(9.0, ev.AnswerLost, knobs().continuations + 1, False)) == [fx.DropReply]
        assert story.end() == []

    def test_it_waits_for_who_makes_the_noise(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.at(0.5, ev.TurnStarted, ANN)
        assert kinds(story.at(1.0, ev.AnswerLost, 1, False)) == [fx.DropReply]
        story.at(1.5, ev.TurnEnded, ANN, 0.9, 0.5, 0.0)
        assert story.until(3.5) == [fx.BeginReply(2, 0, False, 1)]

    def test_what_somebody_may_interrupt_is_asked_for_once_more(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1)
        assert story.at(0.5, ev.AnswerLost, 1, False) == [fx.DropReply(1, "the model has lost it")]
        assert story.until(1.0) == [fx.BeginReply(2, 0, False, 1)]
        assert story.at(1.5, ev.AnswerLost, 2, False) == [fx.DropReply(2, "the model has lost it")]
        assert story.end() == []

    def test_one_that_never_was_is_not_asked_for(self) -> None:
        story = Story(answers=False)
        assert story.at(1.0, ev.AnswerLost, 1) == []
        assert story.until(20.0) == []

    def test_one_that_had_not_begun_is_asked_for_after_the_noise(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        story.at(2.0, ev.TurnStarted, ANN)
        story.at(2.0, ev.AnswerLost)
        story.at(3.8, ev.TurnEnded, ANN, 0.9, 0.3, 1.5)
        assert story.until(4.2) == []
        assert story.until(4.4) == [fx.BeginReply(1, 0, False, 0)]

    @pytest.mark.parametrize("noise", [0.5, 1.5])
    def test_it_is_asked_for_though_the_noise_began_before_what_it_was_to_answer(self, noise: float) -> None:
        story = Story(answers=False)
        story.at(0.5, ev.TurnStarted, BOB)
        if noise > 1.0:
            story.at(0.9, ev.TurnEnded, BOB, 0.9, 0.1, 0.0)
        story.at(1.0, ev.TurnStarted, ANN)
        if noise > 1.0:
            story.at(noise, ev.TurnStarted, BOB)
        story.at(2.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        story.at(2.1, ev.AnswerLost)
        story.at(2.2, ev.TurnEnded, BOB, 0.9, 0.3, 0.0)
        story.at(2.5, ev.TranscriptReceived, ANN, "two for tonight", True, began=1.0)
        assert fx.BeginReply(1, 0, False, 0) in story.until(5.0)

    def test_words_that_come_while_something_else_is_said_make_it_wanted_again(self) -> None:
        """What the noise cut off gives way to them. The model may still answer, and else it is asked."""
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1)
        story.at(0.1, ev.ReplyRequested, 2, False)
        assert committed(story.at(1.0, ev.TurnStarted, ANN))[:2] == (1, 1)
        assert fx.BeginReply(2, 1, answer=False) in story.at(2.0, ev.TurnEnded, ANN)
        assert story.until(4.5) == []
        story.at(4.6, ev.TranscriptReceived, ANN, "what about me?", True, began=1.0)
        story.answers(5.0)
        story.at(6.0, ev.AudioDrained, 2)
        assert story.state() is FloorState.THINKING
        assert story.until(22.0) == [fx.AnnounceFailure(0, "no answer in time: 20 s (reply_timeout)")]
        assert story.until(22.5) == [fx.BeginReply(3, 1, answer=False, continues=0)]

    def test_who_is_asked_to_go_on_owes_nothing_else(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1)
        story.at(1.0, ev.TurnStarted, ANN)
        story.at(2.0, ev.TurnEnded, ANN)
        assert kinds(story.until(4.0)) == [fx.BeginReply]
        story.at(4.1, ev.TranscriptReceived, ANN, "what about me?", True, began=1.0)
        story.answers(4.2)
        story.at(5.0, ev.AudioDrained, 2)
        assert story.end() == []

    def test_words_or_an_answer_need_no_asking(self) -> None:
        for answered in (True, False):
            story = Story(answers=False)
            story.at(0.0, ev.TurnStarted, ANN)
            story.at(0.1, ev.AnswerLost)
            story.at(1.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
            if answered:
                story.at(1.5, ev.ReplyStarted, 1)
                story.answers(1.6)
                assert story.at(2.0, ev.AudioDrained, 1) == []
            else:
                story.at(1.5, ev.TranscriptReceived, ANN, "stop it", True)
            assert story.until(20.0) == []
