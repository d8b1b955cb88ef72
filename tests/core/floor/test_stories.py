"""The floor, told as stories: somebody speaks, the agent answers, somebody interrupts."""

from __future__ import annotations

from typing import Any

import pytest

from vision_agents.core.floor import FloorState, InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev

from .story import Story, kinds

ANN, BOB = "ann", "bob"

about: Any = pytest.approx


def speaking(policy: InterruptionPolicy | None = None) -> Story:
    """Ann asked at 0.0; reply 1 answers her and sounds since 2.0."""
    story = Story(policy)
    story.asks(ANN, "how are you")
    story.answers(2.0)
    return story


class TestAnOrdinaryTurn:
    def test_from_silence_to_answer_and_back(self) -> None:
        story = Story()
        assert story.state() is FloorState.IDLE
        assert story.at(0.0, ev.SpeechStarted, ANN, 0.9, 0.04) == [fx.BeginTurn(ANN)]
        assert story.state() is FloorState.USER_SPEAKING
        assert story.at(0.2, ev.SpeechContinued, ANN, 0.8, 0.2) == []
        # As much speech as an interruption needs is a turn.
        assert story.at(0.4, ev.SpeechContinued, ANN, 0.95, 0.36) == [fx.AnnounceTurnStarted(ANN, 0.95, False, 0)]
        assert story.at(0.6, ev.SpeechEnded, ANN, 0.4, 0.16) == []
        assert story.state() is FloorState.USER_SPEAKING
        effects = story.at(0.8, ev.TurnEnded, ANN, 0.7, None, 0.36)
        assert effects == [
            fx.AnnounceTurnEnded(ANN, 0.7, about(0.48), about(0.36)),
            fx.FinishTurn(ANN, 1),
        ]
        assert story.state() is FloorState.THINKING
        assert story.at(0.9, ev.WordsHeard, ANN, "good morning", True) == []
        assert story.at(0.9, ev.WordsComplete, ANN, 1) == [
            fx.TurnTaken(ANN, "good morning"),
            fx.BeginReply(1, 0, answer=True),
        ]
        assert story.state() is FloorState.THINKING
        assert story.at(1.5, ev.AudioStarted, 1) == []
        assert story.state() is FloorState.SPEAKING
        assert story.at(3.0, ev.AudioProgressed, 1) == []
        assert story.at(4.0, ev.AudioDrained, 1) == []
        assert story.state() is FloorState.IDLE

    def test_a_pause_within_a_sentence_does_not_end_it(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.64)
        story.stops(ANN, 0.9, 0.64)
        assert story.speaks(ANN, 1.5, 0.64) == [fx.BeginTurn(ANN)]
        story.stops(ANN, 2.4, 0.64)
        [ended, _] = story.at(2.6, ev.TurnEnded, ANN, 0.9, None, 0.36)
        assert isinstance(ended, fx.AnnounceTurnEnded)
        assert ended.duration == about(2.24 + 0.04)

    def test_a_short_word_is_announced_when_its_words_are_known(self) -> None:
        story = Story()
        assert story.speaks(ANN, 0.0, 0.2) == [fx.BeginTurn(ANN)]
        story.stops(ANN, 0.4, 0.2)
        assert story.at(0.6, ev.TurnEnded, ANN) == [fx.FinishTurn(ANN, 1)]
        story.at(0.7, ev.WordsHeard, ANN, "yes", True)
        assert kinds(story.at(0.7, ev.WordsComplete, ANN, 1)) == [
            fx.AnnounceTurnStarted,
            fx.AnnounceTurnEnded,
            fx.TurnTaken,
            fx.BeginReply,
        ]

    def test_a_cough_is_never_announced_nor_answered(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.2)
        story.stops(ANN, 0.4, 0.2)
        story.at(0.6, ev.TurnEnded, ANN)
        assert story.at(0.7, ev.WordsComplete, ANN, 1) == [fx.DiscardTurn(ANN)]
        assert story.state() is FloorState.IDLE

    def test_a_guess_is_replaced_and_final_words_stay(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        for text, final in [("I", False), ("I think", False), ("I think so", True), ("no", False), ("not", False)]:
            story.at(1.1, ev.WordsHeard, ANN, text, final)
        story.stops(ANN, 1.2, 0.96)
        story.at(1.3, ev.TurnEnded, ANN)
        assert fx.TurnTaken(ANN, "I think so not") in story.at(1.4, ev.WordsComplete, ANN, 1)

    def test_speech_goes_on_while_the_words_are_awaited(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.stops(ANN, 1.2, 0.96)
        story.at(1.3, ev.WordsHeard, ANN, "my number is", True)
        story.at(1.4, ev.TurnEnded, ANN)
        assert kinds(story.speaks(ANN, 1.5, 0.64)) == [fx.BeginTurn, fx.AnnounceTurnStarted]
        # The first request is answered now, and means nothing any more.
        assert story.at(2.2, ev.WordsComplete, ANN, 1) == []
        story.stops(ANN, 2.4, 0.64)
        assert fx.FinishTurn(ANN, 2) in story.at(2.5, ev.TurnEnded, ANN)
        assert story.at(2.6, ev.WordsComplete, ANN, 1) == []
        story.at(2.6, ev.WordsHeard, ANN, "five", True)
        assert story.at(2.6, ev.WordsComplete, ANN, 2) == [
            fx.TurnTaken(ANN, "my number is five"),
            fx.BeginReply(1, 0, answer=True),
        ]

    def test_a_detector_that_reports_only_start_and_end(self) -> None:
        story = Story()
        assert story.at(0.0, ev.TurnStarted, ANN, 0.8) == [
            fx.BeginTurn(ANN),
            fx.AnnounceTurnStarted(ANN, 0.8, False, 0),
        ]
        assert story.at(5.0, ev.TurnEnded, ANN, 0.7, None, 1.0) == [
            fx.AnnounceTurnEnded(ANN, 0.7, 4.0, 1.0),
            fx.FinishTurn(ANN, 1),
        ]

    def test_a_turn_may_begin_and_end_in_the_same_instant(self) -> None:
        story = Story()
        story.at(1.0, ev.TurnStarted, ANN)
        assert kinds(story.at(1.0, ev.TurnEnded, ANN)) == [fx.AnnounceTurnEnded, fx.FinishTurn]

    def test_the_detector_that_is_surest_counts(self) -> None:
        story = Story()
        story.at(0.0, ev.SpeechStarted, ANN, 0.6)
        assert story.at(0.1, ev.TurnStarted, ANN, 0.8) == [fx.AnnounceTurnStarted(ANN, 0.8, False, 0)]

    def test_a_late_end_does_not_cut_off_who_speaks_again(self) -> None:
        """The detector judged the pause at 1.0 to 1.2, and its answer comes when Ann has gone on."""
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.stops(ANN, 1.2, 0.96)
        story.at(1.25, ev.SpeechStarted, ANN)
        assert story.at(1.28, ev.TurnEnded, ANN, 0.9, 1.0, 0.3) == []
        assert story.state() is FloorState.USER_SPEAKING


class TestAnInterruption:
    def test_the_first_window_holds_and_speech_commits(self) -> None:
        story = speaking()
        assert story.at(5.0, ev.SpeechStarted, ANN, 0.9, 0.04) == [fx.BeginTurn(ANN), fx.Hold(1, ANN)]
        assert story.state() is FloorState.HELD
        assert story.at(5.3, ev.SpeechContinued, ANN, 0.9, 0.35) == []
        assert story.at(5.4, ev.SpeechContinued, ANN, 0.8, 0.36) == [
            fx.Commit(1, 1, ANN, "0.36 s of speech"),
            fx.AnnounceTurnStarted(ANN, 0.9, True, 1),
        ]
        assert story.state() is FloorState.USER_SPEAKING
        assert story.floor.reply is None
        # It goes on as any other turn, and its answer is born in the new epoch.
        story.stops(ANN, 6.0, 0.8)
        story.at(6.1, ev.TurnEnded, ANN)
        story.at(6.2, ev.WordsHeard, ANN, "stop", True)
        assert fx.BeginReply(2, 1, answer=True) in story.at(6.2, ev.WordsComplete, ANN, 2)

    def test_a_cough_holds_and_resumes(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.2)
        assert story.stops(ANN, 5.4, 0.2) == []
        assert story.until(5.7) == [fx.Resume(1, "word", "too short"), fx.DiscardTurn(ANN)]
        assert story.state() is FloorState.SPEAKING
        assert story.at(6.0, ev.AudioDrained, 1) == []
        assert story.state() is FloorState.IDLE

    def test_the_gap_between_two_words_does_not_resume(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        assert story.at(5.55, ev.SpeechStarted, ANN) == [fx.BeginTurn(ANN)]  # still held
        assert kinds(story.at(5.75, ev.SpeechContinued, ANN, 0.9, 0.2)) == [fx.Commit, fx.AnnounceTurnStarted]

    def test_a_detector_that_vouches_commits_at_once(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        effects = story.at(5.05, ev.TurnStarted, ANN, 0.8)
        assert effects == [
            fx.Commit(1, 1, ANN, "the detector says that a turn began"),
            fx.AnnounceTurnStarted(ANN, 1.0, True, 1),
        ]

    def test_the_last_report_of_speech_counts_too(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        assert fx.Commit(1, 1, ANN, "0.40 s of speech") in story.at(5.6, ev.SpeechEnded, ANN, 0.4, 0.16)

    def test_an_end_reported_before_the_speech_it_ends(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        assert story.at(5.6, ev.TurnEnded, ANN, 0.9, 0.4, 0.1) == []
        assert fx.Commit(1, 1, ANN, "0.40 s of speech") in story.at(5.6, ev.SpeechEnded, ANN, 0.4, 0.16)

    def test_within_a_challenge_the_evidence_decides_not_the_end(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        assert story.at(5.45, ev.TurnEnded, ANN) == []
        assert kinds(story.until(6.0)) == [fx.Resume, fx.DiscardTurn]

    def test_the_answer_is_interrupted_before_it_sounds(self) -> None:
        """Nothing of it was heard: whatever becomes of the new words, the question still stands."""
        story = Story()
        story.asks(ANN, "how are you")
        assert kinds(story.speaks(ANN, 2.0, 0.64)) == [fx.BeginTurn, fx.Hold, fx.Commit, fx.AnnounceTurnStarted]
        story.stops(ANN, 2.9, 0.64)
        story.at(3.0, ev.TurnEnded, ANN)
        assert story.at(3.1, ev.WordsComplete, ANN, 2) == [fx.DiscardTurn(ANN), fx.BeginReply(2, 1, answer=True)]
        story.at(3.5, ev.AudioDrained, 2)
        # Once: the next cough gets no answer.
        story.speaks(ANN, 4.0, 0.2)
        story.stops(ANN, 4.4, 0.2)
        assert [fx.FinishTurn(ANN, 3), fx.DiscardTurn(ANN)] == story.end()

    @pytest.mark.parametrize("heard", [True, False], ids=["an answer that was heard", "what code says"])
    def test_nothing_is_owed_for(self, heard: bool) -> None:
        if heard:
            story = speaking()
        else:
            story = Story()
            story.at(2.0, ev.ReplyRequested, 1)
        story.speaks(ANN, 3.0, 0.64)
        story.stops(ANN, 3.9, 0.64)
        story.at(4.0, ev.TurnEnded, ANN)
        assert story.end() == [fx.DiscardTurn(ANN)]

    def test_a_question_that_still_stands_never_talks_over_who_asked_it(self) -> None:
        """Ann goes on for half a minute: the agent does not barge in with an answer to the first half."""
        story = Story()
        story.asks(ANN, "so")
        story.speaks(ANN, 2.0, 32.0)
        assert story.state() is FloorState.USER_SPEAKING
        story.stops(ANN, 34.2, 32.0)
        story.at(34.4, ev.TurnEnded, ANN)
        story.at(34.5, ev.WordsHeard, ANN, "what is it", True)
        assert story.at(34.5, ev.WordsComplete, ANN, 2) == [
            fx.TurnTaken(ANN, "what is it"),
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
        assert kinds(story.at(2.8, ev.ParticipantLeft, ANN)) == [fx.AnnounceTurnEnded, fx.DiscardTurn]
        assert story.state() is FloorState.IDLE

    def test_a_hold_has_a_limit_and_the_evidence_counts_on(self) -> None:
        """Ann makes so little speech that it takes her longer than a hold may last."""
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        for tenths in range(1, 20):
            story.at(5.0 + tenths / 10, ev.SpeechContinued, ANN, 0.9, 0.1)
        assert story.until(7.0) == [fx.Resume(1, "word", "no decision within the limit")]
        assert story.state() is FloorState.SPEAKING
        assert kinds(story.at(7.05, ev.SpeechContinued, ANN, 0.9, 0.4)) == [fx.Commit, fx.AnnounceTurnStarted]

    def test_who_begins_again_after_the_limit_is_held_for_again(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        for tenths in range(1, 20):
            story.at(5.0 + tenths / 10, ev.SpeechContinued, ANN, 0.9, 0.1)
        story.until(7.0)
        story.at(7.05, ev.SpeechEnded, ANN, 0.1, 0.16)
        assert story.at(7.1, ev.SpeechStarted, ANN) == [fx.BeginTurn(ANN), fx.Hold(1, ANN)]

    def test_an_unheld_challenge_that_comes_to_nothing_is_silently_over(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        for tenths in range(1, 20):
            story.at(5.0 + tenths / 10, ev.SpeechContinued, ANN, 0.9, 0.1)
        story.until(7.0)
        story.at(7.1, ev.SpeechEnded, ANN, 0.1, 0.16)
        assert story.until(7.5) == [fx.DiscardTurn(ANN)]

    def test_the_line_goes_dead_in_a_challenge(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        assert kinds(story.until(6.5)) == [fx.Resume, fx.DiscardTurn]

    def test_the_speaker_leaves_in_a_challenge(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        assert story.at(5.1, ev.ParticipantLeft, ANN) == [fx.DiscardTurn(ANN), fx.Resume(1, "word", "the speaker left")]

    def test_the_reply_ends_by_itself_in_a_challenge(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        assert story.at(5.01, ev.AudioDrained, 1) == []
        assert story.state() is FloorState.USER_SPEAKING
        assert story.at(5.4, ev.SpeechContinued, ANN, 0.9, 0.4) == [fx.AnnounceTurnStarted(ANN, 1.0, False, 0)]

    def test_the_reply_fails_in_a_challenge(self) -> None:
        story = Story()
        story.asks(ANN, "how are you")
        story.at(2.0, ev.SpeechStarted, ANN)
        assert story.at(2.1, ev.ReplyFailed, 1) == [fx.DropReply(1, "it could not be made")]
        assert story.state() is FloorState.USER_SPEAKING

    def test_the_policy_chooses_where_to_go_on(self) -> None:
        story = speaking(InterruptionPolicy(rewind="exact"))
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        assert fx.Resume(1, "exact", "too short") in story.until(6.0)

    def test_zero_speech_means_the_first_window(self) -> None:
        story = speaking(InterruptionPolicy(commit_speech=0.0))
        assert kinds(story.at(5.0, ev.SpeechStarted, ANN)) == [fx.BeginTurn, fx.Hold, fx.Commit, fx.AnnounceTurnStarted]


class TestWithoutHolding:
    POLICY = InterruptionPolicy(hold=False)

    def test_an_interruption_is_heard_when_it_is_decided(self) -> None:
        story = speaking(self.POLICY)
        assert story.at(5.0, ev.SpeechStarted, ANN) == [fx.BeginTurn(ANN)]
        assert story.state() is FloorState.SPEAKING
        assert kinds(story.at(5.4, ev.SpeechContinued, ANN, 0.9, 0.4)) == [fx.Commit, fx.AnnounceTurnStarted]

    def test_a_cough_costs_nothing(self) -> None:
        story = speaking(self.POLICY)
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        assert story.until(6.0) == [fx.DiscardTurn(ANN)]

    def test_the_reply_is_watched_all_the_while(self) -> None:
        story = speaking(self.POLICY)
        story.at(9.9, ev.SpeechStarted, ANN)
        assert fx.DropReply(1, "the sound stalled") in story.until(10.0)


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
        assert story.at(5.4, ev.SpeechContinued, ANN, 0.9, 0.4) == [fx.AnnounceTurnStarted(ANN, 1.0, False, 1)]

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
        assert story.at(3.1, ev.WordsComplete, ANN, 2) == [fx.DiscardTurn(ANN)]

    def test_an_answer_that_waits_is_not_given_any_more(self) -> None:
        """Bob's question waits for Ann, who talks on."""
        story = Story()
        story.at(0.0, ev.TurnStarted, ANN)
        story.asks_while_others_speak(BOB, "and me", 0.1)
        assert kinds(story.at(3.0, ev.InterruptRequested)) == [fx.Commit]
        story.at(3.1, ev.TurnEnded, ANN)
        assert story.at(3.2, ev.WordsComplete, ANN, 2) == [fx.DiscardTurn(ANN)]


class TestWhatCodeSays:
    def test_at_once_when_nobody_speaks(self) -> None:
        story = Story()
        assert story.at(0.0, ev.ReplyRequested, 1) == [fx.BeginReply(1, 0, answer=False)]

    def test_in_its_turn(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        assert story.at(0.1, ev.ReplyRequested, 2) == []
        story.answers(0.5)
        assert story.at(2.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=False)]

    def test_the_same_number_twice_is_one_reply(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        assert story.at(0.0, ev.ReplyRequested, 1) == []
        assert story.at(1.0, ev.AudioDrained, 1) == []
        assert story.state() is FloorState.IDLE

    def test_it_waits_until_people_are_done_but_not_for_ever(self) -> None:
        story = Story(InterruptionPolicy(wait_limit=1.5))
        story.speaks(ANN, 0.0, 0.96)
        assert story.at(1.0, ev.ReplyRequested, 1) == []
        for tenths in range(1, 15):
            assert story.at(1.0 + tenths / 10, ev.SpeechContinued, ANN, 0.9, 1.0 + tenths / 10) == []
        assert story.until(2.5) == [fx.BeginReply(1, 0, answer=False)]

    def test_who_was_talked_over_may_interrupt_and_loses_no_word(self) -> None:
        story = Story(InterruptionPolicy(wait_limit=1.0))
        story.speaks(ANN, 0.0, 0.96)
        story.at(0.97, ev.WordsHeard, ANN, "first of all", True)
        story.at(0.98, ev.ReplyRequested, 1)
        story.at(1.5, ev.SpeechEnded, ANN, 0.96, 0.16)
        assert story.until(2.0) == [fx.BeginReply(1, 0, answer=False)]
        # A cough of hers does not discard the turn, for it had begun before the reply.
        assert kinds(story.speaks(ANN, 2.1, 0.2)) == [fx.BeginTurn, fx.Hold]
        story.stops(ANN, 2.5, 0.2)
        assert kinds(story.until(2.8)) == [fx.Resume]
        # And when she goes on, she interrupts: that is told, though the turn was announced before.
        assert kinds(story.speaks(ANN, 2.9, 0.64)) == [
            fx.BeginTurn,
            fx.Hold,
            fx.Commit,
            fx.AnnounceTurnEnded,
            fx.AnnounceTurnStarted,
        ]
        story.stops(ANN, 3.8, 0.64)
        [ended, _] = story.at(3.9, ev.TurnEnded, ANN)
        assert isinstance(ended, fx.AnnounceTurnEnded)
        assert ended.duration == about(3.64 - 2.9)
        assert fx.TurnTaken(ANN, "first of all") in story.at(4.0, ev.WordsComplete, ANN, 1)

    def test_a_detector_that_vouches_for_who_is_talked_over_interrupts(self) -> None:
        story = Story(InterruptionPolicy(wait_limit=1.0))
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(0.1, ev.ReplyRequested, 1)
        assert story.until(1.1) == [fx.BeginReply(1, 0, answer=False)]
        assert kinds(story.at(2.0, ev.TurnStarted, ANN)) == [
            fx.Hold,
            fx.Commit,
            fx.AnnounceTurnEnded,
            fx.AnnounceTurnStarted,
        ]

    def test_who_is_challenging_is_not_announced_before_it_is_decided(self) -> None:
        """Two bits of speech make a turn, but only the second one is against the agent."""
        story = Story(InterruptionPolicy(wait_limit=1.0))
        story.speaks(ANN, 0.0, 0.2)
        story.at(0.3, ev.ReplyRequested, 1)
        story.stops(ANN, 0.4, 0.2)
        assert story.until(1.3) == [fx.BeginReply(1, 0, answer=False)]
        assert kinds(story.speaks(ANN, 1.4, 0.2)) == [fx.BeginTurn, fx.Hold]
        story.stops(ANN, 1.8, 0.2)
        assert kinds(story.until(2.0)) == [fx.Resume, fx.AnnounceTurnStarted]

    def test_a_cough_while_words_are_awaited_does_not_cost_them(self) -> None:
        story = Story(InterruptionPolicy(wait_limit=1.0))
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.answers(0.0)
        story.at(0.1, ev.ReplyRequested, 2)
        story.speaks(ANN, 0.2, 0.96)
        story.stops(ANN, 1.4, 0.96)
        story.at(1.5, ev.WordsHeard, ANN, "by the way", True)
        story.at(1.5, ev.TurnEnded, ANN)
        story.at(1.6, ev.AudioDrained, 1)
        assert fx.BeginReply(2, 0, answer=False) in story.until(1.6)
        story.speaks(ANN, 1.7, 0.2)
        story.stops(ANN, 2.1, 0.2)
        assert kinds(story.until(2.5)) == [fx.Resume]
        assert fx.TurnTaken(ANN, "by the way") in story.end()

    def test_it_is_refused_beyond_the_limit_and_says_so(self) -> None:
        story = Story(InterruptionPolicy(queue_limit=2))
        for number in (1, 2, 3):
            story.at(0.0, ev.ReplyRequested, number)
        assert story.at(0.1, ev.ReplyRequested, 4) == [fx.DropReply(4, "2 replies wait already")]

    def test_an_interruption_takes_back_what_waits_but_not_what_may_not_be_interrupted(self) -> None:
        story = speaking()
        story.at(3.0, ev.ReplyRequested, 2)
        story.at(3.0, ev.ReplyRequested, 3, False)
        effects = story.speaks(ANN, 4.0, 0.64)
        assert fx.DropReply(2, "interrupted") in effects
        story.stops(ANN, 4.9, 0.64)
        story.at(5.0, ev.TurnEnded, ANN)
        story.at(5.1, ev.WordsHeard, ANN, "wait", True)
        assert fx.BeginReply(3, 1, answer=False) in story.at(5.1, ev.WordsComplete, ANN, 2)
        story.answers(5.5)
        assert story.at(6.0, ev.AudioDrained, 3) == [fx.BeginReply(4, 1, answer=True)]

    def test_nobody_interrupts_what_may_not_be_interrupted_and_is_answered_after_it(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.answers(0.5)
        effects = story.speaks(ANN, 1.0, 0.96)
        assert kinds(effects) == [fx.BeginTurn, fx.AnnounceTurnStarted]
        assert story.at(1.98, ev.TurnStarted, ANN) == []
        story.stops(ANN, 2.2, 0.96)
        story.at(2.3, ev.TurnEnded, ANN)
        story.at(2.4, ev.WordsHeard, ANN, "is that so", True)
        assert story.at(2.4, ev.WordsComplete, ANN, 1) == [fx.TurnTaken(ANN, "is that so")]
        assert story.at(4.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=True)]

    def test_it_is_withdrawn_before_its_turn(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        story.at(0.0, ev.ReplyRequested, 2)
        assert story.at(0.1, ev.ReplyFailed, 2) == [fx.DropReply(2, "it could not be made")]
        assert story.at(1.0, ev.AudioDrained, 1) == []
        assert story.state() is FloorState.IDLE


class TestDeadlines:
    """Whatever is waited for may never come."""

    def test_a_microphone_goes_mute_in_mid_sentence(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.at(0.97, ev.WordsHeard, ANN, "hello", False)
        assert story.until(1.97) == []
        assert kinds(story.until(3.98)) == [fx.AnnounceTurnEnded, fx.FinishTurn]
        assert kinds(story.until(7.0)) == [fx.TurnTaken, fx.BeginReply]

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
        story.until(7.0)
        assert kinds(story.at(7.1, ev.SpeechContinued, ANN, 0.9, 0.3)) == [fx.BeginTurn, fx.Hold]
        assert kinds(story.at(7.5, ev.SpeechContinued, ANN, 0.9, 0.66)) == [fx.Commit, fx.AnnounceTurnStarted]

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
        story.at(2.0, ev.WordsHeard, ANN, "hello", True)
        assert fx.TurnTaken(ANN, "hello") in story.until(4.0)

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
        story.at(0.3, ev.WordsHeard, ANN, "yes", True)
        story.stops(ANN, 0.4, 0.2)
        assert story.until(2.4) == [fx.FinishTurn(ANN, 1)]
        assert fx.TurnTaken(ANN, "yes") in story.end()

    def test_a_detector_that_reports_only_start_and_end_is_given_time(self) -> None:
        story = Story()
        assert kinds(story.at(0.0, ev.TurnStarted, ANN)) == [fx.BeginTurn, fx.AnnounceTurnStarted]
        assert story.at(20.0, ev.TurnStarted, ANN) == []  # a sign of life
        assert story.until(49.0) == []
        assert kinds(story.until(52.0)) == [fx.AnnounceTurnEnded, fx.FinishTurn]

    def test_the_words_do_not_come(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.at(1.0, ev.WordsHeard, ANN, "hello the", False)
        story.stops(ANN, 1.2, 0.96)
        story.at(1.3, ev.TurnEnded, ANN)
        assert story.until(4.3) == [fx.TurnTaken(ANN, "hello the"), fx.BeginReply(1, 0, answer=True)]

    def test_the_reply_makes_no_sound(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        assert story.until(20.0) == [fx.DropReply(1, "no sound in time")]
        assert story.state() is FloorState.IDLE

    def test_the_reply_stalls(self) -> None:
        story = speaking()
        story.at(4.0, ev.AudioProgressed, 1)
        assert story.until(11.9) == []
        assert story.until(12.0) == [fx.DropReply(1, "the sound stalled")]

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
        assert story.until(19.2) == [fx.DropReply(1, "the sound stalled")]

    def test_a_reply_that_fails_before_its_first_sound_is_over(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        assert story.at(1.0, ev.ReplyFailed, 1) == [fx.DropReply(1, "it could not be made")]

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
        story = Story(InterruptionPolicy(reply_timeout=0.0))
        for number in range(1, 17):
            story.floor.handle(ev.ReplyRequested(0.0, number))
        assert story.floor.deadline == 0.0
        dropped = [effect.reply for effect in story.end() if isinstance(effect, fx.DropReply)]
        assert dropped == list(range(1, 17))

    def test_a_timer_that_comes_early_does_nothing(self) -> None:
        story = speaking()
        assert story.at(3.0, ev.TimePassed) == []


class TestSeveralPeople:
    def test_one_alone_must_have_spoken_enough(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        assert story.at(5.0, ev.SpeechStarted, BOB) == [fx.BeginTurn(BOB)]
        assert story.at(5.3, ev.SpeechContinued, ANN, 0.9, 0.3) == []
        assert story.at(5.3, ev.SpeechContinued, BOB, 0.9, 0.3) == []
        effects = story.at(5.4, ev.SpeechContinued, BOB, 0.9, 0.36)
        assert effects == [fx.Commit(1, 1, BOB, "0.36 s of speech"), fx.AnnounceTurnStarted(BOB, 1.0, True, 1)]
        # Ann's is now a turn like any other.
        assert story.at(5.4, ev.SpeechContinued, ANN, 0.9, 0.36) == [fx.AnnounceTurnStarted(ANN, 1.0, False, 1)]

    def test_the_agent_resumes_when_the_last_one_is_quiet(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.1, ev.SpeechStarted, BOB)
        story.at(5.3, ev.SpeechEnded, ANN, 0.1, 0.16)
        assert story.until(5.55) == []
        story.at(5.6, ev.SpeechEnded, BOB, 0.1, 0.16)
        assert story.until(5.8) == [fx.Resume(1, "word", "too short"), fx.DiscardTurn(ANN), fx.DiscardTurn(BOB)]

    def test_a_cough_is_not_looked_into_while_another_hums_on(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.1, ev.SpeechStarted, BOB)
        story.at(5.3, ev.SpeechEnded, ANN, 0.1, 0.16)
        effects: list[fx.Effect] = []
        for tenths in range(2, 40):
            effects += story.until(5.0 + tenths / 10)
            effects += story.at(5.0 + tenths / 10, ev.SpeechContinued, BOB, 0.9, 0.1)
        assert effects == [fx.Resume(1, "word", "no decision within the limit")]
        story.at(9.0, ev.SpeechEnded, BOB, 0.1, 0.16)
        assert story.until(9.3) == [fx.DiscardTurn(ANN), fx.DiscardTurn(BOB)]

    def test_a_turn_beside_the_challenge_ends_as_any_other(self) -> None:
        """Ann was talked over and is done; it is Bob who challenges the agent."""
        story = Story(InterruptionPolicy(wait_limit=1.0))
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(0.1, ev.ReplyRequested, 1)
        story.until(1.1)
        assert fx.Hold(1, BOB) in story.at(2.0, ev.SpeechStarted, BOB)
        assert kinds(story.at(2.1, ev.TurnEnded, ANN)) == [fx.AnnounceTurnEnded, fx.FinishTurn]

    def test_one_leaves_and_the_other_still_challenges(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.1, ev.SpeechStarted, BOB)
        assert story.at(5.2, ev.ParticipantLeft, ANN) == [fx.DiscardTurn(ANN)]
        assert story.state() is FloorState.HELD

    def test_the_agent_lets_everyone_finish_and_answers_once(self) -> None:
        story = Story()
        story.at(0.0, ev.TurnStarted, ANN)
        story.asks_while_others_speak(BOB, "and me", 0.1)
        story.at(3.0, ev.TurnEnded, ANN)
        story.at(3.1, ev.WordsHeard, ANN, "me first", True)
        assert story.at(3.1, ev.WordsComplete, ANN, 2) == [
            fx.TurnTaken(ANN, "me first"),
            fx.BeginReply(1, 0, answer=True),
        ]
        story.answers(3.5)
        story.at(5.0, ev.AudioDrained, 1)
        assert story.state() is FloorState.IDLE

    def test_one_who_talks_on_and_on_is_not_waited_for_for_ever(self) -> None:
        story = Story()
        story.at(0.0, ev.TurnStarted, ANN)
        story.asks_while_others_speak(BOB, "and me", 0.1)
        assert story.until(13.5) == []
        assert story.until(13.6) == [fx.BeginReply(1, 0, answer=True)]

    def test_an_interruption_takes_back_what_code_wanted_to_say_after_an_answer(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        story.answers(0.0)
        story.at(0.1, ev.ReplyRequested, 2, False)
        story.at(0.2, ev.AudioDrained, 1)
        story.answers(0.3)
        story.asks_while_others_speak(BOB, "why", 0.4)  # reply 2 may not be interrupted
        story.at(2.5, ev.ReplyRequested, 3)
        assert story.at(2.6, ev.AudioDrained, 2) == [fx.BeginReply(4, 0, answer=True)]
        story.answers(2.7)
        assert fx.DropReply(3, "interrupted") in story.speaks(ANN, 3.0, 0.64)

    def test_an_answer_that_waits_outlives_an_interruption_by_another(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.answers(0.0)
        story.at(0.1, ev.ReplyRequested, 2)
        story.asks_while_others_speak(BOB, "why", 0.4)
        assert story.at(2.6, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=False)]
        story.answers(2.7)
        story.speaks(ANN, 3.0, 0.64)
        story.stops(ANN, 3.9, 0.64)
        story.at(4.0, ev.TurnEnded, ANN)
        assert story.at(4.1, ev.WordsComplete, ANN, 2) == [fx.DiscardTurn(ANN), fx.BeginReply(3, 1, answer=True)]

    def test_who_leaves_has_spoken_all_the_same(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.at(1.0, ev.WordsHeard, ANN, "I have to go", True)
        assert kinds(story.at(1.1, ev.ParticipantLeft, ANN)) == [fx.AnnounceTurnEnded, fx.TurnTaken]
        assert story.state() is FloorState.IDLE

    def test_who_leaves_among_others_wants_no_answer(self) -> None:
        story = Story()
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(0.0, ev.TurnStarted, BOB)
        story.at(0.5, ev.TurnEnded, BOB)
        story.at(0.6, ev.WordsComplete, BOB, 1)
        story.at(0.7, ev.WordsHeard, ANN, "bye", True)
        assert kinds(story.at(0.8, ev.ParticipantLeft, ANN)) == [fx.AnnounceTurnEnded, fx.TurnTaken]
        assert story.state() is FloorState.IDLE

    def test_who_said_nothing_leaves_no_trace(self) -> None:
        story = speaking()
        assert story.at(3.0, ev.ParticipantLeft, ANN) == []
        assert story.at(3.0, ev.ParticipantLeft, BOB) == []

    def test_who_comes_back_is_not_taken_for_who_left(self) -> None:
        """The words of the turn before she left come when she has begun a new one."""
        story = Story()
        for start in (0.0, 2.0):
            story.speaks(ANN, start, 0.96)
            story.stops(ANN, start + 1.2, 0.96)
            story.at(start + 1.3, ev.TurnEnded, ANN)
            if start == 0.0:
                story.at(1.4, ev.ParticipantLeft, ANN)
        assert story.at(3.4, ev.WordsComplete, ANN, 1) == []
        assert story.state() is FloorState.THINKING


class TestWordsAlone:
    """A recogniser without any detector: its words are the only sign of a turn."""

    def test_they_open_a_turn_and_their_end_closes_it(self) -> None:
        story = Story()
        assert kinds(story.at(0.0, ev.WordsHeard, ANN, "hello", False)) == [fx.BeginTurn, fx.AnnounceTurnStarted]
        assert story.at(0.5, ev.WordsHeard, ANN, "hello there", False) == []
        assert story.at(1.2, ev.WordsHeard, ANN, "hello there", True) == []
        assert story.until(2.4) == []
        # Another breath, and on.
        assert story.at(2.5, ev.WordsHeard, ANN, "how are you", True) == [fx.BeginTurn(ANN)]
        assert kinds(story.until(5.5)) == [fx.AnnounceTurnEnded, fx.FinishTurn]
        assert story.at(5.6, ev.WordsComplete, ANN, 1) == [
            fx.TurnTaken(ANN, "hello there how are you"),
            fx.BeginReply(1, 0, answer=True),
        ]

    def test_the_last_of_them_do_not_open_it_again(self) -> None:
        story = Story()
        story.at(0.0, ev.WordsHeard, ANN, "hello", False)
        story.until(3.0)
        assert story.at(3.1, ev.WordsHeard, ANN, "hello there", True) == []
        assert fx.TurnTaken(ANN, "hello there") in story.at(3.2, ev.WordsComplete, ANN, 1)

    def test_they_interrupt(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        story.answers(0.1)
        assert kinds(story.at(1.0, ev.WordsHeard, ANN, "stop", False)) == [
            fx.BeginTurn,
            fx.Hold,
            fx.Commit,
            fx.AnnounceTurnStarted,
        ]

    def test_no_words_are_no_turn(self) -> None:
        assert Story().at(0.0, ev.WordsHeard, ANN, "", True) == []

    def test_with_a_detector_late_words_open_nothing(self) -> None:
        story = speaking()
        assert story.at(3.0, ev.WordsHeard, ANN, "and so on", True) == []
        assert story.at(3.0, ev.WordsHeard, BOB, "and so on", True) == []
        assert story.at(3.0, ev.ParticipantLeft, ANN) == []
        assert story.at(3.1, ev.WordsHeard, ANN, "and so on", True) == []
        assert story.state() is FloorState.SPEAKING


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
        assert story.at(1.7, ev.WordsHeard, ANN, "hello", False) == []
        assert story.at(1.8, ev.WordsHeard, ANN, "hello", True) == [fx.TurnTaken(ANN, "hello")]
        assert story.at(1.9, ev.WordsHeard, ANN, "", True) == []
        story.answers(2.0)
        story.at(3.0, ev.AudioDrained, 1)
        assert story.state() is FloorState.IDLE

    def test_words_are_told_once(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        assert story.at(0.5, ev.WordsHeard, ANN, "bye", True) == [fx.TurnTaken(ANN, "bye")]
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

    def test_the_model_owes_an_answer_and_never_gives_it(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        assert story.state() is FloorState.THINKING
        assert story.until(21.0) == []
        assert story.state() is FloorState.IDLE

    def test_who_goes_on_gives_the_model_more_time(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        story.speaks(ANN, 2.0, 0.2)
        story.stops(ANN, 2.4, 0.2)
        assert story.until(4.4) == [fx.DiscardTurn(ANN)]
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
        assert kinds(story.until(2.0)) == [fx.Resume, fx.DiscardTurn]
        assert story.floor.reply == 1

    def test_an_answer_does_not_decide_a_challenge(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.answers(0.1)
        story.at(1.0, ev.SpeechStarted, ANN)
        assert story.at(1.1, ev.ReplyStarted, 2) == []
        assert story.until(1.9) == []
        assert story.state() is FloorState.HELD


class TestEventsThatMeanNothing:
    @pytest.mark.parametrize(
        "event",
        [
            ev.SpeechContinued(3.0, BOB, 0.9, 5.0),
            ev.SpeechEnded(3.0, BOB, 5.0),
            ev.TurnEnded(3.0, BOB),
            ev.WordsHeard(3.0, BOB, "hello", True),
            ev.WordsComplete(3.0, BOB, 1),
            ev.ParticipantLeft(3.0, BOB),
            ev.SpeechContinued(3.0, ANN, 0.9, 5.0),
            ev.SpeechEnded(3.0, ANN, 5.0),
            ev.TurnEnded(3.0, ANN),
            ev.WordsHeard(3.0, ANN, "hello", True),
            ev.WordsComplete(3.0, ANN, 1),
            ev.AudioStarted(3.0, 7),
            ev.AudioProgressed(3.0, 7),
            ev.AudioDrained(3.0, 7),
            ev.ReplyFailed(3.0, 7),
            ev.ReplyRequested(3.0, 1),
            ev.ReplyStarted(3.0, 1),
            ev.InterruptRequested(3.0, 0),
            ev.TimePassed(3.0),
            ev.FloorEvent(3.0),
        ],
        ids=repr,
    )
    def test_they_change_nothing(self, event: ev.FloorEvent) -> None:
        story = speaking()
        deadline = story.floor.deadline
        assert story.floor.handle(event) == []
        assert story.state() is FloorState.SPEAKING
        assert story.floor.deadline == deadline

    def test_a_second_start_within_speech_is_a_sign_of_life(self) -> None:
        story = Story()
        story.at(0.0, ev.SpeechStarted, ANN)
        assert story.at(0.9, ev.SpeechStarted, ANN) == []
        assert story.until(1.5) == []
        assert story.at(1.6, ev.SpeechContinued, ANN, 0.9, 0.1) == []
