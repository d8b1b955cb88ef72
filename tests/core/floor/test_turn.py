"""One participant's turn beside a floor: its phases, and the facts that it keeps."""

from __future__ import annotations

import pytest

from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.reply import Reply, ReplyPhase
from vision_agents.core.floor.turn import (
    FINALIZING,
    PAUSED,
    QUIET,
    SPEAKING,
    Announced,
    Complete,
    Confirmed,
    Opened,
    Turn,
)
from vision_agents.core.floor.turn_facts import ClosedTurn, CutOff, Detection, Done, Judged, Silences

from .story import ANN, about


def told(*events: ev.ParticipantEvent) -> Turn:
    """A turn that has taken these."""
    turn = Turn(ANN)
    for event in events:
        turn.handle(event)
    return turn


class TestTaken:
    """The words of a turn are of what came since."""

    def test_the_latest_speech_takes_it(self) -> None:
        turn = told(ev.SpeechStarted(1.0, ANN), ev.SpeechEnded(2.0, ANN))
        assert turn.taken == 1.0
        assert turn.handle(ev.SpeechStarted(3.0, ANN)) == Opened(PAUSED)
        assert turn.taken == 3.0

    def test_a_detector_that_claims_it_took_it_then(self) -> None:
        turn = told(ev.SpeechStarted(1.0, ANN))
        assert turn.handle(ev.TurnStarted(1.5, ANN)) == Confirmed(SPEAKING)
        assert turn.taken == 1.5
        for event in (ev.SpeechEnded(2.0, ANN), ev.SpeechStarted(3.0, ANN), ev.TurnStarted(3.5, ANN)):
            turn.handle(event)
            assert turn.taken == 1.5

    def test_the_claim_is_over_with_the_turn(self) -> None:
        turn = told(ev.TurnStarted(1.0, ANN))
        turn.ask_words(2.0, 1)
        assert turn.handle(ev.SpeechStarted(3.0, ANN)) is not None
        assert turn.taken == 3.0

    def test_a_model_knows_words_of_it_if_they_are_of_this_turn(self) -> None:
        turn = told(ev.SpeechStarted(1.0, ANN))
        assert not turn.understood
        turn.understood_from = 0.9
        assert not turn.understood
        turn.understood_from = 1.0
        assert turn.understood


class TestSpeech:
    def test_its_onset_is_before_the_report(self) -> None:
        turn = told(ev.SpeechStarted(1.0, ANN, 0.8, 0.1))
        assert (turn.speech.onset, turn.speech.began, turn.speech.last_sound) == (about(0.9), 1.0, 1.0)
        assert turn.speech.confidence == 0.8

    def test_segments_add_up_and_none_counts_twice(self) -> None:
        turn = told(ev.SpeechStarted(0.0, ANN), ev.SpeechContinued(0.3, ANN, 0.9, 0.2))
        assert turn.speech.voiced == about(0.2)
        turn.handle(ev.SpeechContinued(0.4, ANN, 0.9, 0.3))
        assert turn.speech.voiced == about(0.3)
        turn.handle(ev.SpeechEnded(0.6, ANN, 0.4, 0.1))
        assert (turn.speech.voiced, turn.speech.last_sound) == (about(0.4), about(0.5))
        turn.handle(ev.SpeechEnded(0.7, ANN, 0.5, 0.1))
        assert turn.speech.voiced == about(0.5), "more of it is known"
        assert (turn.phase, turn.since) == (PAUSED, 0.6)
        turn.handle(ev.SpeechStarted(1.0, ANN))
        turn.handle(ev.SpeechContinued(1.2, ANN, 0.9, 0.2))
        assert turn.speech.voiced == about(0.7)
        turn.handle(ev.SpeechContinued(1.3, ANN, 0.9, 0.1))
        assert turn.speech.voiced == about(0.7), "it never becomes less"

    def test_it_is_as_sure_as_its_surest_window(self) -> None:
        turn = told(ev.SpeechStarted(0.0, ANN, 0.6))
        for sure, most in ((0.5, 0.6), (0.9, 0.9), (0.7, 0.9)):
            turn.handle(ev.SpeechContinued(0.1, ANN, sure, 0.1))
            assert turn.speech.confidence == most
        turn.handle(ev.TurnStarted(0.2, ANN, 0.95))
        assert turn.speech.confidence == 0.95

    def test_a_lapsed_turn_goes_on_with_what_is_new_of_the_segment(self) -> None:
        turn = told(ev.SpeechStarted(0.0, ANN), ev.SpeechContinued(0.3, ANN, 0.9, 0.3))
        assert turn.handle(ev.SpeechContinued(0.3, ANN, 0.9, 0.3)) is None
        turn.lapse(1.0)
        assert (turn.phase, turn.since, turn.speech.last_sound) == (PAUSED, 1.0, 0.3)
        assert turn.handle(ev.SpeechContinued(1.5, ANN, 0.9, 1.0)) == Opened(PAUSED)
        turn.handle(ev.SpeechContinued(1.6, ANN, 0.9, 1.1))
        assert turn.speech.voiced == about(0.4)

    def test_a_turn_whose_speech_was_said_to_end_does_not(self) -> None:
        turn = told(ev.SpeechStarted(0.0, ANN))
        turn.lapse(1.0)
        turn.handle(ev.SpeechEnded(1.1, ANN, 0.5))
        assert turn.handle(ev.SpeechContinued(1.5, ANN, 0.9, 1.0)) is None
        assert turn.phase is PAUSED


class TestSignsOfLife:
    """Within SPEAKING `since` is the latest of them: without any the turn lapses."""

    @pytest.mark.parametrize(
        "sign",
        [
            ev.SpeechStarted(1.0, ANN),
            ev.SpeechContinued(1.0, ANN, 0.9, 0.5),
            ev.TurnStarted(1.0, ANN),
            ev.TurnEndExpected(1.0, ANN),
            ev.TurnResumed(1.0, ANN),
            ev.TranscriptReceived(1.0, ANN, "tell me", False),
        ],
    )
    def test_what_is_one(self, sign: ev.ParticipantEvent) -> None:
        turn = told(ev.SpeechStarted(0.0, ANN), sign)
        assert (turn.phase, turn.since) == (SPEAKING, 1.0)

    def test_words_in_a_pause_are_none(self) -> None:
        turn = told(ev.SpeechStarted(0.0, ANN), ev.SpeechEnded(1.0, ANN))
        turn.handle(ev.TranscriptReceived(1.5, ANN, "tell me", True))
        assert (turn.phase, turn.since) == (PAUSED, 1.0)

    def test_a_detector_that_reports_windows_is_known_by_them(self) -> None:
        turn = told(ev.SpeechStarted(0.0, ANN))
        assert not turn.speech.windows
        turn.handle(ev.SpeechContinued(0.1, ANN, 0.9, 0.1))
        assert turn.speech.windows
        assert turn.speech.last_sound == 0.1


class TestFinalizing:
    def test_it_is_complete_by_the_answer_to_the_latest_request(self) -> None:
        turn = told(ev.SpeechStarted(0.0, ANN), ev.SpeechEnded(1.0, ANN))
        turn.ask_words(1.2, 7)
        assert (turn.phase, turn.since) == (FINALIZING, 1.2)
        assert turn.handle(ev.TranscriptCompleted(1.3, ANN, 6)) is None
        assert turn.handle(ev.TranscriptCompleted(1.4, ANN, 7)) == Complete()

    def test_late_words_are_awaited_until_speech_goes_on(self) -> None:
        turn = told(ev.SpeechStarted(0.0, ANN))
        turn.ask_words(1.2, 7)
        turn.words.awaited = True
        turn.handle(ev.SpeechStarted(1.5, ANN))
        assert not turn.words.awaited

    def test_nothing_of_it_is_left_for_the_next(self) -> None:
        turn = told(ev.TurnStarted(0.0, ANN), ev.TurnEndExpected(0.5, ANN), ev.TranscriptReceived(0.6, ANN, "a", True))
        turn.detection.judges, turn.drafts, turn.cut_off, turn.announced = True, 3, CutOff(True, 2), Announced.STARTED
        turn.clear()
        closed = turn.closed
        assert closed is not None
        assert closed.announced
        assert turn == Turn(ANN, since=0.6, taken=0.0, closed=closed, detection=Detection(judges=True))

    def test_words_alone_open_it(self) -> None:
        turn = Turn(ANN)
        assert turn.hear(1.0) is QUIET
        assert (turn.phase, turn.since, turn.taken, turn.speech.onset) == (SPEAKING, 1.0, 1.0, 1.0)

    def test_so_does_a_detector_that_vouches_for_it(self) -> None:
        turn = Turn(ANN)
        assert turn.confirm(1.0, 0.7) == Confirmed(QUIET)
        assert (turn.phase, turn.since, turn.speech.onset, turn.speech.confidence) == (SPEAKING, 1.0, 1.0, 0.7)
        assert turn.confirm(2.0, 0.6) == Confirmed(SPEAKING)
        assert (turn.since, turn.speech.onset, turn.speech.confidence) == (2.0, 1.0, 0.7)


class TestSilences:
    def test_pauses_and_the_gap_between_two_turns(self) -> None:
        turn = told(
            ev.SpeechStarted(0.0, ANN), ev.SpeechEnded(1.2, ANN, 0.9, 0.2), ev.SpeechStarted(1.6, ANN, 0.9, 0.1)
        )
        assert turn.silences == Silences(None, [about(0.5)])
        turn.handle(ev.SpeechEnded(2.2, ANN, 0.9, 0.2))
        turn.clear()
        assert turn.silences == Silences(None, [])
        turn.handle(ev.SpeechStarted(2.6, ANN, 0.9, 0.1))
        assert turn.silences == Silences(about(0.5), [])

    def test_none_is_shorter_than_nothing(self) -> None:
        silences = Silences()
        silences.add_pause(-1.0)
        assert silences.pauses == [0.0]


class TestDetection:
    def test_speech_that_goes_on_makes_void_what_was_said_of_its_end(self) -> None:
        facts = Detection(True, Done(0.9), Judged(0.5, 1.5), judges=True, end_expected=True, lapsed=True)
        facts.go_on()
        assert facts == Detection(claimed=True, judges=True)

    def test_of_a_turn_that_is_over_words_may_still_be_expected(self) -> None:
        facts = Detection(True, Done(0.9), Judged(0.5, 1.5), judges=True, end_expected=True, lapsed=True)
        facts.settle()
        assert facts == Detection(judges=True, end_expected=True, lapsed=True)
        facts.clear()
        assert facts == Detection(judges=True, lapsed=True)

    @pytest.mark.parametrize(
        ("done", "judged", "seems"),
        [
            (None, None, False),
            (Done(0.1), None, True),
            (None, Judged(0.5, 1.5), True),
            (None, Judged(0.49, 1.5), False),
            (Done(0.1), Judged(0.1, 1.5), True),
        ],
    )
    def test_a_turn_that_seems_complete(self, done: Done | None, judged: Judged | None, seems: bool) -> None:
        assert Turn(ANN, detection=Detection(done=done, judged=judged)).seems_complete is seems

    def test_a_detector_that_judges_pauses_is_known_by_the_latest(self) -> None:
        turn = told(ev.SpeechStarted(0.0, ANN), ev.SpeechEnded(1.0, ANN), ev.PauseJudged(1.2, ANN, 0.7, 1.5))
        assert turn.detection == Detection(judged=Judged(0.7, 1.5), judges=True)
        turn.handle(ev.SpeechStarted(2.0, ANN))
        assert turn.detection == Detection(judges=True)
        turn.handle(ev.TurnEnded(3.0, ANN))
        assert turn.detection == Detection(), "it ended this one without that"

    def test_the_end_of_a_pause_after_which_somebody_went_on_is_none(self) -> None:
        turn = told(ev.SpeechStarted(1.0, ANN))
        assert turn.handle(ev.TurnEnded(1.2, ANN, 0.9, 1.0, 0.3)) is None
        assert turn.phase is SPEAKING
        assert turn.handle(ev.TurnEnded(1.2, ANN, 0.9, 1.0, 0.2)) == Done(0.9, 1.0)
        assert (turn.phase, turn.speech.last_sound) == (PAUSED, about(1.0))

    def test_words_that_change_are_not_all(self) -> None:
        turn = told(
            ev.SpeechStarted(0.0, ANN), ev.TranscriptReceived(0.1, ANN, "Yes", False), ev.TurnEndExpected(0.2, ANN)
        )
        turn.handle(ev.TranscriptReceived(0.3, ANN, "yes.", True))
        assert turn.detection.end_expected
        turn.handle(ev.TranscriptReceived(0.4, ANN, "no", False))
        assert not turn.detection.end_expected
        turn.handle(ev.TranscriptReceived(0.5, ANN, "no", False))
        assert not turn.detection.end_expected


class TestCutOff:
    def test_a_question_stands_if_nothing_of_its_answer_was_played(self) -> None:
        cut = CutOff(reply=3)
        cut.add(Reply(4, interruptible=True, answer=True))
        assert cut == CutOff(unanswered=True, reply=3)
        cut.add(Reply(5, interruptible=True, answer=True, phase=ReplyPhase.AUDIBLE))
        assert cut == CutOff(unanswered=True, reply=5)

    def test_news_are_told_another_time(self) -> None:
        cut = CutOff()
        cut.add(Reply(4, interruptible=True, answer=False, news=True))
        assert cut == CutOff()
        cut.add(Reply(4, interruptible=True, answer=False, news=True, phase=ReplyPhase.AUDIBLE))
        assert cut == CutOff(reply=4)


class TestClosed:
    def test_it_remembers_what_it_was(self) -> None:
        turn = told(
            ev.SpeechStarted(0.0, ANN),
            ev.TranscriptReceived(0.5, ANN, "tell me", True),
            ev.TranscriptReceived(0.6, ANN, "more", False),
        )
        assert turn.discard() == [fx.DiscardTurn(ANN, False)]
        assert turn.phase is QUIET
        assert turn.closed is not None
        assert (turn.closed.announced, turn.closed.text, turn.closed.guess) == (False, "tell me more", "more")
        assert turn.words.text == ""

    @pytest.mark.parametrize(
        ("late", "new", "text"),
        [
            ("More.", "", "tell me more"),
            ("more of it", "of it", "tell me more of it"),
            ("other", "other", "tell me more other"),
        ],
    )
    def test_late_words_confirm_a_guess_or_are_new(self, late: str, new: str, text: str) -> None:
        closed = ClosedTurn(text="tell me more", guess="more")
        assert closed.take(late) == new
        assert closed.text == text
        assert closed.take("more") == "more", "the guess is confirmed once"


class TestAnnounced:
    def test_its_start_once_and_then_its_end_once(self) -> None:
        turn = told(ev.SpeechStarted(0.0, ANN, 0.8), ev.SpeechEnded(1.5, ANN, 1.0, 0.5))
        assert turn.announce_end() == []
        assert turn.announce(3) == [fx.AnnounceTurnStarted(ANN, 0.8, False, 3)]
        assert turn.announce(3) == []
        assert turn.announce_end() == [fx.AnnounceTurnEnded(ANN, 0.8, about(1.0), about(0.5))]
        assert turn.announce_end() == []

    def test_a_detectors_own_measure_of_it_counts(self) -> None:
        turn = told(ev.SpeechStarted(0.0, ANN, 0.8), ev.SpeechEnded(1.5, ANN, 1.0, 0.5))
        assert turn.announce(0, True) == [fx.AnnounceTurnStarted(ANN, 0.8, True, 0)]
        assert turn.announce_end(0.7) == [fx.AnnounceTurnEnded(ANN, 0.8, 0.7, about(0.5))]
