"""Stories: functions that run for a reply, what is said meanwhile, and what comes of those that nobody waits for."""

from __future__ import annotations

from typing import Any

import pytest

from vision_agents.core.floor import FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev

from .story import ANN, BOB, Story, committed, kinds, knobs, speaking


def calling(story: Story | None = None) -> Story:
    """Reply 1 answers Ann, and needs a function since 2.0; nothing of it was said."""
    if story is None:
        story = Story()
    story.asks(ANN, "my balance please")
    story.at(2.0, ev.FunctionStarted, 1)
    return story


class TestWhatAFunctionSays:
    def test_it_is_said_inside_the_reply_that_waits_for_it(self) -> None:
        story = calling()
        assert story.at(2.1, ev.ReplyRequested, 2, within=1) == [fx.InsertSpeech(2, 1)]
        assert story.at(2.5, ev.AudioStarted, 1) == []
        assert story.at(3.5, ev.AudioDrained, 2) == []
        assert story.floor.reply == 1
        assert story.at(4.0, ev.FunctionEnded, 1) == []
        assert story.at(6.0, ev.AudioDrained, 1) == []
        assert story.state() is FloorState.IDLE

    def test_it_goes_before_what_waits(self) -> None:
        story = calling()
        assert story.at(2.1, ev.ReplyRequested, 2) == []
        assert story.at(2.2, ev.ReplyRequested, 3, within=1) == [fx.InsertSpeech(3, 1)]

    def test_it_never_cuts_its_own_reply_off(self) -> None:
        story = calling()
        assert story.at(2.1, ev.ReplyRequested, 2, interrupts=True, within=1) == [fx.InsertSpeech(2, 1)]
        assert story.floor.epoch == 0

    def test_of_a_reply_that_is_over_it_waits_its_turn(self) -> None:
        story = calling()
        story.at(2.1, ev.InterruptRequested)
        assert story.at(2.2, ev.ReplyRequested, 2, within=1) == [fx.BeginReply(2, 1, answer=False)]

    def test_an_interruption_ends_it_too(self) -> None:
        story = calling()
        story.at(2.1, ev.ReplyRequested, 2, within=1)
        story.at(2.5, ev.AudioStarted, 1)
        assert committed(story.speaks(ANN, 3.0, 1.0))[:2] == (1, 1)
        assert story.at(4.1, ev.AudioDrained, 2) == []

    def test_what_may_not_be_interrupted_protects_the_reply_until_it_was_heard(self) -> None:
        story = calling()
        story.at(2.1, ev.ReplyRequested, 2, False, within=1)
        story.at(2.5, ev.AudioStarted, 1)
        assert fx.Commit not in kinds(story.speaks(ANN, 2.6, 1.2))
        story.stops(ANN, 4.0, 1.2)
        story.at(4.1, ev.AudioDrained, 2)
        story.at(4.2, ev.TurnEnded, ANN)
        story.finds_no_words(ANN, 4.3, story.floor._taking.last_request)
        assert fx.Commit in kinds(story.speaks(ANN, 5.0, 1.2))

    def test_it_ends_a_challenge_that_runs(self) -> None:
        story = calling()
        story.at(2.1, ev.AudioStarted, 1)
        assert fx.Hold in kinds(story.speaks(ANN, 2.2, 0.2))
        effects = story.at(2.45, ev.ReplyRequested, 2, False, within=1)
        assert kinds(effects) == [fx.InsertSpeech, fx.Resume]

    def test_a_challenge_that_holds_nothing_ends_without_a_word(self) -> None:
        story = calling(Story(knobs(hold=False)))
        story.at(2.1, ev.AudioStarted, 1)
        story.speaks(ANN, 2.2, 0.2)
        assert kinds(story.at(2.45, ev.ReplyRequested, 2, False, within=1)) == [fx.InsertSpeech]

    def test_what_cannot_be_made_leaves_the_reply_alone(self) -> None:
        story = calling()
        story.at(2.1, ev.ReplyRequested, 2, False, within=1)
        assert story.at(2.2, ev.ReplyFailed, 2) == []
        assert fx.Hold in kinds(story.speaks(ANN, 2.3, 0.2))

    def test_a_synthesis_that_hangs_is_not_waited_for_as_a_function_is(self) -> None:
        story = calling(Story(knobs(stall_timeout=3.0)))
        story.at(2.1, ev.AudioStarted, 1)
        assert story.until(60.0) == []
        story.at(60.0, ev.ReplyRequested, 2, within=1)
        assert fx.DropReply(1, "the sound stalled") in story.until(63.1)

    def test_there_is_a_limit(self) -> None:
        story = calling(Story(knobs(queue_limit=1)))
        assert kinds(story.at(2.1, ev.ReplyRequested, 2, within=1)) == [fx.InsertSpeech]
        assert kinds(story.at(2.1, ev.ReplyRequested, 3, within=1)) == [fx.DropReply]


class TestFillers:
    def test_one_is_said_when_the_reply_is_silent_for_long(self) -> None:
        story = Story()
        story.asks(ANN, "my balance please")
        assert story.at(2.0, ev.FunctionStarted, 1, "one moment", 2.0) == []
        assert story.until(3.9) == []
        assert story.until(4.0) == [fx.InsertSpeech(2, 1, "one moment")]
        assert fx.DropReply(1, "no sound in time") in story.until(30.0), "the filler was never made"

    def test_none_where_something_is_said_before(self) -> None:
        story = Story()
        story.asks(ANN, "my balance please")
        story.at(2.0, ev.FunctionStarted, 1, "one moment", 2.0, True)
        assert story.until(100.0) == []

    def test_none_where_the_function_says_something(self) -> None:
        story = Story()
        story.asks(ANN, "my balance please")
        story.at(2.0, ev.FunctionStarted, 1, "one moment", 2.0)
        story.at(2.5, ev.ReplyRequested, 2, within=1)
        story.at(3.0, ev.AudioStarted, 1)
        story.at(3.5, ev.AudioDrained, 2)
        assert story.until(60.0) == []

    def test_the_time_runs_from_the_first_function(self) -> None:
        story = Story()
        story.asks(ANN, "my balance please")
        story.at(2.0, ev.FunctionStarted, 1)
        story.at(5.0, ev.FunctionEnded, 1)
        assert story.at(5.5, ev.FunctionStarted, 1, "one moment", 2.0) == []
        assert story.until(5.5) == [fx.InsertSpeech(2, 1, "one moment")]

    def test_once_for_a_wait(self) -> None:
        story = Story()
        story.asks(ANN, "my balance please")
        story.at(2.0, ev.FunctionStarted, 1, "one moment", 2.0)
        assert kinds(story.until(4.0)) == [fx.InsertSpeech]
        story.at(4.1, ev.AudioStarted, 1)
        story.at(5.0, ev.AudioDrained, 2)
        story.at(6.0, ev.FunctionEnded, 1)
        story.at(6.1, ev.FunctionStarted, 1, "one moment", 2.0)
        assert story.until(60.0) == []

    def test_not_while_the_voice_is_held(self) -> None:
        story = Story()
        story.asks(ANN, "my balance please")
        story.at(2.0, ev.FunctionStarted, 1, "one moment", 2.0)
        assert fx.Hold in kinds(story.speaks(ANN, 3.9, 0.2))
        story.stops(ANN, 4.3, 0.2)
        effects = kinds(story.until(6.0))
        assert effects.index(fx.Resume) < effects.index(fx.InsertSpeech)

    def test_a_realtime_model_is_asked_for_one(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.FunctionStarted, 0, "one moment", 2.0)
        assert story.state() is FloorState.THINKING
        assert story.until(2.0) == [fx.BeginReply(1, 0, answer=False, filler="one moment")]
        story.at(2.5, ev.AudioStarted, 1)
        story.at(3.0, ev.AudioDrained, 1)
        story.at(4.0, ev.FunctionEnded, 0)
        story.at(4.1, ev.FunctionStarted, 0, "one moment", 2.0)
        assert story.until(30.0) == []
        story.at(30.0, ev.FunctionEnded, 0)
        assert story.at(30.5, ev.ReplyStarted, 2) == []
        story.at(31.0, ev.AudioDrained, 2)
        story.at(32.0, ev.FunctionStarted, 0, "one moment", 2.0)
        assert kinds(story.until(34.0)) == [fx.BeginReply]

    def test_an_answer_that_code_asked_a_model_for_ends_the_wait(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyRequested, 1)
        story.at(0.1, ev.FunctionStarted, 0, "one moment", 2.0)
        story.at(1.0, ev.FunctionEnded, 0)
        story.at(1.5, ev.AudioStarted, 1)
        story.at(2.0, ev.AudioDrained, 1)
        story.at(10.0, ev.FunctionStarted, 0, "one moment", 2.0)
        assert story.until(11.9) == []
        assert kinds(story.until(12.0)) == [fx.BeginReply]


def test_what_a_function_says_that_nobody_has_told_of() -> None:
    story = Story()
    story.asks(ANN, "my balance please")
    assert story.at(2.1, ev.ReplyRequested, 2, within=1) == [fx.InsertSpeech(2, 1)]


class TestAnAnswerThatIsSilent:
    """Code had a model answer something, and the model calls a function before it says anything."""

    def asked(self, **settings: Any) -> Story:
        story = Story(knobs(**settings), answers=False)
        assert kinds(story.at(0.0, ev.ReplyRequested, 1)) == [fx.BeginReply]
        story.at(0.1, ev.FunctionStarted, 1, "one moment", 2.0)
        return story

    def test_it_makes_way_for_what_the_function_says(self) -> None:
        story = self.asked()
        assert story.at(0.5, ev.ReplyRequested, 2, within=0) == [fx.BeginReply(2, 0, answer=False)]
        story.answers(0.6)
        assert story.at(1.0, ev.AudioDrained, 2) == []
        assert story.floor.reply == 1
        assert story.until(30.0) == [], "its deadline does not run while the function does, and no filler is due"
        story.at(30.0, ev.FunctionEnded, 1)
        story.answers(30.5)
        story.at(31.0, ev.AudioDrained, 1)
        assert story.state() is FloorState.IDLE

    def test_it_makes_way_for_a_filler(self) -> None:
        story = self.asked()
        assert story.until(2.1) == [fx.BeginReply(2, 0, answer=False, filler="one moment")]
        assert story.floor.reply == 2

    def test_not_while_somebody_speaks_over_it(self) -> None:
        story = self.asked()
        assert fx.Hold in kinds(story.speaks(ANN, 0.4, 0.1))
        assert story.at(0.6, ev.ReplyRequested, 2, within=0) == []
        assert story.floor.reply == 1
        story.stops(ANN, 0.7, 0.1)
        assert fx.BeginReply(2, 0, answer=False) in story.until(10.0)

    def test_no_filler_while_somebody_speaks_over_it(self) -> None:
        story = self.asked()
        story.speaks(ANN, 1.9, 0.1)
        story.stops(ANN, 2.2, 0.1)
        effects = kinds(story.until(10.0))
        assert effects.index(fx.Resume) < effects.index(fx.BeginReply)

    def test_interrupted_meanwhile_it_is_over(self) -> None:
        story = self.asked()
        story.at(0.5, ev.ReplyRequested, 2, within=0)
        story.answers(0.6)
        effects = story.at(0.8, ev.TurnStarted, ANN)
        assert committed(effects)[:2] == (1, 2)
        assert fx.DropReply(1, "interrupted") in effects

    def test_what_it_was_to_tell_is_told_again(self) -> None:
        story = Story(answers=False)
        assert kinds(story.at(0.0, ev.FunctionFound, 0)) == [fx.BeginReply]
        story.at(0.1, ev.FunctionStarted, 1)
        story.at(0.5, ev.ReplyRequested, 2, within=0)
        story.answers(0.6)
        assert fx.DropReply(1, "interrupted") in story.at(0.8, ev.TurnStarted, ANN)
        story.at(1.0, ev.FunctionEnded, 1)
        story.at(1.5, ev.TurnEnded, ANN)
        assert [effect for effect in story.end() if isinstance(effect, fx.BeginReply) and effect.news]

    def test_a_function_that_has_returned_is_waited_for_too(self) -> None:
        """Its result comes after what it has left to be said."""
        story = self.asked()
        story.at(0.4, ev.FunctionEnded, 1)
        assert story.at(0.5, ev.ReplyRequested, 2, within=0) == [fx.BeginReply(2, 0, answer=False)]

    def test_the_functions_of_another_answer_are_none_that_it_waits_for(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.FunctionStarted, 0)
        assert kinds(story.at(0.1, ev.ReplyRequested, 1)) == [fx.BeginReply]
        assert story.at(0.2, ev.ReplyRequested, 2, within=0) == []
        assert story.floor.reply == 1
        story.answers(0.5)
        assert story.at(1.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=False)]

    def test_no_filler_for_what_a_function_says_itself(self) -> None:
        story = self.asked()
        story.at(0.5, ev.ReplyRequested, 2, within=0)
        story.at(0.6, ev.FunctionStarted, 2, "one moment", 1.0)
        assert story.until(3.0) == []

    def test_what_a_function_says_does_not_make_way_itself(self) -> None:
        story = self.asked()
        story.at(0.5, ev.ReplyRequested, 2, within=0)
        story.at(0.6, ev.FunctionStarted, 2)
        assert story.at(0.7, ev.ReplyRequested, 3, within=0) == []
        assert story.floor.reply == 2


class TestRealtimeFunctions:
    def test_an_answer_is_owed_as_long_as_they_run_and_from_their_end_on(self) -> None:
        story = Story(knobs(reply_timeout=5.0), answers=False)
        story.at(0.0, ev.ParticipantJoined, ANN)
        story.at(1.0, ev.TurnStarted, ANN)
        story.at(2.0, ev.TurnEnded, ANN)
        story.at(2.1, ev.FunctionStarted, 0)
        assert story.until(30.0) == []
        assert story.state() is FloorState.THINKING
        story.at(30.0, ev.FunctionEnded, 0)
        assert story.state() is FloorState.THINKING
        assert kinds(story.until(35.1)) == [fx.AnnounceFailure]
        # It has called them for somebody, whatever they said.
        assert story.until(35.6) == [fx.BeginReply(1, 0, answer=False, continues=0)]

    def test_a_model_is_not_asked_to_go_on_while_they_run(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        story.at(1.1, ev.AnswerLost, 0)
        story.at(1.2, ev.FunctionStarted, 0)
        assert story.until(10.0) == []
        story.at(10.0, ev.FunctionEnded, 0)
        assert story.until(11.9) == []
        assert [effect.continues for effect in story.until(12.1) if isinstance(effect, fx.BeginReply)] == [0]

    def test_one_that_never_returns_is_not_waited_for(self) -> None:
        story = Story(knobs(function_limit=10.0), answers=False)
        story.at(0.0, ev.FunctionStarted, 0)
        story.until(10.1)
        assert story.state() is FloorState.IDLE


def talking() -> Story:
    """A realtime model says its reply 1."""
    story = Story(answers=False)
    story.at(1.0, ev.ReplyStarted, 1)
    story.at(1.1, ev.AudioStarted, 1)
    return story


class TestNews:
    def test_it_is_told_when_nothing_else_is_said(self) -> None:
        story = speaking()
        assert story.at(3.0, ev.FunctionFound, 0) == []
        assert story.at(4.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=False, news=True)]
        story.at(5.0, ev.AudioStarted, 2)
        assert story.at(6.0, ev.AudioDrained, 2) == []

    def test_an_answer_tells_it_too(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        assert story.at(1.0, ev.FunctionFound, 0) == []
        story.stops(ANN, 1.2, 0.96)
        story.at(1.4, ev.TurnEnded, ANN, 0.9, 1.0, 0.4)
        story.at(1.5, ev.TranscriptReceived, ANN, "hello", True)
        effects = story.at(1.5, ev.TranscriptCompleted, ANN, story.floor._turns[ANN].words.request)
        assert effects[-1] == fx.BeginReply(1, 0, answer=True)
        story.at(2.0, ev.AudioStarted, 1)
        assert story.at(3.0, ev.AudioDrained, 1) == []

    def test_two_are_told_at_once(self) -> None:
        story = speaking()
        story.at(3.0, ev.FunctionFound, 0)
        story.at(3.1, ev.FunctionFound, 0)
        assert kinds(story.at(4.0, ev.AudioDrained, 1)) == [fx.BeginReply]
        assert story.at(6.0, ev.AudioDrained, 2) == []

    def test_code_that_wanted_silence_is_told_nothing_of_older_answers(self) -> None:
        story = speaking()
        story.at(3.0, ev.InterruptRequested)
        assert story.at(4.0, ev.FunctionFound, 0) == []
        assert kinds(story.at(5.0, ev.FunctionFound, 1)) == [fx.BeginReply]

    @pytest.mark.parametrize("found", [2.9, 4.0], ids=["before", "after"])
    def test_a_realtime_model_tells_it_with_its_next_answer(self, found: float) -> None:
        story = talking()
        events = [(found, ev.FunctionFound, (0,)), (3.0, ev.InterruptRequested, ())]
        for at, kind, facts in sorted(events, key=lambda event: event[0]):
            story.at(at, kind, *facts)
        story.until(20.0)
        story.at(20.0, ev.TurnStarted, ANN, 1.0)
        story.at(21.0, ev.TurnEnded, ANN, 1.0, None, 0.2)
        assert fx.TellNews(2) in story.at(21.5, ev.ReplyStarted, 2)

    def test_silenced_by_code_it_is_told_to_nobody_who_coughs(self) -> None:
        story = talking()
        story.at(3.0, ev.InterruptRequested)
        story.at(4.0, ev.FunctionFound, 0)
        story.at(20.0, ev.TurnStarted, ANN, 1.0)
        story.at(20.5, ev.TurnEnded, ANN, 1.0, None, 0.2)
        assert story.until(50.0) == []
        story.at(50.0, ev.TurnStarted, ANN, 1.0)
        story.at(51.0, ev.TurnEnded, ANN, 1.0, None, 0.2)
        assert fx.TellNews(2) in story.at(51.5, ev.ReplyStarted, 2)

    @pytest.mark.parametrize("first", ["words", "answer"])
    def test_behind_an_answer_that_does_not_know_of_it(self, first: str) -> None:
        story = talking()
        story.at(3.0, ev.InterruptRequested)
        story.at(4.0, ev.FunctionFound, 0, False)
        story.at(20.0, ev.TurnStarted, ANN, 1.0)
        story.at(21.0, ev.TurnEnded, ANN, 1.0, None, 0.2)
        if first == "words":
            story.at(21.2, ev.TranscriptReceived, ANN, "what now", True)
        assert story.at(21.5, ev.ReplyStarted, 2) == []
        story.at(21.6, ev.AudioStarted, 2)
        assert fx.BeginReply(3, 1, answer=False, news=True) in story.at(23.0, ev.AudioDrained, 2)

    def test_so_does_who_meets_somebody_when_all_had_left(self) -> None:
        story = talking()
        story.at(2.0, ev.ParticipantJoined, ANN)
        story.at(3.0, ev.ParticipantLeft, ANN)
        story.at(4.0, ev.FunctionFound, 0)
        story.at(20.0, ev.ParticipantJoined, BOB)
        assert story.at(20.1, ev.TurnStarted, BOB, 1.0)
        story.at(21.0, ev.TurnEnded, BOB, 1.0, None, 0.2)
        assert fx.TellNews(2) in story.at(21.5, ev.ReplyStarted, 2)

    def test_a_model_that_stopped_itself_wanted_no_silence(self) -> None:
        story = speaking()
        story.at(3.0, ev.InterruptRequested, by_model=True)
        assert kinds(story.at(4.0, ev.FunctionFound, 0)) == [fx.BeginReply]

    def test_cut_off_before_it_was_heard_it_is_told_again(self) -> None:
        story = Story(answers=False)
        assert kinds(story.at(0.0, ev.FunctionFound, 0)) == [fx.BeginReply]
        assert fx.Commit in kinds(story.at(0.5, ev.TurnStarted, ANN))
        story.at(1.5, ev.TurnEnded, ANN)
        assert story.until(3.5) == [fx.BeginReply(2, 1, answer=False, news=True)]

    def owed(self, *, words: bool) -> Story:
        """A model owes an answer, and knew of the news before; perhaps it understood what it is to answer."""
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        assert story.at(0.5, ev.FunctionFound, 0) == []
        story.at(1.0, ev.TurnEnded, ANN)
        if words:
            story.at(1.5, ev.TranscriptReceived, ANN, "so what", True)
        return story

    def test_a_model_that_knew_of_it_tells_it_in_its_answer(self) -> None:
        story = self.owed(words=True)
        assert story.until(5.0) == []
        assert story.at(5.0, ev.ReplyStarted, 1) == [fx.TellNews(1)]
        story.answers(5.1)
        assert story.at(6.0, ev.AudioDrained, 1) == []
        assert story.end() == []

    def test_what_is_found_later_is_not_told_with_that(self) -> None:
        story = self.owed(words=True)
        assert story.at(2.0, ev.FunctionFound, 0) == []
        assert story.at(2.5, ev.FunctionFound, 0) == []
        assert story.at(5.0, ev.ReplyStarted, 1) == [fx.TellNews(1, later=2)]
        story.answers(5.1)
        assert story.at(6.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=False, news=True)]
        story.answers(6.1)
        assert story.at(7.0, ev.AudioDrained, 2) == []

    def test_a_model_that_cannot_be_told_of_it_is_asked_for_it(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(0.5, ev.FunctionFound, 0, known=False)
        story.at(1.0, ev.TurnEnded, ANN)
        assert story.at(1.5, ev.ReplyStarted, 1) == []
        story.answers(1.6)
        assert story.at(2.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=False, news=True)]

    def test_a_model_that_never_answers_is_asked_for_it(self) -> None:
        assert self.owed(words=False).until(3.0) == [fx.BeginReply(1, 0, answer=False, news=True)]
        assert self.owed(words=True).until(21.0) == [fx.BeginReply(1, 0, answer=False, news=True)]

    @pytest.mark.parametrize("noise", [0.1, 0.0])
    def test_anothers_noise_takes_no_question_from_who_asks_with_it(self, noise: float) -> None:
        """Both are over at the same time. What the one was understood to say is answered, and that tells it."""
        story = Story(answers=False)
        for when, who in sorted([(0.05, ANN), (noise, BOB)]):
            story.at(when, ev.TurnStarted, who)
        assert story.at(0.5, ev.FunctionFound, 0) == []
        story.at(1.0, ev.TurnEnded, ANN)
        story.at(1.0, ev.TurnEnded, BOB)
        story.at(1.1, ev.TranscriptReceived, ANN, "so what", True, began=0.05)
        assert story.until(5.0) == []
        assert story.at(5.0, ev.ReplyStarted, 1) == [fx.TellNews(1)]

    def lost(self, *, known: bool = True) -> Story:
        """A noise takes an answer from a model that waits for a function, which returns before it is asked to go on."""
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        story.at(1.1, ev.TranscriptReceived, ANN, "pay the bill", True, began=0.0)
        story.at(2.0, ev.TurnStarted, ANN)
        story.at(2.0, ev.AnswerLost)
        assert story.at(2.1, ev.FunctionFound, 0, known) == []
        story.at(2.3, ev.TurnEnded, ANN)
        return story

    def test_a_model_that_is_asked_to_go_on_knows_it(self) -> None:
        story = self.lost()
        assert story.until(4.5) == [fx.BeginReply(1, 0, answer=False, continues=0), fx.TellNews(1)]
        story.answers(5.0)
        assert story.at(6.0, ev.AudioDrained, 1) == []
        assert story.end() == []

    def test_but_not_one_that_cannot_be_told(self) -> None:
        story = self.lost(known=False)
        assert story.until(4.5) == [fx.BeginReply(1, 0, answer=False, continues=0)]
        story.answers(5.0)
        assert story.at(6.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=False, news=True)]

    def test_it_is_told_after_all_if_the_model_does_not_go_on(self) -> None:
        story = self.lost()
        story.until(4.5)
        assert story.at(5.0, ev.ReplyFailed, 1, again=True) == [fx.DropReply(1, "it could not be made")]
        assert story.until(5.5) == [fx.BeginReply(2, 0, answer=False, news=True)]

    def test_an_answer_that_is_cut_off_before_it_was_heard_has_not_told_it(self) -> None:
        story = self.owed(words=True)
        story.at(2.0, ev.ReplyStarted, 1)
        assert committed(story.at(2.1, ev.TurnStarted, ANN))[:2] == (1, 1)
        story.at(3.0, ev.TurnEnded, ANN)
        assert story.at(3.5, ev.ReplyStarted, 2) == [fx.TellNews(2)]

    def test_so_has_one_that_the_model_stops(self) -> None:
        story = self.owed(words=True)
        story.at(2.0, ev.ReplyStarted, 1)
        effects = story.at(2.1, ev.InterruptRequested, by_model=True)
        assert kinds(effects) == [fx.Commit, fx.BeginReply]
        assert effects[1] == fx.BeginReply(2, 1, answer=False, news=True)

    def test_what_is_found_while_the_model_answers_is_news_to_it(self) -> None:
        story = self.owed(words=True)
        story.at(2.0, ev.ReplyStarted, 1)
        story.answers(2.1)
        story.at(2.2, ev.TurnStarted, BOB)
        story.at(2.3, ev.FunctionFound, 1)
        story.at(2.5, ev.TurnEnded, BOB)
        story.at(2.6, ev.ReplyStarted, 2)
        story.at(2.7, ev.FunctionFound, 1)
        story.answers(2.8)
        assert fx.BeginReply(3, 1, answer=False, news=True) in story.at(3.0, ev.AudioDrained, 2)

    def test_an_answer_waits_that_is_to_tell_it_and_something_else_is_found(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.InterruptingAllowed, ANN, False)
        story.at(0.0, ev.ReplyRequested, 1)
        story.answers(0.1)
        story.at(0.5, ev.TurnStarted, ANN)
        story.at(0.6, ev.FunctionFound, 0)
        story.at(0.7, ev.TurnEnded, ANN)
        story.at(0.8, ev.ReplyStarted, 2)
        story.at(0.9, ev.FunctionFound, 0)
        effects = story.end()
        assert fx.TellNews(2, later=1) in effects
        assert [e for e in effects if isinstance(e, fx.BeginReply) and e.news]

    def test_an_answer_that_is_faster_than_what_has_the_voice_tells_it(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(0.1, ev.ReplyRequested, 1)
        story.at(0.5, ev.FunctionFound, 0)
        assert kinds(story.at(1.0, ev.TurnEnded, ANN)) == [fx.AnnounceTurnEnded, fx.BeginReply]
        story.at(1.5, ev.ReplyStarted, 2)
        assert story.at(1.6, ev.AudioStarted, 2) == [fx.TellNews(2)]
        assert story.at(2.0, ev.AudioDrained, 2) == []
        assert story.floor.reply == 1, "it is being made all the while"
        story.at(2.1, ev.AudioStarted, 1)
        assert story.at(3.0, ev.AudioDrained, 1) == []

    def test_so_does_one_that_is_over_without_a_sound(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(0.1, ev.ReplyRequested, 1)
        story.at(0.5, ev.FunctionFound, 0)
        story.at(1.0, ev.TurnEnded, ANN)
        story.at(1.5, ev.ReplyStarted, 2)
        assert story.at(2.0, ev.AudioDrained, 2) == [fx.TellNews(2)]
        story.answers(2.1)
        assert story.at(3.0, ev.AudioDrained, 1) == [], "it is told"

    def test_what_could_not_be_told_is_told_with_the_next_answer(self) -> None:
        story = Story(answers=False)
        assert kinds(story.at(0.0, ev.FunctionFound, 0)) == [fx.BeginReply]
        assert kinds(story.at(0.5, ev.ReplyFailed, 1)) == [fx.DropReply]
        assert story.until(10.0) == []
        story.at(10.0, ev.TurnStarted, ANN)
        story.at(11.0, ev.TurnEnded, ANN)
        assert story.at(11.5, ev.ReplyStarted, 2) == [fx.TellNews(2)]

    def test_so_is_what_failed_while_its_functions_had_something_said(self) -> None:
        story = Story(answers=False)
        assert kinds(story.at(0.0, ev.FunctionFound, 0)) == [fx.BeginReply]
        story.at(0.1, ev.FunctionStarted, 1)
        assert kinds(story.at(0.5, ev.ReplyRequested, 2, within=0)) == [fx.BeginReply]
        assert story.at(0.6, ev.ReplyFailed, 1) == [fx.DropReply(1, "it could not be made")]
        story.answers(0.7)
        story.at(1.0, ev.AudioDrained, 2)
        story.at(1.1, ev.FunctionEnded, 1)
        story.at(10.0, ev.TurnStarted, ANN)
        story.at(11.0, ev.TurnEnded, ANN)
        assert story.at(11.5, ev.ReplyStarted, 3) == [fx.TellNews(3)]

    def test_what_something_else_has_told_is_not_told_again(self) -> None:
        story = Story(answers=False)
        assert kinds(story.at(0.0, ev.FunctionFound, 0)) == [fx.BeginReply]
        assert kinds(story.at(0.5, ev.ReplyFailed, 1, told=True)) == [fx.DropReply]
        story.at(10.0, ev.TurnStarted, ANN)
        story.at(11.0, ev.TurnEnded, ANN)
        assert story.at(11.5, ev.ReplyStarted, 2) == []

    def test_a_model_that_owes_an_answer_comes_first_for_a_while(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        assert story.at(1.5, ev.FunctionFound, 0) == []
        assert story.until(2.9) == []
        assert kinds(story.until(3.0)) == [fx.BeginReply]

    def test_who_comes_back_is_not_talked_at(self) -> None:
        story = Story()
        story.at(0.0, ev.ParticipantJoined, ANN)
        story.at(1.0, ev.ParticipantLeft, ANN)
        assert story.at(2.0, ev.FunctionFound, 0) == []
        assert story.state() is FloorState.IDLE
        assert story.at(3.0, ev.ParticipantJoined, ANN) == []

    def test_what_cannot_be_told_is_dropped(self) -> None:
        story = Story()
        story.at(0.0, ev.FunctionFound, 0)
        assert kinds(story.at(0.1, ev.ReplyFailed, 1)) == [fx.DropReply]
        assert story.state() is FloorState.IDLE

    def test_the_rest_of_something_is_said_behind_it(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.at(1.0, ev.FunctionFound, 0)
        story.stops(ANN, 1.2, 0.96)
        assert story.state() is FloorState.USER_SPEAKING


class TestOfARealtimeModel:
    def test_it_is_a_reply_of_its_own_before_all_that_waits(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.at(0.1, ev.AudioStarted, 1)
        assert story.at(0.2, ev.ReplyRequested, 2) == []
        assert story.at(0.3, ev.ReplyRequested, 3, interrupts=True, within=0) == []
        assert story.at(0.4, ev.ReplyRequested, 4, within=0) == []
        assert story.at(1.0, ev.AudioDrained, 1) == [fx.BeginReply(3, 0, answer=False)]
        assert story.at(2.0, ev.AudioDrained, 3) == [fx.BeginReply(4, 0, answer=False)]
        assert story.at(3.0, ev.AudioDrained, 4) == [fx.BeginReply(2, 0, answer=False)]


def test_speaking_is_not_disturbed_by_functions_of_nothing() -> None:
    story = speaking()
    assert story.at(3.0, ev.FunctionEnded, 1) == []
    assert story.at(3.0, ev.FunctionStarted, 9) == []
