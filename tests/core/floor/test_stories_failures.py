"""Stories: a part fails, or is not in time, and the agent is heard all the same."""

from __future__ import annotations

from typing import Any

import pytest

from vision_agents.core.floor import FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.replying import NOT_APOLOGISED

from .story import ANN, BOB, Story, committed, kinds, knobs, speaking

SORRY = "Sorry, something went wrong."

AGAIN: dict[str, Any] = {"again": True}


def asked(apology: str = "", **settings: Any) -> Story:
    """Ann asked at 0.0; reply 1 is made for her since 1.5."""
    story = Story(knobs(**settings), apology=apology)
    story.asks(ANN, "how are you")
    return story


def failed(story: Story, when: float, reply: int) -> list[fx.Effect]:
    """A part fails at a reply of which nothing is heard, and what comes of that at once."""
    effects = story.at(when, ev.ReplyFailed, reply, **AGAIN)
    assert effects[0] == fx.DropReply(reply, "it could not be made")
    return effects[1:]


def listened(story: Story, when: float, words: str) -> list[fx.Effect]:
    """Ann says a listener's words within a third of a second, known half a second later."""
    story.speaks(ANN, when, 0.2)
    story.stops(ANN, when + 0.35, 0.2)
    story.at(when + 0.4, ev.TurnEnded, ANN)
    story.at(when + 0.5, ev.TranscriptReceived, ANN, words, True)
    effects = story.at(when + 0.5, ev.TranscriptCompleted, ANN, story.floor._turns[ANN].words.request)
    return [effect for effect in effects if isinstance(effect, fx.RecordTurn | fx.BeginReply)]


class TestAnAnswer:
    def test_that_nobody_heard_is_made_anew(self) -> None:
        story = asked()
        assert story.floor.has_failed(1) is False
        assert failed(story, 2.0, 1) == []
        assert story.state() is FloorState.THINKING
        assert story.until(2.49) == []
        assert story.until(2.5) == [fx.BeginReply(2, 0, answer=True)]
        assert [story.floor.has_failed(reply) for reply in (1, 2, 3)] == [False, True, False]
        story.answers(3.0)
        story.at(4.0, ev.AudioDrained, 2)
        assert story.end() == []

    def test_that_fails_again_ends_in_silence_without_an_apology(self) -> None:
        story = asked()
        failed(story, 2.0, 1)
        story.until(2.5)
        assert failed(story, 3.0, 2) == []
        assert story.state() is FloorState.IDLE

    def test_that_fails_again_ends_in_the_apology(self) -> None:
        story = asked(SORRY)
        failed(story, 2.0, 1)
        story.until(2.5)
        assert failed(story, 3.0, 2) == [fx.BeginReply(3, 0, answer=False, filler=SORRY)]
        assert failed(story, 4.0, 3) == [], "who apologises for the apology?"
        assert story.until(4.5) == [fx.BeginReply(4, 0, answer=False, filler=SORRY)], "but it is made once more"
        silence, dropped = story.at(5.0, ev.ReplyFailed, 4, **AGAIN)
        assert silence == fx.AnnounceFailure(4, NOT_APOLOGISED)
        assert dropped == fx.DropReply(4, "it could not be made")
        assert story.state() is FloorState.IDLE

    def test_that_fails_again_has_no_other_apology_than_the_one_that_is_heard(self) -> None:
        story = asked(SORRY, retries=0)
        assert failed(story, 2.0, 1) == [fx.BeginReply(2, 0, answer=False, filler=SORRY)]
        story.answers(3.0)
        assert story.at(4.0, ev.ReplyFailed, 2, **AGAIN, begun=True) == []
        assert story.at(5.0, ev.AudioDrained, 2) == []
        assert story.end() == []

    def test_is_tried_as_often_as_the_policy_says(self) -> None:
        story = asked(SORRY, retries=2, retry_after=1.0)
        for reply in (1, 2):
            failed(story, reply * 2.0, reply)
            assert story.until(reply * 2.0 + 1.0) == [fx.BeginReply(reply + 1, 0, answer=True)]
        assert failed(story, 6.0, 3) == [fx.BeginReply(4, 0, answer=False, filler=SORRY)]
        assert failed(asked(SORRY, retries=0), 2.0, 1) == [fx.BeginReply(2, 0, answer=False, filler=SORRY)]

    def test_of_which_no_sound_comes_in_time(self) -> None:
        story = asked(SORRY)
        assert story.until(21.5) == [
            fx.AnnounceFailure(1, "no sound in time: 20 s (reply_timeout)"),
            fx.DropReply(1, "no sound in time"),
        ]
        assert story.until(22.0) == [fx.BeginReply(2, 0, answer=True)]
        assert kinds(story.until(27.0)) == [fx.AnnounceFailure, fx.DropReply, fx.BeginReply]
        assert story.floor.reply == 3

    def test_is_no_longer_wanted_by_who_says_more(self) -> None:
        """There is one answer, to all that was said, and it has its own attempts."""
        story = asked()
        failed(story, 2.0, 1)
        story.speaks(ANN, 2.2, 0.96)
        story.stops(ANN, 3.4, 0.96)
        story.at(3.5, ev.TurnEnded, ANN)
        story.at(3.6, ev.TranscriptReceived, ANN, "and you", True)
        assert story.at(3.6, ev.TranscriptCompleted, ANN, 2) == [
            fx.RecordTurn(ANN, "and you"),
            fx.BeginReply(2, 0, answer=True),
        ]
        assert failed(story, 4.0, 2) == []
        assert story.until(4.5) == [fx.BeginReply(3, 0, answer=True)]

    def test_waits_for_who_makes_a_noise(self) -> None:
        story = asked()
        failed(story, 2.0, 1)
        story.at(2.4, ev.SpeechStarted, ANN)
        story.stops(ANN, 2.7, 0.1)
        assert fx.BeginReply(2, 0, answer=True) in story.end()

    def test_is_not_wanted_when_code_interrupts(self) -> None:
        story = asked(SORRY)
        failed(story, 2.0, 1)
        story.at(2.1, ev.InterruptRequested)
        assert story.end() == []

    def test_is_not_wanted_when_everybody_has_left(self) -> None:
        story = asked(SORRY)
        failed(story, 2.0, 1)
        story.at(2.1, ev.ParticipantLeft, ANN)
        assert story.end() == []

    def test_keeps_its_place_before_what_code_wants_said(self) -> None:
        story = asked()
        story.at(1.8, ev.ReplyRequested, 2)
        assert failed(story, 2.0, 1) == []
        assert story.until(2.5) == [fx.BeginReply(3, 0, answer=True)]
        story.answers(2.8)
        assert story.at(4.0, ev.AudioDrained, 3) == [fx.BeginReply(2, 0, answer=False)]

    @pytest.mark.parametrize("words", ["uh-huh", "okay, yeah"])
    def test_is_wanted_still_by_who_only_listens(self, words: str) -> None:
        """A listener's word takes the place of nothing, however late: the attempts are counted on."""
        story = asked(SORRY)
        failed(story, 2.0, 1)
        assert listened(story, 2.1, words) == [fx.RecordTurn(ANN, words), fx.BeginReply(2, 0, answer=True)]
        assert failed(story, 3.5, 2) == [fx.BeginReply(3, 0, answer=False, filler=SORRY)]

    def test_has_less_time_for_each_further_attempt(self) -> None:
        story = asked(SORRY, retries=2)
        assert kinds(story.until(21.5)) == [fx.AnnounceFailure, fx.DropReply]
        for reply, at in ((2, 22.0), (3, 27.5)):
            assert story.until(at) == [fx.BeginReply(reply, 0, answer=True)]
            assert fx.AnnounceFailure(reply, "no sound in time: 5 s (retry_timeout)") in story.until(at + 5.0)
        assert story.floor._replies.reply is not None
        assert story.floor._replies.reply.attempt.is_apology, "the apology, after 31 s in all"

    def test_has_the_time_that_the_first_attempt_has_left(self) -> None:
        story = asked(SORRY)
        failed(story, 2.0, 1)
        assert story.until(21.4) == [fx.BeginReply(2, 0, answer=True)]
        limit = fx.AnnounceFailure(2, "no sound in time: 19 s (reply_timeout)")
        assert story.until(21.5) == [
            limit,
            fx.DropReply(2, "no sound in time"),
            fx.BeginReply(3, 0, answer=False, filler=SORRY),
        ]

    @pytest.mark.parametrize("attempt", [1, 2])
    def test_has_its_time_beside_that_of_functions(self, attempt: int) -> None:
        story = asked(SORRY)
        if attempt == 2:
            failed(story, 2.0, 1)
            story.until(2.5)
        story.at(3.0, ev.FunctionStarted, attempt)
        story.at(23.0, ev.FunctionEnded, attempt)
        if attempt == 1:
            failed(story, 23.5, 1)
            story.until(24.0)
        assert story.until(41.4) == []
        assert fx.AnnounceFailure in kinds(story.until(41.5)), "20 s beside those of the function"

    def test_still_interrupted_by_whom_it_answers_only(self) -> None:
        story = asked(interruptible_by="spoken_to")
        failed(story, 2.0, 1)
        story.until(2.5)
        story.answers(3.0)
        assert fx.Hold not in kinds(story.speaks(BOB, 3.1, 0.3))
        assert fx.Hold in kinds(story.speaks(ANN, 3.6, 0.3))


class TestWhatWasHeardInPart:
    def test_is_gone_on_with_when_it_was_heard(self) -> None:
        story = speaking()
        assert story.at(3.0, ev.ReplyFailed, 1, **AGAIN) == []
        assert story.floor.may_continue(1)
        assert story.at(3.2, ev.AudioDrained, 1) == []
        assert story.until(3.5) == [fx.BeginReply(2, 0, answer=False, continues=1)]
        story.answers(4.0)
        story.at(5.0, ev.AudioDrained, 2)
        assert story.end() == []

    def test_at_once_if_it_plays_long_after_the_failure(self) -> None:
        story = speaking()
        story.at(3.0, ev.ReplyFailed, 1, **AGAIN)
        story.at(5.0, ev.AudioProgressed, 1)
        assert story.at(6.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=False, continues=1)]

    def test_with_the_apology_after_the_last_attempt(self) -> None:
        story = Story(knobs(), apology=SORRY)
        story.asks(ANN, "how are you")
        for reply in (1, 2):
            story.answers(reply * 2.0)
            story.at(reply * 2.0 + 0.1, ev.ReplyFailed, reply, **AGAIN)
            assert story.floor.may_continue(reply) is (reply == 1)
            effects = story.at(reply * 2.0 + 0.8, ev.AudioDrained, reply)
        assert effects == [fx.BeginReply(3, 0, answer=False, filler=SORRY)]

    def test_if_there_was_some_sound_that_nobody_heard_yet(self) -> None:
        story = asked()
        assert story.at(2.0, ev.ReplyFailed, 1, begun=True, **AGAIN) == []
        story.at(2.1, ev.AudioStarted, 1)
        assert story.at(3.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=False, continues=1)]

    def test_and_stalls(self) -> None:
        story = speaking()
        assert story.until(10.0) == [
            fx.AnnounceFailure(1, "the sound stalled: 8 s (stall_timeout)"),
            fx.DropReply(1, "the sound stalled"),
        ]
        assert story.until(10.5) == [fx.BeginReply(2, 0, answer=False, continues=1)]

    def test_also_after_a_listeners_word(self) -> None:
        story = speaking()
        story.at(3.0, ev.ReplyFailed, 1, **AGAIN)
        story.at(3.2, ev.AudioDrained, 1)
        rest = fx.BeginReply(2, 0, answer=False, continues=1)
        assert listened(story, 3.25, "uh-huh") == [fx.RecordTurn(ANN, "uh-huh"), rest]

    def test_unless_that_answers_the_question_it_broke_off_at(self) -> None:
        story = speaking()
        story.at(2.8, ev.AgentWordsPlayed, 1, "shall I pay?")
        story.at(3.0, ev.ReplyFailed, 1, **AGAIN)
        story.at(3.2, ev.AudioDrained, 1)
        assert listened(story, 3.25, "yes")[-1] == fx.BeginReply(2, 0, answer=True)

    @pytest.mark.parametrize("words", ["works for me", "I don't mind", "mm", "surely"])
    def test_nor_does_a_list_decide_what_consents_to_it(self, words: str) -> None:
        story = speaking()
        story.at(2.8, ev.AgentWordsPlayed, 1, "Shall I book Tuesday?")
        story.at(3.0, ev.ReplyFailed, 1, **AGAIN)
        story.at(3.2, ev.AudioDrained, 1)
        assert listened(story, 3.25, words)[-1] == fx.BeginReply(2, 0, answer=True)

    def test_unless_somebody_interrupts_it(self) -> None:
        story = speaking()
        story.at(3.0, ev.ReplyFailed, 1, **AGAIN)
        assert committed(story.speaks(ANN, 3.1, 0.64))[1] == 1
        story.stops(ANN, 4.0, 0.64)
        story.at(4.1, ev.TurnEnded, ANN)
        story.at(4.2, ev.TranscriptReceived, ANN, "stop", True)
        assert fx.BeginReply(2, 1, answer=True) in story.at(4.2, ev.TranscriptCompleted, ANN, 2)
        story.answers(4.5)
        story.at(5.0, ev.AudioDrained, 2)
        assert story.end() == []


class TestWhatCodeWantsSaid:
    @pytest.mark.parametrize("interruptible", [True, False])
    def test_is_said_once_more_and_stays_as_it_was(self, interruptible: bool) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1, interruptible)
        assert failed(story, 1.0, 1) == []
        assert story.floor.may_continue(1)
        assert story.until(1.5) == [fx.BeginReply(2, 0, answer=False, continues=1)]
        assert story.floor.may_continue(1)
        story.answers(2.0)
        assert (fx.Hold in kinds(story.speaks(ANN, 2.1, 0.3))) is interruptible

    def test_that_must_be_heard_is_said_though_an_answer_waits(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.asks_while_others_speak(ANN, "how are you", 0.1)
        assert failed(story, 2.0, 1) == []
        assert story.until(2.5) == [fx.BeginReply(2, 0, answer=False, continues=1)]
        story.answers(2.7)
        assert story.at(3.0, ev.AudioDrained, 2) == [fx.BeginReply(3, 0, answer=True)]

    def test_that_must_be_heard_goes_before_the_answer_to_words_of_the_same_moment(self) -> None:
        """As random seed 103 of the laws had it: the words are all, and the reply is late, at once."""
        story = Story(knobs(reply_timeout=4.4, retry_after=0.0, transcript_timeout=3.0))
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.speaks(ANN, 0.1, 0.96)
        story.at(1.2, ev.TranscriptReceived, ANN, "how are you", False)
        story.stops(ANN, 1.3, 0.96)
        story.at(1.4, ev.TurnEnded, ANN)
        effects = story.until(4.4)
        assert fx.RecordTurn(ANN, "how are you") in effects
        assert effects[-1] == fx.BeginReply(2, 0, answer=False, continues=1)
        story.answers(5.0)
        assert story.at(6.0, ev.AudioDrained, 2) == [fx.BeginReply(3, 0, answer=True)]

    @pytest.mark.parametrize("interruptible", [True, False])
    @pytest.mark.parametrize("later", [0.5, 1.2])
    def test_keeps_its_place_before_what_was_wanted_after_it(self, interruptible: bool, later: float) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1, interruptible)
        if later < 1.0:
            story.at(later, ev.ReplyRequested, 2)
        assert failed(story, 1.0, 1) == []
        if later > 1.0:
            assert story.at(later, ev.ReplyRequested, 2) == []
        story.at(1.3, ev.ReplyRequested, 3)
        assert story.until(1.5) == [fx.BeginReply(4, 0, answer=False, continues=1)]
        assert failed(story, 1.6, 4) == [fx.BeginReply(2, 0, answer=False)], "and there are no more attempts"
        assert failed(story, 1.7, 2) == []
        assert story.until(2.2) == [fx.BeginReply(5, 0, answer=False, continues=2)]
        story.answers(2.5)
        assert story.at(3.0, ev.AudioDrained, 5) == [fx.BeginReply(3, 0, answer=False)]

    def test_that_is_lost_is_apologised_for_once_in_a_pause(self) -> None:
        story = Story(knobs(retries=0), apology=SORRY)
        for number in (1, 2, 3, 4):
            story.at(0.0, ev.ReplyRequested, number)
        assert failed(story, 1.0, 1) == [fx.BeginReply(5, 0, answer=False, filler=SORRY)]
        story.answers(1.2)
        assert story.at(2.0, ev.AudioDrained, 5) == [fx.BeginReply(2, 0, answer=False)]
        assert failed(story, 2.1, 2) == [fx.BeginReply(3, 0, answer=False)]
        story.answers(2.2)
        assert story.at(3.0, ev.AudioDrained, 3) == [fx.BeginReply(4, 0, answer=False)]
        assert failed(story, 3.1, 4) == [fx.BeginReply(6, 0, answer=False, filler=SORRY)], "something else was heard"

    @pytest.mark.parametrize("wanted", [1.5, 3600.0])
    def test_that_is_lost_later_is_apologised_for_by_itself(self, wanted: float) -> None:
        """Who has heard the apology for one thing does not know that another was wanted since, and is lost."""
        story = Story(knobs(retries=0), apology=SORRY)
        story.at(0.0, ev.ReplyRequested, 1)
        assert failed(story, 0.5, 1) == [fx.BeginReply(2, 0, answer=False, filler=SORRY)]
        story.answers(0.6)
        story.at(1.0, ev.AudioDrained, 2)
        story.at(wanted, ev.ReplyRequested, 3)
        assert failed(story, wanted + 0.5, 3) == [fx.BeginReply(4, 0, answer=False, filler=SORRY)]

    def test_that_is_lost_is_not_apologised_for_since_its_attempts_took_long(self) -> None:
        story = Story(apology=SORRY)
        for number in (1, 2):
            story.at(0.0, ev.ReplyRequested, number)
        failed(story, 0.1, 1)
        story.until(0.6)
        assert failed(story, 0.7, 3) == [fx.BeginReply(4, 0, answer=False, filler=SORRY)]
        story.answers(0.8)
        assert story.at(1.0, ev.AudioDrained, 4) == [fx.BeginReply(2, 0, answer=False)]
        failed(story, 9.0, 2)
        story.until(9.5)
        assert failed(story, 20.0, 5) == [], "it was wanted before the apology, with the other"

    def test_that_is_lost_takes_no_apology_from_who_asks(self) -> None:
        story = Story(knobs(retries=0), apology=SORRY)
        story.at(0.0, ev.ReplyRequested, 1)
        assert failed(story, 0.1, 1) == [fx.BeginReply(2, 0, answer=False, filler=SORRY)]
        story.answers(0.2)
        story.at(1.0, ev.AudioDrained, 2)
        story.asks(ANN, "how are you", 1.5)
        assert failed(story, 3.5, 3) == [fx.BeginReply(4, 0, answer=False, filler=SORRY)]

    @pytest.mark.parametrize("words", ["thanks", "okay"])
    def test_that_is_tried_again_takes_the_place_of_no_answer(self, words: str) -> None:
        """It answers nobody: who says something meanwhile has said it to the agent."""
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        failed(story, 1.2, 1)
        assert listened(story, 1.25, words)[-1] == fx.BeginReply(2, 0, answer=True)

    def test_that_is_lost_is_apologised_for_in_its_place(self) -> None:
        story = Story(knobs(retries=0), apology=SORRY)
        for number in (1, 2):
            story.at(0.0, ev.ReplyRequested, number)
        assert failed(story, 1.0, 1) == [fx.BeginReply(3, 0, answer=False, filler=SORRY)]
        story.answers(1.2)
        assert story.at(2.0, ev.AudioDrained, 3) == [fx.BeginReply(2, 0, answer=False)]

    def test_is_not_said_again_if_an_answer_waits(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        story.floor._replies.want_answer(0.0)
        assert failed(story, 2.0, 1) == [fx.BeginReply(2, 0, answer=True)]
        story.answers(2.2)
        assert story.at(3.0, ev.AudioDrained, 2) == []

    def test_inside_an_answer_is_told_to_the_function_alone(self) -> None:
        story = Story(answers=False, apology=SORRY)
        story.at(0.0, ev.ReplyRequested, 1, within=0)
        assert failed(story, 1.0, 1) == []
        assert story.end() == []

    def test_is_tried_no_sooner_and_no_oftener_for_a_noise(self) -> None:
        story = Story(apology=SORRY)
        story.at(0.0, ev.ReplyRequested, 1)
        failed(story, 1.2, 1)
        story.speaks(ANN, 1.25, 0.1)
        story.stops(ANN, 1.4, 0.1)
        story.at(1.5, ev.TurnEnded, ANN)
        assert fx.BeginReply not in kinds(story.finds_no_words(ANN, 1.6, 1))
        assert story.until(1.7) == [fx.BeginReply(2, 0, answer=False, continues=1)]
        assert failed(story, 1.8, 2) == [fx.BeginReply(3, 0, answer=False, filler=SORRY)]


class TestFunctions:
    def test_that_runs_is_not_called_again_if_its_result_is_told_by_itself(self) -> None:
        story = asked(SORRY)
        story.at(1.6, ev.FunctionStarted, 1, told=True)
        story.at(1.7, ev.FunctionStarted, 1)
        assert failed(story, 2.0, 1) == []
        for _ in range(2):
            story.at(2.0, ev.FunctionEnded, 1)
        assert story.until(9.0) == []
        assert story.at(9.0, ev.FunctionFound, 0) == [fx.BeginReply(2, 0, answer=False, news=True)]

    @pytest.mark.parametrize("heard", [False, True])
    def test_that_runs_and_is_not_told_of_is_asked_about(self, heard: bool) -> None:
        story = asked()
        story.at(1.6, ev.FunctionStarted, 1)
        failed(story, 2.0, 1)
        story.at(2.0, ev.FunctionEnded, 1)
        assert story.until(2.5) == [fx.BeginReply(2, 0, answer=True)]

    def test_that_runs_while_what_was_said_before_it_fails_to_sound(self) -> None:
        story = speaking()
        story.at(2.1, ev.FunctionStarted, 1, told=True)
        story.at(2.2, ev.ReplyFailed, 1, **AGAIN)
        story.at(2.2, ev.FunctionEnded, 1)
        assert story.at(3.0, ev.AudioDrained, 1) == []
        assert story.end() == []

    def test_that_never_returns_is_not_called_again(self) -> None:
        story = asked(SORRY)
        story.at(1.6, ev.FunctionStarted, 1)
        assert story.until(121.6) == [
            fx.AnnounceFailure(1, "a function did not return: 120 s (function_limit)"),
            fx.DropReply(1, "a function did not return"),
            fx.BeginReply(2, 0, answer=False, filler=SORRY),
        ]

    def test_of_which_the_result_could_not_be_told(self) -> None:
        story = asked(SORRY)
        story.answers(2.0)
        story.at(3.0, ev.AudioDrained, 1)
        assert kinds(story.at(4.0, ev.FunctionFound, 0)) == [fx.BeginReply]
        assert failed(story, 5.0, 2) == []
        assert story.until(5.5) == [fx.BeginReply(3, 0, answer=False, news=True)]
        assert failed(story, 6.0, 3) == [], "nobody has asked"

    def lost(self) -> Story:
        """What was to answer Ann failed at 2.0 while a function ran of which the result is told by itself."""
        story = asked(SORRY)
        story.at(1.6, ev.FunctionStarted, 1, told=True)
        failed(story, 2.0, 1)
        story.at(2.0, ev.FunctionEnded, 1)
        return story

    def untold(self, story: Story, when: float, reply: int) -> None:
        """A function found something, which could not be told in this reply, nor in the next one."""
        story.at(when, ev.FunctionFound, 0)
        assert failed(story, when + 0.5, reply) == []
        assert kinds(story.until(when + 1.0)) == [fx.BeginReply]

    def test_that_somebody_waits_for_and_nobody_can_tell_is_apologised_for_and_told_with_the_next_answer(self) -> None:
        story = self.lost()
        self.untold(story, 9.0, 2)
        assert failed(story, 10.5, 3) == [fx.BeginReply(4, 0, answer=False, filler=SORRY)]
        story.answers(11.0)
        story.at(12.0, ev.AudioDrained, 4)
        assert story.floor._replies.shelved
        assert story.end() == []

    def test_that_somebody_waited_for_who_was_answered_since_is_not_apologised_for(self) -> None:
        story = self.lost()
        story.asks(ANN, "never mind", 3.0)
        story.answers(5.0)
        story.at(6.0, ev.AudioDrained, 2)
        self.untold(story, 9.0, 3)
        assert failed(story, 10.5, 4) == []

    def test_that_somebody_waits_for_is_waited_for_while_another_is_answered(self) -> None:
        story = self.lost()
        story.at(2.5, ev.ParticipantJoined, BOB)
        story.asks(BOB, "what time is it", 3.0)
        story.answers(5.0)
        story.at(6.0, ev.AudioDrained, 2)
        self.untold(story, 9.0, 3)
        assert failed(story, 10.5, 4) == [fx.BeginReply(5, 0, answer=False, filler=SORRY)]

    def test_that_somebody_waited_for_is_told_by_the_answer_to_another(self) -> None:
        story = self.lost()
        story.at(2.5, ev.ParticipantJoined, BOB)
        story.speaks(BOB, 3.0, 0.96)
        story.at(3.97, ev.FunctionFound, 0)
        story.stops(BOB, 4.2, 0.96)
        story.at(4.4, ev.TurnEnded, BOB, 0.9, 1.0, 0.4)
        story.at(4.5, ev.TranscriptReceived, BOB, "well", True)
        assert kinds(story.at(4.5, ev.TranscriptCompleted, BOB, 2)) == [fx.RecordTurn, fx.BeginReply]
        story.answers(5.0)
        story.at(6.0, ev.AudioDrained, 2)
        self.untold(story, 9.0, 3)
        assert failed(story, 10.5, 4) == [], "nobody waits for that"

    def test_that_somebody_waited_for_who_has_left_is_not_apologised_for(self) -> None:
        story = self.lost()
        story.at(2.5, ev.ParticipantJoined, BOB)
        story.at(3.0, ev.ParticipantLeft, ANN)
        self.untold(story, 9.0, 2)
        assert failed(story, 10.5, 3) == []

    def test_that_two_wait_for_is_apologised_for_to_the_one_who_is_left(self) -> None:
        story = self.lost()
        story.at(2.5, ev.ParticipantJoined, BOB)
        story.asks(BOB, "and mine", 3.0)
        story.at(4.6, ev.FunctionStarted, 2, told=True)
        failed(story, 5.0, 2)
        story.at(5.0, ev.FunctionEnded, 2)
        story.at(6.0, ev.ParticipantLeft, ANN)
        self.untold(story, 9.0, 3)
        assert failed(story, 10.5, 4) == [fx.BeginReply(5, 0, answer=False, filler=SORRY)]

    def test_that_somebody_waits_for_is_waited_for_through_a_noise(self) -> None:
        story = self.lost()
        story.at(9.0, ev.FunctionFound, 0)
        assert committed(story.speaks(ANN, 9.1, 0.64))[:2] == (1, 2)
        story.stops(ANN, 10.0, 0.64)
        story.at(10.2, ev.TurnEnded, ANN)
        assert fx.BeginReply(3, 1, answer=False, news=True) in story.finds_no_words(ANN, 10.3, 2)
        failed(story, 10.5, 3)
        story.until(11.0)
        assert failed(story, 11.5, 4) == [fx.BeginReply(5, 1, answer=False, filler=SORRY)]

    def test_of_which_the_result_is_told_by_the_answer_that_comes_first(self) -> None:
        story = asked()
        story.answers(2.0)
        story.at(3.0, ev.AudioDrained, 1)
        story.at(4.0, ev.FunctionFound, 0)
        failed(story, 4.5, 2)
        story.speaks(ANN, 4.6, 0.96)
        story.stops(ANN, 5.8, 0.96)
        story.at(5.9, ev.TurnEnded, ANN)
        story.at(6.0, ev.TranscriptReceived, ANN, "well", True)
        effects = story.at(6.0, ev.TranscriptCompleted, ANN, 2)
        assert effects == [fx.RecordTurn(ANN, "well"), fx.BeginReply(3, 0, answer=True)]
        story.answers(6.5)
        story.at(7.0, ev.AudioDrained, 3)
        assert story.end() == []


class TestRealtime:
    def owing(self, apology: str = "", words: str = "how are you") -> Story:
        """Ann's turn is over at 1.0, with these words; the model owes an answer."""
        story = Story(answers=False, apology=apology)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        if words:
            story.at(1.1, ev.TranscriptReceived, ANN, words, True)
        return story

    def test_a_model_that_does_not_answer_words_is_asked(self) -> None:
        story = self.owing(SORRY)
        assert story.until(21.0) == [fx.AnnounceFailure(0, "no answer in time: 20 s (reply_timeout)")]
        assert story.state() is FloorState.THINKING
        assert story.until(21.5) == [fx.BeginReply(1, 0, answer=False, continues=0)]
        assert kinds(story.until(26.5)) == [fx.AnnounceFailure, fx.DropReply, fx.BeginReply]
        assert kinds(story.until(46.5)) == [fx.AnnounceFailure, fx.DropReply]
        assert story.until(47.0) == [fx.BeginReply(3, 0, answer=False, filler=SORRY)]
        late, silence, dropped = story.until(52.0)
        assert late == fx.AnnounceFailure(3, "no sound in time: 5 s (retry_timeout)")
        assert (silence, type(dropped)) == (fx.AnnounceFailure(3, NOT_APOLOGISED), fx.DropReply)
        assert story.state() is FloorState.IDLE

    @pytest.mark.parametrize("words", ["pay it", ""], ids=["words", "no words yet"])
    def test_what_a_function_found_whose_answer_is_lost_is_told_or_apologised_for(self, words: str) -> None:
        story = self.owing(SORRY, words)
        story.at(1.2, ev.FunctionStarted, 0, told=True)
        story.at(2.0, ev.FunctionEnded, 0)
        story.at(3.0, ev.FunctionFound, 0)
        assert story.until(4.0) == [fx.BeginReply(1, 0, answer=False, news=True)]
        assert failed(story, 4.5, 1) == []
        assert story.until(5.0) == [fx.BeginReply(2, 0, answer=False, news=True)]
        assert failed(story, 5.5, 2) == [fx.BeginReply(3, 0, answer=False, filler=SORRY)]

    def apologising(self) -> Story:
        """A model is asked for the apology since 2.0, and says nothing of it."""
        story = Story(knobs(continuations=0), answers=False, apology=SORRY)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        story.at(1.1, ev.TranscriptReceived, ANN, "how are you", True)
        assert story.at(2.0, ev.AnswerLost) == [fx.BeginReply(1, 0, answer=False, filler=SORRY)]
        return story

    def test_an_apology_that_comes_back_empty_is_asked_for_once_more(self) -> None:
        story = self.apologising()
        assert kinds(story.at(3.0, ev.AnswerLost, 1, False)) == [fx.DropReply]
        assert story.until(3.5) == [fx.BeginReply(2, 0, answer=False, filler=SORRY)]
        assert story.at(4.0, ev.AnswerLost, 2, False) == [
            fx.AnnounceFailure(2, NOT_APOLOGISED),
            fx.DropReply(2, "the model has lost it"),
        ]
        assert story.end() == []

    @pytest.mark.parametrize("words", ["", "hello there my friend"])
    def test_one_that_a_noise_stops_is_made_behind_it_unless_it_was_words(self, words: str) -> None:
        story = self.apologising()
        story.at(3.0, ev.SpeechStarted, ANN, 0.9, 0.03)
        assert fx.DropReply(1, "the model has lost it") in story.at(3.1, ev.AnswerLost, 1, False)
        if words:
            story.at(3.2, ev.TurnStarted, ANN)
            story.at(4.0, ev.TurnEnded, ANN)
            assert story.at(4.1, ev.TranscriptReceived, ANN, words, True) == [fx.RecordTurn(ANN, words)]
            assert story.at(4.2, ev.ReplyStarted, 2) == []
            story.answers(4.3)
            assert story.at(6.0, ev.AudioDrained, 2) == []
        else:
            story.stops(ANN, 3.3, 0.1)
            assert fx.BeginReply(2, 0, answer=False, filler=SORRY) in story.until(8.0)

    def test_a_model_need_not_answer_a_noise(self) -> None:
        assert self.owing(SORRY, words="").end() == []

    def test_a_model_without_retries_has_the_caller_apologised_to_at_once(self) -> None:
        story = Story(knobs(retries=0), answers=False, apology=SORRY)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        story.at(1.1, ev.TranscriptReceived, ANN, "how are you", True)
        assert story.until(21.0)[-1] == fx.BeginReply(1, 0, answer=False, filler=SORRY)

    def test_each_answer_that_is_lost_before_it_begins_is_apologised_for_at_once(self) -> None:
        story = Story(knobs(continuations=0), answers=False, apology=SORRY)
        for number, at in ((1, 0.0), (2, 10.0), (3, 20.0)):
            story.at(at, ev.TurnStarted, ANN)
            story.at(at + 1.0, ev.TurnEnded, ANN)
            story.at(at + 1.1, ev.TranscriptReceived, ANN, "how are you", True)
            assert story.at(at + 2.0, ev.AnswerLost) == [fx.BeginReply(number, 0, answer=False, filler=SORRY)]
            story.answers(at + 3.0)
            story.at(at + 4.0, ev.AudioDrained, number)
            assert story.state() is FloorState.IDLE, "and it is owed no more"

    def test_an_apology_that_waits_takes_the_place_of_nothing_that_a_noise_cuts_off(self) -> None:
        story = Story(knobs(continuations=0), answers=False, apology=SORRY)
        story.at(0.0, ev.ReplyRequested, 1)
        story.answers(0.5)
        assert story.at(1.0, ev.AnswerLost) == []
        assert committed(story.at(2.0, ev.TurnStarted, ANN))[:2] == (1, 1)
        assert story.at(3.0, ev.TurnEnded, ANN)[-1] == fx.BeginReply(2, 1, answer=False, filler=SORRY)
        story.answers(3.5)
        story.at(4.0, ev.AudioDrained, 2)
        assert story.until(6.0) == [fx.BeginReply(3, 1, answer=False, continues=1)]

    def test_so_is_each_that_waits_to_be_heard(self) -> None:
        story = Story(knobs(continuations=0), answers=False, apology=SORRY)
        story.at(0.0, ev.ReplyRequested, 1)
        story.at(0.1, ev.AnswerLost, 1)
        assert kinds(story.at(0.2, ev.AudioDrained, 1)) == [fx.BeginReply]
        story.answers(0.3)
        story.at(1.0, ev.AudioDrained, 2)
        story.at(2.0, ev.ReplyRequested, 3, False)
        story.at(3.0, ev.TurnStarted, ANN)
        story.at(4.0, ev.TurnEnded, ANN)
        story.at(4.1, ev.ReplyStarted, 4)
        story.at(4.2, ev.AnswerLost, 4)
        story.at(4.3, ev.AudioDrained, 4)
        turned_out_empty = story.at(5.0, ev.AudioDrained, 3)
        assert turned_out_empty == [fx.BeginReply(5, 0, answer=False, filler=SORRY)]

    def broken_off(self, story: Story, interruptible: bool, *, late: bool) -> list[fx.Effect]:
        """A service breaks off what it says at each attempt, halfway, or behind its end."""
        number, at = 1, 0.0
        story.at(0.0, ev.ReplyRequested, 1, interruptible)
        effects: list[fx.Effect] = []
        while story.floor.reply is not None:
            assert number < 9, "there is no end of it"
            at, number = at + 1.0, story.answers(at + 0.5)
            events = [(ev.AnswerLost, number), (ev.AudioDrained, number)]
            for kind, *facts in reversed(events) if late else events:
                effects += story.at(at, kind, *facts)
        return effects + story.end()

    @pytest.mark.parametrize("late", [False, True])
    @pytest.mark.parametrize("interruptible", [True, False])
    def test_what_is_broken_off_each_time_ends_in_the_apology(self, interruptible: bool, late: bool) -> None:
        story = Story(knobs(continuations=2), answers=False, apology=SORRY)
        assert self.broken_off(story, interruptible, late=late) == [
            fx.BeginReply(2, 0, answer=False, continues=1),
            fx.BeginReply(3, 0, answer=False, continues=2),
            fx.BeginReply(4, 0, answer=False, filler=SORRY),
        ]

    @pytest.mark.parametrize("interruptible", [True, False])
    def test_what_is_broken_off_behind_its_end_stays_as_it_was(self, interruptible: bool) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1, interruptible)
        story.answers(0.5)
        story.at(1.0, ev.AudioDrained, 1)
        assert story.at(1.1, ev.AnswerLost, 1) == [fx.BeginReply(2, 0, answer=False, continues=1)]
        story.answers(1.5)
        assert (fx.Hold in kinds(story.speaks(ANN, 2.0, 0.3))) is interruptible

    def test_the_rest_of_an_answer_is_interrupted_by_whom_it_answers_only(self) -> None:
        story = Story(knobs(interruptible_by="spoken_to"), answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        story.at(1.5, ev.ReplyStarted, 1)
        story.answers(1.6)
        story.at(2.0, ev.AnswerLost, 1)
        assert kinds(story.at(2.5, ev.AudioDrained, 1)) == [fx.BeginReply]
        story.answers(3.0)
        assert fx.Hold not in kinds(story.speaks(BOB, 3.1, 0.3))
        assert fx.Hold in kinds(story.speaks(ANN, 3.6, 0.3))

    def test_noises_before_its_first_sound_are_no_failures(self) -> None:
        story = Story(answers=False, apology=SORRY)
        story.at(0.0, ev.ReplyRequested, 1)
        for number in (1, 2, 3):
            at = number * 5.0
            story.speaks(ANN, at, 0.1)
            lost = story.at(at + 0.2, ev.AnswerLost, number, False)
            assert fx.DropReply(number, "the model has lost it") in lost
            assert story.floor.may_continue(number)
            assert story.until(at + 4.9)[-1] == fx.BeginReply(number + 1, 0, answer=False, continues=number)

    def test_news_that_a_noise_stops_is_told_once_more(self) -> None:
        story = Story(answers=False)
        assert story.at(0.0, ev.FunctionFound, 0) == [fx.BeginReply(1, 0, answer=False, news=True)]
        story.speaks(ANN, 1.0, 0.1)
        story.at(1.2, ev.AnswerLost, 1, False)
        assert story.until(5.0)[-1] == fx.BeginReply(2, 0, answer=False, news=True)

    @pytest.mark.parametrize("first", ["words", "end"])
    def test_a_listeners_word_takes_the_place_of_nothing_in_either_order(self, first: str) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.answers(0.2)
        assert fx.Commit in kinds(story.at(1.0, ev.TurnStarted, ANN))
        ends = (ev.TurnEnded, ANN)
        events = [(ev.TranscriptReceived, ANN, "uh-huh", True), ends]
        for kind, *facts in events if first == "words" else reversed(events):
            story.at(2.0, kind, *facts)
        assert story.until(4.0) == [fx.BeginReply(2, 1, answer=False, continues=1)]

    def test_what_a_noise_stops_is_gone_on_with_each_time(self) -> None:
        story = Story(knobs(continuations=0), answers=False, apology=SORRY)
        story.at(0.0, ev.ReplyRequested, 1)
        for number in (1, 2, 3):
            at = number * 5.0
            story.until(at)
            assert story.answers(at) == number
            story.speaks(ANN, at + 0.1, 0.1)
            story.at(at + 0.3, ev.AnswerLost, number)
            story.at(at + 0.3, ev.AudioDrained, number)
        assert story.until(20.0)[-1] == fx.BeginReply(4, 0, answer=False, continues=3)

    def test_nobody_is_apologised_to_who_talks_over_what_must_be_heard(self) -> None:
        story = Story(knobs(continuations=0), answers=False, apology=SORRY)
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.answers(0.5)
        story.at(1.0, ev.TurnStarted, ANN)
        story.at(1.1, ev.AnswerLost, 1)
        story.at(1.2, ev.AudioDrained, 1)
        assert fx.BeginReply not in kinds(story.end())

    def test_only_so_many_rests_wait(self) -> None:
        story = Story(knobs(queue_limit=1), answers=False)
        for number in (1, 2):
            story.at(0.0, ev.ReplyRequested, number, False)
        story.at(0.5, ev.AudioStarted, 1)
        story.at(0.6, ev.AnswerLost, 1)
        story.at(0.7, ev.AudioDrained, 1)
        assert kinds(failed(story, 0.8, 2)) == [fx.BeginReply], "the rest of the first one"
        assert story.floor.may_continue(2) is False

    def test_an_answer_that_comes_while_the_next_attempt_waits_is_the_answer(self) -> None:
        story = self.owing()
        story.until(21.2)
        story.at(21.3, ev.ReplyStarted, 1)
        story.answers(21.4)
        story.at(22.0, ev.AudioDrained, 1)
        assert story.end() == []

    def test_an_answer_that_stalls_is_gone_on_with(self) -> None:
        story = self.owing()
        story.at(1.5, ev.ReplyStarted, 1)
        story.answers(1.6)
        assert kinds(story.until(9.6)) == [fx.AnnounceFailure, fx.DropReply]
        assert story.until(10.1) == [fx.BeginReply(2, 0, answer=False, continues=1)]

    @pytest.mark.parametrize(("began", "goes_on"), [(0.0, True), (9.7, False)])
    def test_words_of_a_later_turn_alone_take_the_place_of_what_follows(self, began: float, goes_on: bool) -> None:
        story = self.owing(words="")
        story.at(1.5, ev.ReplyStarted, 1)
        story.answers(1.6)
        story.until(9.6)
        story.at(9.8, ev.TranscriptReceived, ANN, "how are you", True, began=began)
        assert story.until(10.1) == ([fx.BeginReply(2, 0, answer=False, continues=1)] if goes_on else [])

    def test_an_answer_that_the_model_says_is_lost_is_asked_for_once(self) -> None:
        story = self.owing()
        story.at(1.5, ev.ReplyStarted, 1)
        story.at(1.6, ev.AnswerLost, 1)
        assert kinds(story.at(1.7, ev.ReplyFailed, 1, **AGAIN)) == [fx.DropReply, fx.BeginReply]
        story.answers(2.0)
        story.at(3.0, ev.AudioDrained, 2)
        assert story.end() == []

    def test_a_rest_that_must_be_heard_is_asked_for_once(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.at(0.5, ev.AnswerLost, 1)
        assert kinds(story.at(0.6, ev.ReplyFailed, 1, **AGAIN)) == [fx.DropReply, fx.BeginReply]
        story.answers(2.0)
        story.at(3.0, ev.AudioDrained, 2)
        assert story.end() == []
