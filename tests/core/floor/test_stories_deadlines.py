"""Stories: whatever is waited for may never come."""

from __future__ import annotations

import pytest

from vision_agents.core.floor import FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev

from .story import ANN, Story, about, kinds, knobs, speaking


class TestDeadlines:
    """Whatever is waited for may never come."""

    def test_a_microphone_goes_mute_in_mid_sentence(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.at(0.97, ev.TranscriptReceived, ANN, "hello", False)
        assert story.until(1.97) == []
        assert kinds(story.until(3.98)) == [fx.AnnounceTurnEnded, fx.FinishTurn]
        assert kinds(story.until(7.0)) == [fx.RecordTurn, fx.BeginReply]

    @pytest.mark.parametrize("gap", [3.0, 5.0, 8.0], ids=["pause", "words", "over"])
    def test_a_line_that_was_dead_comes_back_in_mid_sentence(self, gap: float) -> None:
        """The detector heard neither the gap nor an end: its next report is of speech that goes on."""
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.until(gap)
        assert story.at(gap, ev.SpeechContinued, ANN, 0.9, 0.99) == [fx.BeginTurn(ANN)]
        assert story.state() is FloorState.USER_SPEAKING

    def test_only_what_comes_after_the_gap_is_evidence(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.2, ev.SpeechContinued, ANN, 0.9, 0.2)
        assert kinds(story.until(7.3)) == [fx.Resume, fx.DiscardTurn]
        assert kinds(story.at(7.4, ev.SpeechContinued, ANN, 0.9, 0.3)) == [fx.BeginTurn, fx.Hold]
        assert story.at(7.8, ev.SpeechContinued, ANN, 0.9, 0.7) == []
        assert kinds(story.at(7.9, ev.SpeechContinued, ANN, 0.9, 0.8)) == [fx.Commit, fx.AnnounceTurnStarted]

    def test_a_claimed_turn_that_is_also_heard_window_by_window(self) -> None:
        story = Story()
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(0.5, ev.SpeechContinued, ANN, 0.9, 0.4)
        story.until(1.5)
        assert story.floor.deadline == 3.5  # it has lapsed, and will be over by silence

    def test_a_claim_is_over_with_its_end(self) -> None:
        """What begins again is speech like any other, and lapses like it."""
        story = Story()
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        story.at(1.5, ev.SpeechStarted, ANN)
        story.until(2.5)
        assert story.floor.deadline == 4.5

    def test_words_do_not_lengthen_the_wait_for_words(self) -> None:
        story = Story()
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        story.at(2.0, ev.TranscriptReceived, ANN, "hello", True)
        assert fx.RecordTurn(ANN, "hello") in story.until(4.0)

    def test_speech_that_ended_while_the_line_was_dead(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.until(1.98)
        assert story.at(2.1, ev.SpeechEnded, ANN, 0.99, 0.16) == []
        assert story.at(2.2, ev.SpeechContinued, ANN, 0.9, 1.0) == []  # of no segment that anyone knows

    def test_no_detector_ends_the_turn(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.stops(ANN, 1.2, 0.96)
        assert story.until(3.19) == []
        assert story.until(3.2) == [
            fx.AnnounceTurnEnded(ANN, 0.5, about(1.08), about(2.16)),
            fx.FinishTurn(ANN, 1),
        ]

    def test_a_short_word_that_no_detector_ends_is_heard_all_the_same(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.2)
        story.at(0.3, ev.TranscriptReceived, ANN, "yes", True)
        story.stops(ANN, 0.4, 0.2)
        assert story.until(2.4) == [fx.FinishTurn(ANN, 1)]
        assert fx.RecordTurn(ANN, "yes") in story.end()

    def test_a_detector_that_reports_only_start_and_end_is_given_time(self) -> None:
        story = Story()
        assert kinds(story.at(0.0, ev.TurnStarted, ANN)) == [fx.BeginTurn, fx.AnnounceTurnStarted]
        assert story.at(20.0, ev.TurnStarted, ANN) == []  # a sign of life
        assert story.until(49.0) == []
        assert kinds(story.until(52.0)) == [fx.AnnounceTurnEnded, fx.FinishTurn]

    def test_the_words_do_not_come(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.at(1.0, ev.TranscriptReceived, ANN, "hello the", False)
        story.stops(ANN, 1.2, 0.96)
        story.at(1.3, ev.TurnEnded, ANN)
        assert story.until(4.3) == [fx.RecordTurn(ANN, "hello the"), fx.BeginReply(1, 0, answer=True)]

    def test_the_reply_makes_no_sound(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        assert story.until(20.0) == [fx.DropReply(1, "no sound in time")]
        assert story.state() is FloorState.IDLE

    def test_the_reply_stalls(self) -> None:
        story = speaking()
        story.at(4.0, ev.AudioProgressed, 1)
        assert story.until(11.9) == []
        assert fx.DropReply(1, "the sound stalled") in story.until(12.0)

    def test_progress_alone_says_that_a_reply_sounds(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        story.at(1.0, ev.AudioProgressed, 1)
        assert story.state() is FloorState.SPEAKING
        assert story.until(9.0) == [fx.DropReply(1, "the sound stalled")]

    def test_a_hold_does_not_count_as_a_stall(self) -> None:
        story = speaking()
        story.at(9.9, ev.SpeechStarted, ANN)
        assert kinds(story.until(17.0)) == [fx.Resume, fx.DiscardTurn]
        assert fx.DropReply(1, "the sound stalled") in story.until(19.2)

    def test_a_reply_that_fails_before_its_first_sound_is_over(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        assert story.at(1.0, ev.ReplyFailed, 1) == [fx.DropReply(1, "it could not be made")]

    def test_one_that_fails_when_its_first_sound_is_there_is_played_as_far_as_it_goes(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        assert story.at(1.0, ev.ReplyFailed, 1, False, True) == []
        story.at(1.01, ev.AudioStarted, 1)
        story.at(2.0, ev.AudioDrained, 1)
        assert story.state() is FloorState.IDLE

    def test_a_reply_that_fails_later_is_played_as_far_as_it_goes(self) -> None:
        story = speaking()
        assert story.at(3.0, ev.ReplyFailed, 1) == []
        assert story.state() is FloorState.SPEAKING
        story.at(3.5, ev.AudioDrained, 1)
        assert story.state() is FloorState.IDLE

    def test_a_reply_without_any_sound_is_over(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        story.at(1.0, ev.AudioDrained, 1)
        assert story.state() is FloorState.IDLE

    def test_a_timer_that_comes_very_late_catches_up(self) -> None:
        """The machine slept: all that was due happens, one thing after the other."""
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.floor.handle(ev.TimePassed(1000.0))
        story.now = 1000.0
        story.end()

    def test_more_may_be_due_at_once_than_one_event_does(self) -> None:
        story = Story(knobs(reply_timeout=0.0))
        for number in range(1, 17):
            story.floor.handle(ev.ReplyRequested(0.0, number))
        assert story.floor.deadline == 0.0
        dropped = [effect.reply for effect in story.end() if isinstance(effect, fx.DropReply)]
        assert dropped == list(range(1, 17))

    def test_a_timer_that_comes_early_does_nothing(self) -> None:
        story = speaking()
        assert story.at(3.0, ev.TimePassed) == []
