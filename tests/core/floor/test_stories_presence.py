"""Stories: nobody says anything, somebody is not understood, and a function keeps everybody waiting."""

from __future__ import annotations

from vision_agents.core.floor import FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev

from .story import ANN, BOB, Story, about, kinds, knobs, speaking


def joined() -> Story:
    story = Story()
    assert story.at(0.0, ev.ParticipantJoined, ANN) == []
    return story


class TestAway:
    def test_who_never_says_anything(self) -> None:
        story = joined()
        assert story.until(14.9) == []
        assert story.until(15.0) == [fx.AnnounceUserAway(15.0)]
        assert story.end() == []

    def test_nobody_is_there_to_be_away(self) -> None:
        story = joined()
        story.at(1.0, ev.ParticipantLeft, ANN)
        assert story.end() == []

    def test_words_of_one_who_left_bring_nobody_back(self) -> None:
        story = joined()
        story.at(0.0, ev.ParticipantJoined, BOB)
        story.at(1.0, ev.ParticipantLeft, BOB)
        assert story.until(15.0) == [fx.AnnounceUserAway(15.0)]
        assert story.at(16.0, ev.TranscriptReceived, BOB, "bye", True) == [fx.RecordTurn(BOB, "bye")]
        story.at(17.0, ev.TranscriptReceived, ANN, "hm", True)
        assert fx.AnnounceUserBack(ANN) in story.end()

    def test_noise_does_not_defer_it(self) -> None:
        story = joined()
        story.speaks(ANN, 10.0, 0.2)
        story.stops(ANN, 10.4, 0.2)
        story.at(10.5, ev.TurnEnded, ANN)
        story.finds_no_words(ANN, 10.6, 1)
        assert story.until(15.0) == [fx.AnnounceUserAway(15.0)]

    def test_noise_that_goes_on_does_not_defer_it_either(self) -> None:
        story = joined()
        story.speaks(ANN, 14.9, 0.09)
        assert story.until(15.0) == [fx.AnnounceUserAway(15.0)]

    def test_speech_does_until_it_turns_out_to_be_none(self) -> None:
        story = joined()
        story.speaks(ANN, 14.0, 2.0)
        story.stops(ANN, 16.2, 2.0)
        story.at(16.3, ev.TurnEnded, ANN)
        story.at(16.4, ev.TranscriptReceived, ANN, "", True)
        effects = story.at(16.4, ev.TranscriptCompleted, ANN, 1)
        assert kinds(effects) == [fx.DiscardTurn, fx.AnnounceNoWords]
        assert story.until(16.4) == [fx.AnnounceUserAway(about(16.4))]

    def test_words_do(self) -> None:
        story = joined()
        story.asks(ANN, "how are you", 10.0)
        story.answers(12.0)
        story.at(14.0, ev.AudioDrained, 1)
        assert story.until(28.9) == []
        assert story.until(29.0) == [fx.AnnounceUserAway(15.0)]

    def test_the_agent_does(self) -> None:
        story = joined()
        story.at(14.0, ev.ReplyRequested, 1)
        story.answers(15.0)
        story.at(20.0, ev.AudioDrained, 1)
        assert story.until(35.0) == [fx.AnnounceUserAway(15.0)]

    def test_once_until_somebody_is_back(self) -> None:
        story = joined()
        story.until(15.0)
        story.at(16.0, ev.ReplyRequested, 1)
        story.answers(16.1)
        story.at(17.0, ev.AudioDrained, 1)
        assert story.until(60.0) == []
        story.speaks(ANN, 60.0, 0.96)
        story.stops(ANN, 61.2, 0.96)
        story.at(61.3, ev.TurnEnded, ANN)
        story.at(61.4, ev.TranscriptReceived, ANN, "I am here", True)
        effects = story.at(61.4, ev.TranscriptCompleted, ANN, 1)
        assert kinds(effects) == [fx.RecordTurn, fx.BeginReply, fx.AnnounceUserBack]
        assert effects[-1] == fx.AnnounceUserBack(ANN)
        story.answers(62.0)
        story.at(63.0, ev.AudioDrained, 2)
        assert story.until(78.0) == [fx.AnnounceUserAway(15.0)]

    def test_the_last_one_leaves_and_another_comes(self) -> None:
        story = joined()
        story.until(15.0)
        story.at(16.0, ev.ParticipantLeft, ANN)
        story.at(20.0, ev.ParticipantJoined, BOB)
        assert story.until(35.0) == [fx.AnnounceUserAway(15.0)]

    def test_how_long_is_a_matter_of_policy(self) -> None:
        story = Story(knobs(user_away=3.0))
        story.at(0.0, ev.ParticipantJoined, ANN)
        assert story.until(3.0) == [fx.AnnounceUserAway(3.0)]


class TestNotUnderstood:
    def test_a_cough_is_nothing_to_be_understood(self) -> None:
        story = joined()
        story.speaks(ANN, 1.0, 0.2)
        story.stops(ANN, 1.4, 0.2)
        story.at(1.5, ev.TurnEnded, ANN)
        assert story.at(1.6, ev.TranscriptCompleted, ANN, 1) == [fx.DiscardTurn(ANN, awaits_words=True)]

    def test_when_the_agent_goes_on_it_needs_no_word(self) -> None:
        story = speaking()
        story.speaks(ANN, 3.0, 0.64)
        effects = story.until(10.0)
        assert fx.AnnounceNoWords not in kinds(effects)
        assert fx.BeginReply(2, 1, answer=False, continues=1) in effects


class TestFunctions:
    def test_no_deadline_of_the_reply_runs_while_one_does(self) -> None:
        story = joined()
        story.asks(ANN, "book a table", 1.0)
        story.at(3.0, ev.FunctionStarted, 1)
        assert story.until(60.0) == []
        assert story.state() is FloorState.THINKING
        story.at(60.0, ev.FunctionEnded, 1)
        assert story.until(79.9) == []
        assert kinds(story.until(80.0)) == [fx.AnnounceFailure, fx.DropReply]

    def test_nor_after_its_first_words(self) -> None:
        story = speaking()
        story.at(3.0, ev.FunctionStarted, 1)
        story.at(3.1, ev.FunctionStarted, 1)
        assert story.until(30.0) == []
        story.at(30.0, ev.FunctionEnded, 1)
        assert story.until(40.0) == []
        story.at(40.0, ev.FunctionEnded, 1)
        assert story.at(40.0, ev.FunctionEnded, 1) == []
        assert story.until(47.9) == []
        assert kinds(story.until(48.0)) == [fx.AnnounceFailure, fx.DropReply]

    def test_one_that_never_returns_is_given_up(self) -> None:
        story = speaking()
        story.at(3.0, ev.FunctionStarted, 1)
        assert story.until(122.9) == []
        assert kinds(story.until(123.0)) == [fx.AnnounceFailure, fx.DropReply]
        assert story.state() is FloorState.IDLE

    def test_one_that_outlives_its_reply_is_waited_for(self) -> None:
        story = speaking()
        story.at(2.5, ev.ParticipantJoined, ANN)
        story.at(3.0, ev.FunctionStarted, 1)
        story.at(3.1, ev.InterruptRequested)
        assert story.state() is FloorState.THINKING
        assert story.until(30.0) == []
        story.at(30.0, ev.FunctionEnded, 1)
        assert story.state() is FloorState.IDLE
        assert story.until(45.0) == [fx.AnnounceUserAway(15.0)]

    def test_one_that_hangs_after_its_reply_is_forgotten(self) -> None:
        story = speaking()
        story.at(3.0, ev.FunctionStarted, 1)
        story.at(3.1, ev.InterruptRequested)
        assert story.until(123.0) == []
        assert story.state() is FloorState.IDLE

    def test_of_a_reply_that_there_never_was_it_is_none(self) -> None:
        story = speaking()
        story.at(3.0, ev.FunctionStarted, 7)
        assert story.floor.deadline == 10.0
