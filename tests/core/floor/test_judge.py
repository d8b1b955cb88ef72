"""The judge and its challenges, beside a floor: what is evidence, and what is remembered of people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.floor import events as ev
from vision_agents.core.floor.challenger import DOUBT, LONGEST_WINDOW, MeasuredSpeech, Recognition
from vision_agents.core.floor.events import TranscriptReceived
from vision_agents.core.floor.evidence import QUOTED, Vote, quote
from vision_agents.core.floor.judge import OVER, REFUSED, reason_against, reason_for
from vision_agents.core.floor.loudness import Loudness
from vision_agents.core.floor.people import ECHO_MEMORY, People
from vision_agents.core.floor.turn import Turn
from vision_agents.core.floor.turn_facts import Speech
from vision_agents.core.floor.vocabulary import Vocabulary

from .story import ANN, BOB, Story, about, speaking

FOR, AGAINST, NEITHER = Vote(0.5, "for it", "a"), Vote(-0.5, "against it", "b"), Vote(0.0, "neither", "c")


def measured() -> MeasuredSpeech:
    return MeasuredSpeech(voiced_before=0.0, began_at=0.0, observed_at=0.0)


def hear(it: MeasuredSpeech, at: float, voiced: float, sure: float = 1.0, level: float | None = None) -> None:
    it.observe(at, Speech(voiced=voiced), sure, level, 0.9)


class TestMeasuredSpeech:
    def test_clear_windows_add_up(self) -> None:
        it = measured()
        hear(it, 0.1, 0.1)
        hear(it, 0.2, 0.2, 0.9)
        assert (it.clear, it.voiced) == (about(0.2), about(0.2))

    def test_unsure_ones_take_away_by_half_and_still_are_speech(self) -> None:
        it = measured()
        hear(it, 0.1, 0.1)
        hear(it, 0.18, 0.18, 0.89)
        assert (it.clear, it.voiced) == (about(0.1 - 0.08 * DOUBT), about(0.18))

    def test_silence_takes_away_too(self) -> None:
        it = measured()
        hear(it, 0.1, 0.1)
        hear(it, 0.15, 0.1)
        assert (it.clear, it.voiced) == (about(0.1 - 0.05 * DOUBT), about(0.1))

    def test_a_long_gap_between_two_windows_is_one_window(self) -> None:
        it = measured()
        hear(it, 0.5, 0.5)
        hear(it, 9.5, 0.5)
        assert it.clear == about(0.5 - LONGEST_WINDOW * DOUBT)

    def test_a_clock_that_goes_back_takes_nothing_away(self) -> None:
        it = measured()
        hear(it, 0.5, 0.5)
        hear(it, 0.1, 0.5)
        assert it.clear == 0.5

    def test_what_was_said_before_the_challenge_does_not_count(self) -> None:
        it = MeasuredSpeech(voiced_before=2.0, began_at=5.0, observed_at=5.0)
        hear(it, 5.1, 2.1)
        assert it.clear == about(0.1)

    def test_when_the_reply_goes_on_the_latest_part_is_carried_and_none_before_it(self) -> None:
        it = measured()
        for _ in range(3):
            hear(it, it.voiced + 0.1, it.voiced + 0.1)
            it.carry()
            assert it.clear == about(0.1)
        hear(it, 0.5, 0.5)
        assert (it.clear, it.voiced) == (about(0.3), about(0.5))

    def test_what_lies_between_the_windows_lasted_too(self) -> None:
        it = measured()
        hear(it, 0.1, 0.1)
        hear(it, 0.18, 0.1)
        assert it.elapsed == about(0.18)
        hear(it, 0.9, 0.1)
        assert it.elapsed == about(0.9)

    def test_levels_are_of_the_speech_alone(self) -> None:
        it = measured()
        hear(it, 0.1, 0.1, level=-20.0)
        hear(it, 0.2, 0.1, level=-90.0)
        assert it.loudness.level == about(-20.0)

    @given(st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))))
    def test_clear_speech_is_never_more_than_there_was(self, windows: list[tuple[float, float, float]]) -> None:
        it, at, voiced = measured(), 0.0, 0.0
        for passed, gained, sure in windows:
            at, voiced = at + passed, voiced + gained
            hear(it, at, voiced, sure)
            assert 0.0 <= it.clear <= it.voiced + 1e-9
            assert it.voiced <= it.elapsed + 1e-9
        assert it.voiced == about(voiced)


def hears(
    it: Recognition, transcript: str, confidence: float | None, alternative: str = "", voiced: float = 1.0
) -> None:
    report = TranscriptReceived(1.0, "ann", transcript, False, confidence, alternative)
    it.observe(report, transcript, voiced, Vocabulary.of("en"))


class TestRecognition:
    def test_the_words_before_the_challenge_do_not_count(self) -> None:
        it = Recognition(words_before=2)
        assert it.words("tell me") == ""
        assert it.words("tell me to stop") == "to stop"

    def test_the_latest_report_counts(self) -> None:
        it = Recognition(words_before=0)
        assert not it.transcribed
        hears(it, "stop", 0.4, "top")
        hears(it, "", None)
        assert (it.transcribed, it.confidence, it.alternative) == (True, None, "")

    @pytest.mark.parametrize(
        ("readings", "taken_back"),
        [
            (("got", "got it", "goddess"), "got it"),
            (("got it", "goddess", "gods"), "got it"),
            (("yeah", "yeah right"), ""),
            (("yeah", "yeah tell me"), ""),
            (("so", "some of it"), ""),
            (("tell me", "sell me"), ""),
        ],
    )
    def test_a_listeners_words_that_a_later_reading_takes_back(
        self, readings: tuple[str, ...], taken_back: str
    ) -> None:
        it = Recognition(words_before=1)
        for reading in readings:
            hears(it, f"well {reading}", 0.7)
        assert it.reading_before(1.5) == taken_back
        assert it.reading_before(1.6) == ""


class TestReasons:
    def test_for_an_interruption(self) -> None:
        assert reason_for((FOR, AGAINST, NEITHER, FOR)) == "for it, for it"

    def test_against_one(self) -> None:
        assert reason_against((FOR, AGAINST, NEITHER)) == "against it"
        assert reason_against((FOR, NEITHER)) == "for it, neither"
        assert reason_against(()) == "nothing spoke for it"

    @given(st.text())
    def test_words_are_quoted_in_brief(self, words: str) -> None:
        assert quote(words).startswith("“" + words[: QUOTED - 1])
        assert quote(words).endswith("”")
        assert len(quote(words)) <= QUOTED + 2


class TestPeople:
    def test_everybody_may_interrupt_until_they_may_not(self) -> None:
        people = People()
        assert people.may_interrupt("ann")
        people.allow("ann", False)
        assert not people.may_interrupt("ann")
        assert people.may_interrupt("bob")
        people.allow("ann", True)
        assert people.may_interrupt("ann")

    def test_an_echo_is_remembered_for_a_while(self) -> None:
        people = People()
        people.remember_echo("ann", 5.0, (FOR, Vote(-6.0, "too far", "loudness"), Vote(-1.0, "one word", "echo")))
        assert not people.echoes("ann", 5.0)
        people.remember_echo("ann", 5.0, (FOR, Vote(-6.0, "the agent's", "echo")))
        assert people.echoes("ann", 5.0 + ECHO_MEMORY - 0.1)
        assert not people.echoes("ann", 5.0 + ECHO_MEMORY)
        assert not people.echoes("bob", 5.0)

    def test_turns_make_what_is_usual(self) -> None:
        people = People()
        assert people.usual("ann").level is None
        turn = Turn("ann")
        turn.speech.grow(1.0, -20.0)
        people.learn(turn)
        assert people.usual("ann").level == about(-20.0)
        turn.clear()
        people.learn(turn)
        assert people.usual("ann").level == about(-20.0)

    def test_a_listener_is_as_loud_as_they_sound_until_they_take_a_turn(self) -> None:
        people, turn = People(), Turn("ann")
        people.hear_listening("ann", Loudness(0.001, 0.5))
        assert people.usual("ann").level == about(-30.0)
        turn.speech.grow(1.0, -20.0)
        people.learn(turn)
        louder = people.usual("ann").level
        people.hear_listening("ann", Loudness(1e-6, 9.0))
        assert people.usual("ann").level == louder

    def test_how_long_ago_they_spoke(self) -> None:
        people, turn = People(), Turn("ann")
        people.allow("ann", True)
        assert people.since_turn("ann", 5.0) is None
        turn.speech.last_sound = 4.0
        people.learn(turn)
        assert people.since_turn("ann", 5.0) == 1.0
        assert people.since_turn("ann", 3.0) == 0.0

    def test_the_pause_before_a_turn_counts_if_that_cut_off_an_answer_nobody_heard(self) -> None:
        people, turn = People(), Turn("ann")
        turn.silences.gap = 0.5
        turn.silences.pauses = [0.4]
        assert people.pauses(turn).count == 1.0
        turn.cut_off.unanswered = True
        assert people.pauses(turn).count == 2.0
        people.learn(turn)
        turn.clear()
        assert people.pauses(turn).count == 2.0
        turn.silences.pauses = [0.4]
        assert people.pauses(turn).count == 3.0

    def test_who_left_is_forgotten(self) -> None:
        people = People()
        people.allow("ann", False)
        people.forget("ann")
        people.forget("bob")
        assert people.may_interrupt("ann")


def test_a_quotation_is_cut_only_where_it_is_too_long() -> None:
    assert quote("x" * QUOTED) == f"“{'x' * QUOTED}”"
    assert quote("x" * (QUOTED + 1)) == f"“{'x' * (QUOTED - 1)}…”"


class TestPatience:
    """The seconds of silence in which the reply resumes: `resume_after` as it is, or less of it."""

    def silence(
        self, story: Story, spoke: str, length: float, words: str = "", *, judged: float | None = None
    ) -> float:
        """Somebody says that over the agent, and stops; returns how long the agent waits then."""
        story.speaks(spoke, 3.0, length)
        if words:
            story.at(3.0 + length + 0.1, ev.TranscriptReceived, spoke, words, True, 0.9)
        story.stops(spoke, 4.0, length)
        if judged is not None:
            story.at(4.0, ev.PauseJudged, spoke, judged, 1.5)
        assert story.floor.deadline is not None
        return story.floor.deadline - 4.0

    def test_as_it_is(self) -> None:
        assert self.silence(speaking(), ANN, 0.2) == about(0.2)
        assert self.silence(speaking(), ANN, 0.2, judged=0.9) == about(0.2), "more may come: no words are known"

    def test_less_of_it_where_something_speaks_against_an_interruption(self) -> None:
        assert self.silence(speaking(), ANN, 0.2, "uh-huh") == about(0.2 * REFUSED)
        assert self.silence(speaking(), ANN, 0.2, "uh-huh", judged=0.49) == about(0.2 * REFUSED)

    def test_little_of_it_where_nothing_more_is_to_be_expected(self) -> None:
        """Though there was speech, too, which by itself would be for one."""
        assert self.silence(speaking(), ANN, 0.2, "uh-huh", judged=0.5) == about(0.2 * OVER)

    def test_words_that_nobody_understands_are_no_listeners(self) -> None:
        story, words = speaking(), "it would have to be cheap and by the sea"
        story.speaks(ANN, 3.0, 0.2)
        story.at(3.3, ev.TranscriptReceived, ANN, words, True, 0.65)
        story.stops(ANN, 3.4, 0.2)
        story.at(3.4, ev.PauseJudged, ANN, 0.9, 1.5)
        polled = story.floor.evidence(ANN)
        assert polled is not None
        assert [vote.weight for vote in polled[1] if vote.strategy == "words"] == [0.0], "more than were spoken"
        assert story.floor.deadline == about(3.4 + 0.2)

    def test_what_else_is_against_it_says_nothing_of_more_to_come(self) -> None:
        story = speaking()
        story.at(3.0, ev.SpeechStarted, ANN, 0.9)
        story.at(3.1, ev.SpeechContinued, ANN, 0.95, 0.1)
        story.at(3.1, ev.Voted, ANN, story.challenge(ANN), "mine", -0.5, "not to us")
        story.stops(ANN, 3.2, 0.1)
        story.at(3.2, ev.PauseJudged, ANN, 0.9, 1.5)
        assert story.floor.deadline == about(3.2 + 0.2 * REFUSED)

    def test_of_what_was_no_clear_speech_nothing_is(self) -> None:
        story = speaking()
        story.at(3.0, ev.SpeechStarted, ANN, 0.5)
        story.at(3.1, ev.SpeechContinued, ANN, 0.5, 0.1)
        story.stops(ANN, 3.2, 0.1)
        assert story.floor.deadline == about(3.2 + 0.2 * OVER)

    @pytest.mark.parametrize(("words", "silence"), [("uh-huh", 0.2 * REFUSED), ("", 0.2)])
    def test_of_two_who_spoke_both_have_to_be_refused(self, words: str, silence: float) -> None:
        story = speaking()
        for who, text in ((ANN, "uh-huh"), (BOB, words)):
            story.at(story.now, ev.SpeechStarted, who, 0.9)
            story.at(story.now, ev.SpeechContinued, who, 0.95, 0.1)
            if text:
                story.at(story.now, ev.TranscriptReceived, who, text, True, 0.9)
        for who in (ANN, BOB):
            story.at(2.1, ev.SpeechEnded, who, 0.1)
        assert story.floor.deadline == about(2.1 + silence)
