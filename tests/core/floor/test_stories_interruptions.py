"""Stories: somebody speaks while the agent does."""

from __future__ import annotations

import pytest

from vision_agents.core.floor import FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev

from .story import ANN, BOB, WINDOW, Story, committed, kinds, knobs, resumed, speaking


class TestAnInterruption:
    def test_the_first_window_holds_and_speech_commits(self) -> None:
        story = speaking()
        assert story.at(5.0, ev.SpeechStarted, ANN, 0.9, 0.04) == [fx.BeginTurn(ANN), fx.Hold(1, ANN)]
        assert story.state() is FloorState.HELD
        assert story.at(5.3, ev.SpeechContinued, ANN, 0.9, 0.3) == []
        effects = story.at(5.5, ev.SpeechContinued, ANN, 0.95, 0.5)
        assert committed(effects) == (1, 1, ANN, "0.50 s of clear speech")
        assert effects[1:] == [fx.AnnounceTurnStarted(ANN, 0.95, True, 1)]
        assert story.state() is FloorState.USER_SPEAKING
        assert story.floor.reply is None
        # It goes on as any other turn, and its answer is born in the new epoch.
        story.stops(ANN, 6.0, 0.8)
        story.at(6.1, ev.TurnEnded, ANN)
        story.at(6.2, ev.TranscriptReceived, ANN, "stop", True)
        assert fx.BeginReply(2, 1, answer=True) in story.at(6.2, ev.TranscriptCompleted, ANN, 2)

    def test_a_cough_holds_and_resumes(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.2)
        assert story.stops(ANN, 5.4, 0.2) == []
        assert resumed(story.until(5.61)) == (1, "word", "0.22 s of clear speech")
        assert story.state() is FloorState.SPEAKING
        # Its words may still come, and make it an interruption.
        assert story.until(6.39) == []
        assert story.until(6.4) == [fx.DiscardTurn(ANN)]
        assert story.at(7.0, ev.AudioDrained, 1) == []
        assert story.state() is FloorState.IDLE

    def test_the_gap_between_two_words_does_not_resume(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.3)
        story.stops(ANN, 5.5, 0.3)
        assert story.at(5.65, ev.SpeechStarted, ANN) == [fx.BeginTurn(ANN)]  # still held
        assert kinds(story.at(5.85, ev.SpeechContinued, ANN, 0.9, 0.2)) == [fx.Commit, fx.AnnounceTurnStarted]

    def test_who_was_not_heard_at_first_and_begins_again_has_said_that_much(self) -> None:
        story = self.begun_again("", 0.9)
        assert committed(story.stops(ANN, 6.1, 0.2))[3] == "0.45 s of clear speech"

    @pytest.mark.parametrize(("words", "clear"), [("mm-hm", 0.9), ("", 0.6)])
    def test_an_uh_huh_and_a_cough_are_none_twice(self, words: str, clear: float) -> None:
        story = self.begun_again(words, clear)
        story.stops(ANN, 6.1, 0.2)
        assert kinds(story.until(6.31)) == [fx.Resume]

    def test_after_a_second_of_silence_it_is_something_new(self) -> None:
        story = self.begun_again("", 0.9, at=6.5)
        story.stops(ANN, 6.9, 0.2)
        assert resumed(story.until(7.11))[2] == "0.22 s of clear speech"

    @pytest.mark.parametrize("every", [0.7, 1.2])
    def test_a_short_noise_is_none_however_often_it_comes(self, every: float) -> None:
        story = speaking()
        for number in range(10):
            began = 5.0 + number * every
            effects = [*story.until(began), *story.speaks(ANN, began, 0.1), *story.until(began + 0.27)]
            effects += story.stops(ANN, began + 0.29, 0.128)
            assert fx.Commit not in kinds(effects), f"by noise {number + 1}"
        assert fx.Resume in kinds(story.until(story.now + 0.6))

    def begun_again(self, words: str, clear: float, at: float = 5.7) -> Story:
        """Ann was heard for 0.22 s until 5.4, the agent has gone on since 5.6, and she speaks for as long again."""
        story = speaking()
        for began in (5.0, at):
            story.until(began)
            story.at(began, ev.SpeechStarted, ANN, clear)
            for window in range(1, 8):
                story.at(began + window * WINDOW, ev.SpeechContinued, ANN, clear, window * WINDOW)
            if words:
                story.at(began + 0.23, ev.TranscriptReceived, ANN, words)
            if began == 5.0:
                story.stops(ANN, 5.4, 0.2)
                assert kinds(story.until(5.61))[0] is fx.Resume
        return story

    def test_a_detector_that_vouches_commits_at_once(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        effects = story.at(5.05, ev.TurnStarted, ANN, 0.8)
        assert committed(effects) == (1, 1, ANN, "the detector says that a turn began")
        assert effects[1:] == [fx.AnnounceTurnStarted(ANN, 1.0, True, 1)]

    def test_the_last_report_of_speech_counts_too(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        effects = story.at(5.7, ev.SpeechEnded, ANN, 0.5, 0.16)
        assert committed(effects) == (1, 1, ANN, "0.50 s of clear speech")

    def test_an_end_reported_before_the_speech_it_ends(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        assert story.at(5.6, ev.TurnEnded, ANN, 0.9, 0.5, 0.1) == []
        effects = story.at(5.6, ev.SpeechEnded, ANN, 0.5, 0.16)
        # It is decided, and what the detector said of its end holds.
        assert committed(effects) == (1, 1, ANN, "0.50 s of clear speech")
        assert kinds(effects[1:]) == [fx.AnnounceTurnStarted, fx.AnnounceTurnEnded, fx.FinishTurn]

    def test_within_a_challenge_the_evidence_decides_not_the_end(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        assert story.at(5.45, ev.TurnEnded, ANN) == []
        assert kinds(story.until(6.0)) == [fx.Resume]
        assert kinds(story.until(7.0)) == [fx.DiscardTurn]

    def test_the_answer_is_interrupted_before_it_sounds(self) -> None:
        """Nothing of it was heard: whatever becomes of the new words, the question still stands."""
        story = Story()
        story.asks(ANN, "how are you")
        assert kinds(story.speaks(ANN, 2.0, 0.64)) == [fx.BeginTurn, fx.Hold, fx.Commit, fx.AnnounceTurnStarted]
        story.stops(ANN, 2.9, 0.64)
        story.at(3.0, ev.TurnEnded, ANN)
        assert story.finds_no_words(ANN, 3.1, 2) == [fx.DiscardTurn(ANN), fx.BeginReply(2, 1, answer=True)]
        story.at(3.5, ev.AudioDrained, 2)
        # Once: the next cough gets no answer.
        story.speaks(ANN, 4.0, 0.2)
        story.stops(ANN, 4.4, 0.2)
        assert [fx.FinishTurn(ANN, 3), fx.DiscardTurn(ANN, awaits_words=True)] == story.end()

    def test_a_question_that_still_stands_never_talks_over_who_asked_it(self) -> None:
        """Ann goes on for half a minute: the agent does not barge in with an answer to the first half."""
        story = Story()
        story.asks(ANN, "so")
        story.speaks(ANN, 2.0, 32.0)
        assert story.state() is FloorState.USER_SPEAKING
        story.stops(ANN, 34.2, 32.0)
        story.at(34.4, ev.TurnEnded, ANN)
        story.at(34.5, ev.TranscriptReceived, ANN, "what is it", True)
        assert story.at(34.5, ev.TranscriptCompleted, ANN, 2) == [
            fx.RecordTurn(ANN, "what is it"),
            fx.BeginReply(2, 1, answer=True),
        ]

    def test_the_one_who_asked_is_answered_though_the_one_who_interrupted_left(self) -> None:
        story = Story()
        story.asks(ANN, "how are you")
        story.speaks(BOB, 2.0, 0.64)
        assert fx.BeginReply(2, 1, answer=True) in story.at(2.8, ev.ParticipantLeft, BOB)

    def test_nobody_is_answered_when_everybody_left(self) -> None:
        story = Story()
        story.asks(ANN, "how are you")
        story.speaks(ANN, 2.0, 0.64)
        assert kinds(story.at(2.8, ev.ParticipantLeft, ANN)) == [fx.AnnounceTurnEnded, fx.DiscardTurn, fx.FinishTurn]
        assert story.state() is FloorState.IDLE

    def test_a_hold_has_a_limit_and_the_evidence_counts_on(self) -> None:
        """Ann makes so little speech that it takes her longer than a hold may last."""
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        for tenths in range(1, 20):
            story.at(5.0 + tenths / 10, ev.SpeechContinued, ANN, 0.9, 0.1)
        assert resumed(story.until(7.0)) == (1, "word", "no decision within the limit")
        assert story.state() is FloorState.SPEAKING
        assert kinds(story.at(7.05, ev.SpeechContinued, ANN, 0.9, 0.7)) == [fx.Commit, fx.AnnounceTurnStarted]

    def test_who_begins_again_after_the_limit_is_not_held_for_again(self) -> None:
        """Noise that comes and goes would stop the agent every two seconds. It is held again when that is over."""
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        for tenths in range(1, 20):
            story.at(5.0 + tenths / 10, ev.SpeechContinued, ANN, 0.9, 0.1)
        story.until(7.0)
        story.at(7.05, ev.SpeechEnded, ANN, 0.1, 0.16)
        assert story.at(7.1, ev.SpeechStarted, ANN) == [fx.BeginTurn(ANN)]
        story.at(7.3, ev.SpeechEnded, ANN, 0.1, 0.16)
        assert story.until(8.3) == [fx.DiscardTurn(ANN)]
        assert story.at(8.4, ev.SpeechStarted, ANN) == [fx.BeginTurn(ANN), fx.Hold(1, ANN)]

    def test_an_unheld_challenge_that_comes_to_nothing_is_silently_over(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        for tenths in range(1, 20):
            story.at(5.0 + tenths / 10, ev.SpeechContinued, ANN, 0.9, 0.1)
        story.until(7.0)
        story.at(7.1, ev.SpeechEnded, ANN, 0.1, 0.16)
        assert story.until(8.09) == []
        assert story.until(8.1) == [fx.DiscardTurn(ANN)]

    def test_the_line_goes_dead_in_a_challenge(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        assert kinds(story.until(6.2)) == [fx.Resume]
        assert kinds(story.until(7.0)) == [fx.DiscardTurn]

    def test_the_speaker_leaves_in_a_challenge(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.05, ev.ParticipantJoined, BOB)
        assert story.at(5.1, ev.ParticipantLeft, ANN) == [
            fx.DiscardTurn(ANN, awaits_words=True),
            fx.FinishTurn(ANN, 2),
            fx.Resume(1, "word", "nobody speaks who may interrupt"),
        ]

    def test_the_reply_ends_by_itself_in_a_challenge(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        assert story.at(5.01, ev.AudioDrained, 1) == []
        assert story.state() is FloorState.USER_SPEAKING
        assert story.at(5.5, ev.SpeechContinued, ANN, 0.9, 0.5) == [fx.AnnounceTurnStarted(ANN, 1.0, False, 0)]

    def test_the_reply_ends_by_itself_after_a_turn_that_was_over(self) -> None:
        """Ann's last words overlap with the agent's: what she said is a turn, and a detector has told its end."""
        story = speaking()
        story.speaks(ANN, 5.0, 0.3)
        story.stops(ANN, 5.5, 0.3)
        story.at(5.6, ev.TurnEnded, ANN, 0.9, 0.3, 0.2)
        assert kinds(story.until(5.7)) == [fx.Resume]
        assert story.at(5.9, ev.AudioDrained, 1) == [fx.FinishTurn(ANN, 2)]
        story.at(6.0, ev.TranscriptReceived, ANN, "thank you", True)
        assert fx.RecordTurn(ANN, "thank you") in story.at(6.0, ev.TranscriptCompleted, ANN, 2)

    def test_the_reply_fails_in_a_challenge(self) -> None:
        story = Story()
        story.asks(ANN, "how are you")
        story.at(2.0, ev.SpeechStarted, ANN)
        assert story.at(2.1, ev.ReplyFailed, 1) == [fx.DropReply(1, "it could not be made")]
        assert story.state() is FloorState.USER_SPEAKING

    def test_the_policy_chooses_where_to_go_on(self) -> None:
        story = speaking(knobs(rewind="exact"))
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        assert resumed(story.until(6.0)) == (1, "exact", "0.22 s of clear speech")

    def test_zero_speech_means_the_first_window(self) -> None:
        story = speaking(knobs(commit_speech=0.0))
        assert kinds(story.at(5.0, ev.SpeechStarted, ANN)) == [fx.BeginTurn, fx.Hold, fx.Commit, fx.AnnounceTurnStarted]


class TestWithoutHolding:
    POLICY = knobs(hold=False)

    def test_an_interruption_is_heard_when_it_is_decided(self) -> None:
        story = speaking(self.POLICY)
        assert story.at(5.0, ev.SpeechStarted, ANN) == [fx.BeginTurn(ANN)]
        assert story.state() is FloorState.SPEAKING
        assert kinds(story.at(5.5, ev.SpeechContinued, ANN, 0.9, 0.5)) == [fx.Commit, fx.AnnounceTurnStarted]

    def test_a_cough_costs_nothing(self) -> None:
        story = speaking(self.POLICY)
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        assert story.until(6.4) == [fx.DiscardTurn(ANN)]

    def test_the_reply_is_watched_all_the_while(self) -> None:
        story = speaking(self.POLICY)
        story.at(9.9, ev.SpeechStarted, ANN)
        assert fx.DropReply(1, "the sound stalled") in story.until(10.0)


class TestCodeHasSomethingElseToSay:
    def test_it_is_silent_at_once_and_says_it(self) -> None:
        story = speaking()
        assert story.at(3.0, ev.ReplyRequested, 2, True, True) == [
            fx.Commit(1, 1, None, "a text is to be answered at once"),
            fx.BeginReply(2, 1, answer=False),
        ]

    def test_what_waits_gives_way_too(self) -> None:
        story = speaking()
        story.at(2.5, ev.ReplyRequested, 2)
        assert kinds(story.at(3.0, ev.ReplyRequested, 3, True, True)) == [fx.Commit, fx.DropReply, fx.BeginReply]

    def test_with_nothing_to_interrupt_it_is_no_interruption(self) -> None:
        assert Story().at(0.0, ev.ReplyRequested, 1, True, True) == [fx.BeginReply(1, 0, answer=False)]

    def test_it_waits_for_who_speaks(self) -> None:
        story = speaking()
        story.speaks(ANN, 3.0, 0.1)
        assert kinds(story.at(3.2, ev.ReplyRequested, 2, True, True)) == [fx.Commit]
        story.stops(ANN, 3.4, 0.1)
        story.at(3.5, ev.TurnEnded, ANN)
        assert story.finds_no_words(ANN, 3.6, 2) == [fx.DiscardTurn(ANN), fx.BeginReply(2, 1, answer=False)]

    def test_twice_is_once(self) -> None:
        story = speaking()
        assert story.at(3.0, ev.ReplyRequested, 1, True, True) == []


class TestCodeInterrupts:
    def test_in_mid_reply(self) -> None:
        story = speaking()
        assert story.at(3.0, ev.InterruptRequested) == [fx.Commit(1, 1, None, "asked for by code")]
        assert story.state() is FloorState.IDLE

    def test_when_the_epoch_has_advanced_already(self) -> None:
        story = speaking()
        assert story.at(3.0, ev.InterruptRequested, 4) == [fx.Commit(4, 1, None, "asked for by code")]
        assert story.at(3.1, ev.InterruptRequested, 4) == []
        assert story.at(3.2, ev.InterruptRequested, 2) == []
        assert story.floor.epoch == 4

    def test_when_nothing_is_going_on(self) -> None:
        assert Story().at(0.0, ev.InterruptRequested) == [fx.Commit(1, None, None, "asked for by code")]

    def test_in_a_challenge_and_the_speaker_is_heard_on(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        assert kinds(story.at(5.1, ev.InterruptRequested)) == [fx.Commit]
        assert story.at(5.5, ev.SpeechContinued, ANN, 0.9, 0.5) == [fx.AnnounceTurnStarted(ANN, 1.0, False, 1)]

    def test_it_takes_back_what_waits(self) -> None:
        story = speaking()
        story.at(3.0, ev.ReplyRequested, 2)
        story.at(3.0, ev.ReplyRequested, 3, False)
        assert story.at(3.1, ev.InterruptRequested) == [
            fx.Commit(1, 1, None, "asked for by code"),
            fx.DropReply(2, "interrupted"),
            fx.BeginReply(3, 1, answer=False),
        ]

    def test_a_standing_question_is_not_answered_any_more(self) -> None:
        story = Story()
        story.asks(ANN, "how are you")
        story.speaks(ANN, 2.0, 0.64)
        story.at(2.7, ev.InterruptRequested)
        story.stops(ANN, 2.9, 0.64)
        story.at(3.0, ev.TurnEnded, ANN)
        assert story.finds_no_words(ANN, 3.1, 2) == [fx.DiscardTurn(ANN)]

    def test_an_answer_that_waits_is_not_given_any_more(self) -> None:
        """Bob's question waits for Ann, who talks on."""
        story = Story()
        story.at(0.0, ev.TurnStarted, ANN)
        story.asks_while_others_speak(BOB, "and me", 0.1)
        assert kinds(story.at(3.0, ev.InterruptRequested)) == [fx.Commit]
        story.at(3.1, ev.TurnEnded, ANN)
        assert story.finds_no_words(ANN, 3.2, 2) == [fx.DiscardTurn(ANN)]
