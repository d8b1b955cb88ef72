"""Stories: turns as they are taken when nobody interrupts."""

from __future__ import annotations

import pytest

from vision_agents.core.floor import FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev

from .story import ANN, BOB, Story, about, kinds, speaking


class TestAnOrdinaryTurn:
    def test_from_silence_to_answer_and_back(self) -> None:
        story = Story()
        assert story.state() is FloorState.IDLE
        assert story.at(0.0, ev.SpeechStarted, ANN, 0.9, 0.04) == [fx.BeginTurn(ANN)]
        assert story.state() is FloorState.USER_SPEAKING
        assert story.at(0.2, ev.SpeechContinued, ANN, 0.8, 0.2) == []
        # As much speech as an interruption needs is a turn.
        assert story.at(0.5, ev.SpeechContinued, ANN, 0.95, 0.5) == [fx.AnnounceTurnStarted(ANN, 0.95, False, 0)]
        assert story.at(0.7, ev.SpeechEnded, ANN, 0.54, 0.16) == []
        assert story.state() is FloorState.USER_SPEAKING
        effects = story.at(0.8, ev.TurnEnded, ANN, 0.7, None, 0.26)
        assert effects == [
            fx.AnnounceTurnEnded(ANN, 0.7, about(0.58), about(0.26)),
            fx.FinishTurn(ANN, 1),
        ]
        assert story.state() is FloorState.THINKING
        assert story.at(0.9, ev.TranscriptReceived, ANN, "good morning", True) == []
        assert story.at(0.9, ev.TranscriptCompleted, ANN, 1) == [
            fx.RecordTurn(ANN, "good morning"),
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
        story.at(0.7, ev.TranscriptReceived, ANN, "yes", True)
        assert kinds(story.at(0.7, ev.TranscriptCompleted, ANN, 1)) == [
            fx.AnnounceTurnStarted,
            fx.AnnounceTurnEnded,
            fx.RecordTurn,
            fx.BeginReply,
        ]

    def test_a_cough_is_never_announced_nor_answered(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.2)
        story.stops(ANN, 0.4, 0.2)
        story.at(0.6, ev.TurnEnded, ANN)
        assert story.finds_no_words(ANN, 0.7, 1) == [fx.DiscardTurn(ANN)]
        assert story.state() is FloorState.IDLE

    def test_a_guess_is_replaced_and_final_words_stay(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        for text, final in [("I", False), ("I think", False), ("I think so", True), ("no", False), ("not", False)]:
            story.at(1.1, ev.TranscriptReceived, ANN, text, final)
        story.stops(ANN, 1.2, 0.96)
        story.at(1.3, ev.TurnEnded, ANN)
        assert fx.RecordTurn(ANN, "I think so not") in story.at(1.4, ev.TranscriptCompleted, ANN, 1)

    def test_the_words_so_far_can_be_read(self) -> None:
        story = Story()
        assert story.floor.transcript(ANN) == ""
        story.speaks(ANN, 0.0, 0.64)
        story.at(0.7, ev.TranscriptReceived, ANN, "good", True)
        story.at(0.8, ev.TranscriptReceived, ANN, "mourning", False)
        assert story.floor.transcript(ANN) == "good mourning"
        assert story.floor.transcript(BOB) == ""

    def test_speech_goes_on_while_the_words_are_awaited(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.stops(ANN, 1.2, 0.96)
        story.at(1.3, ev.TranscriptReceived, ANN, "my number is", True)
        story.at(1.4, ev.TurnEnded, ANN)
        assert kinds(story.speaks(ANN, 1.5, 0.64)) == [fx.BeginTurn, fx.AnnounceTurnStarted]
        # The first request is answered now, and means nothing any more.
        assert story.at(2.2, ev.TranscriptCompleted, ANN, 1) == []
        story.stops(ANN, 2.4, 0.64)
        assert fx.FinishTurn(ANN, 2) in story.at(2.5, ev.TurnEnded, ANN)
        assert story.at(2.6, ev.TranscriptCompleted, ANN, 1) == []
        story.at(2.6, ev.TranscriptReceived, ANN, "five", True)
        assert story.at(2.6, ev.TranscriptCompleted, ANN, 2) == [
            fx.RecordTurn(ANN, "my number is five"),
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


class TestWordsAlone:
    """A recogniser without any detector: its words are the only sign of a turn."""

    def test_they_open_a_turn_and_their_end_closes_it(self) -> None:
        story = Story()
        assert kinds(story.at(0.0, ev.TranscriptReceived, ANN, "hello", False)) == [
            fx.BeginTurn,
            fx.AnnounceTurnStarted,
        ]
        assert story.at(0.5, ev.TranscriptReceived, ANN, "hello there", False) == []
        assert story.at(1.2, ev.TranscriptReceived, ANN, "hello there", True) == []
        assert story.until(2.4) == []
        # Another breath, and on.
        assert story.at(2.5, ev.TranscriptReceived, ANN, "how are you", True) == [fx.BeginTurn(ANN)]
        assert kinds(story.until(5.5)) == [fx.AnnounceTurnEnded, fx.FinishTurn]
        assert story.at(5.6, ev.TranscriptCompleted, ANN, 1) == [
            fx.RecordTurn(ANN, "hello there how are you"),
            fx.BeginReply(1, 0, answer=True),
        ]

    def test_the_last_of_them_do_not_open_it_again(self) -> None:
        story = Story()
        story.at(0.0, ev.TranscriptReceived, ANN, "hello", False)
        story.until(3.0)
        assert story.at(3.1, ev.TranscriptReceived, ANN, "hello there", True) == []
        assert fx.RecordTurn(ANN, "hello there") in story.at(3.2, ev.TranscriptCompleted, ANN, 1)

    def test_they_interrupt(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        story.answers(0.1)
        assert kinds(story.at(1.0, ev.TranscriptReceived, ANN, "stop", False)) == [
            fx.BeginTurn,
            fx.Hold,
            fx.Commit,
            fx.AnnounceTurnStarted,
        ]

    def test_no_words_are_no_turn(self) -> None:
        assert Story().at(0.0, ev.TranscriptReceived, ANN, "", True) == []

    def test_with_a_detector_a_guess_opens_nothing(self) -> None:
        story = speaking()
        assert story.at(3.0, ev.TranscriptReceived, ANN, "how are", False) == []  # of what she has said
        assert story.at(3.0, ev.TranscriptReceived, BOB, "and so on", False, 0.5) == []
        assert story.at(3.0, ev.TranscriptReceived, BOB, "uh-huh", False) == []
        assert story.at(3.1, ev.TranscriptReceived, ANN, "", True) == []
        assert story.state() is FloorState.SPEAKING


class TestEventsThatMeanNothing:
    @pytest.mark.parametrize(
        "event",
        [
            ev.SpeechContinued(3.0, BOB, 0.9, 5.0),
            ev.SpeechEnded(3.0, BOB, 5.0),
            ev.TurnEnded(3.0, BOB),
            ev.TranscriptReceived(3.0, BOB, "hello", False, 0.5),
            ev.TranscriptCompleted(3.0, BOB, 1),
            ev.ParticipantLeft(3.0, BOB),
            ev.VoiceCompared(3.0, ANN, 0.1),
            ev.VoiceCompared(3.0, BOB, 0.1),
            ev.Voted(3.0, ANN, 1, "mine", 3.0, "because"),
            ev.Voted(3.0, BOB, 0, "mine", 3.0, "because"),
            ev.InterruptingAllowed(3.0, ANN, True),
            ev.InterruptingAllowed(3.0, BOB, False),
            ev.AgentWordsPlayed(3.0, 7, "long ago"),
            ev.SpeechContinued(3.0, ANN, 0.9, 5.0),
            ev.SpeechEnded(3.0, ANN, 5.0),
            ev.TurnEnded(3.0, ANN),
            ev.TranscriptReceived(3.0, ANN, "how", False),
            ev.TranscriptCompleted(3.0, ANN, 1),
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
