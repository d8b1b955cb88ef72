"""Stories of pauses: when the floor ends a turn of which a detector has judged the silence."""

from __future__ import annotations

from typing import Any

import pytest

from vision_agents.core.floor import Floor, InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.endpointing import MEMORY

from .story import ANN, BOB, Story, about, kinds, knobs, speaking

LONGEST = 1.5


def pauses(
    story: Story, start: float, text: str, confidence: float, *, final: bool = False, speech: float = 0.96
) -> list[fx.Effect]:
    """Ann says these words in so many seconds of speech, up to her last sound at `start` + 1.04."""
    story.speaks(ANN, start + 0.96 - speech, speech)
    story.stops(ANN, start + 1.2, speech)
    story.at(start + 1.22, ev.TranscriptReceived, ANN, text, final)
    return story.at(start + 1.26, ev.PauseJudged, ANN, confidence, LONGEST)


def ended(effects: list[fx.Effect]) -> fx.FinishTurn:
    """The one end of a turn among the effects."""
    [end] = [effect for effect in effects if isinstance(effect, fx.FinishTurn)]
    return end


def silence_to_end(story: Story, start: float) -> float:
    """Nothing more happens: seconds from the last sound to the end of the turn."""
    end_of_turn(story)
    return story.now - (start + 1.04)


def end_of_turn(story: Story) -> fx.FinishTurn:
    """Nothing more happens: the end of the turn."""
    effects: list[fx.Effect] = []
    while not effects:
        deadline = story.floor.deadline
        assert deadline is not None
        effects = story.until(deadline)
    return ended(effects)


class TestWhatThePauseSays:
    def test_a_complete_turn_ends_when_the_silence_is_more_than_a_gap_between_words(self) -> None:
        story = Story()
        assert pauses(story, 0.0, "I would like tea.", 0.99) == []
        effects = story.until(1.4)
        assert kinds(effects) == [fx.AnnounceTurnEnded, fx.FinishTurn]
        assert ended(effects).reason == "0.30 s of silence, judged 0.99 complete, a whole sentence"

    def test_a_complete_turn_that_is_judged_later_ends_at_once(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.stops(ANN, 1.2, 0.96)
        story.at(1.3, ev.TranscriptReceived, ANN, "I would like tea.")
        effects = story.at(1.4, ev.PauseJudged, ANN, 0.99, LONGEST)
        assert ended(effects).reason == "0.36 s of silence, judged 0.99 complete, a whole sentence"

    def test_a_short_answer_may_be_explained(self) -> None:
        story = Story()
        pauses(story, 0.0, "Yes.", 0.98, speech=0.64)
        assert silence_to_end(story, 0.0) == about(0.704, abs=0.001)

    def test_a_single_word_is_answered_soon_whatever_the_detector_makes_of_so_little(self) -> None:
        waits = {}
        for confidence in (0.02, 0.98):
            story = Story()
            pauses(story, 0.0, "Goodbye", confidence, speech=0.64)
            waits[confidence] = silence_to_end(story, 0.0)
        assert waits == {0.02: about(0.440, abs=0.001), 0.98: about(0.3)}

    def test_a_word_that_opens_a_sentence_is_waited_for(self) -> None:
        story = Story()
        pauses(story, 0.0, "Hello", 0.9, speech=0.64)
        assert silence_to_end(story, 0.0) == about(0.859, abs=0.001)

    def test_a_single_word_that_is_known_of_much_speech_is_not_all(self) -> None:
        waits = {}
        for speech in (0.64, 0.96):
            story = Story()
            pauses(story, 0.0, "book", 0.02, speech=speech)
            reason = end_of_turn(story).reason
            waits[reason.rpartition(", ")[2]] = story.now - 1.04
        assert waits == {
            "a single word": about(0.440, abs=0.001),
            "words without a stop": about(1.082, abs=0.001),
        }

    def test_an_unfinished_one_is_waited_for_and_one_without_an_end_in_its_words_for_longer(self) -> None:
        waits = {}
        for text in ("I would like tea.", "I would like tea", "I would like"):
            story = Story()
            assert pauses(story, 0.0, text, 0.02) == []
            waits[text] = silence_to_end(story, 0.0)
        assert waits["I would like tea."] == about(1.017, abs=0.001)
        assert waits["I would like tea"] == about(1.082, abs=0.001)
        assert waits["I would like"] == about(1.082, abs=0.001)

    def test_words_that_come_later_move_the_end_either_way(self) -> None:
        story = Story()
        pauses(story, 0.0, "I would like", 0.02)
        before = story.floor.deadline
        assert before is not None
        assert story.at(1.4, ev.TranscriptReceived, ANN, "I would like tea and") == []
        later = story.floor.deadline
        assert later is not None
        assert later > before
        story.until(2.08)
        # By now a whole sentence would have been waited for long enough.
        assert kinds(story.at(2.08, ev.TranscriptReceived, ANN, "I would like tea.")) == [
            fx.AnnounceTurnEnded,
            fx.FinishTurn,
        ]

    def test_who_goes_on_in_time_has_one_turn(self) -> None:
        story = Story()
        pauses(story, 0.0, "I would like", 0.02)
        assert kinds(story.speaks(ANN, 1.9, 0.96)) == [fx.BeginTurn]
        story.stops(ANN, 3.1, 0.96)
        assert kinds(story.at(3.2, ev.PauseJudged, ANN, 0.02, LONGEST)) == []
        assert ended(story.until(5.0)).turn == 1

    def test_a_judgement_of_a_pause_that_is_over_is_without_effect(self) -> None:
        story = Story()
        pauses(story, 0.0, "I would like", 0.02)
        story.speaks(ANN, 1.9, 0.3)
        assert story.at(2.3, ev.PauseJudged, ANN, 0.99, LONGEST) == []
        assert story.at(2.4, ev.PauseJudged, BOB, 0.99, LONGEST) == []

    def test_the_detector_still_ends_it_if_it_is_sooner(self) -> None:
        story = Story()
        pauses(story, 0.0, "I would like", 0.02)
        effects = story.at(1.5, ev.TurnEnded, ANN, 0.3, 1.0, 0.46)
        assert ended(effects) == fx.FinishTurn(ANN, 1)
        # Nor does the judgement end the turn after it.
        story.at(1.6, ev.TranscriptCompleted, ANN, 1)
        assert story.floor._turns[ANN].detection.judged is None


class TestWhatACallerTeaches:
    def end_of(self, *lengths: float, then: float = 0.02) -> float:
        """Ann says something with pauses of these lengths in it; how long the next pause is waited for."""
        story, start = Story(knobs(turn_timeout=9.0)), 0.0
        for length in lengths:
            story.speaks(ANN, start, 0.96)
            story.stops(ANN, start + 1.2, 0.96)
            start += 1.08 + length  # the onset is 0.04 before the report
        pauses(story, start, "and", then)
        return silence_to_end(story, start)

    def test_one_who_pauses_long_is_waited_for_longer(self) -> None:
        assert self.end_of() < self.end_of(0.9) < self.end_of(0.9, 0.9)
        assert self.end_of(*[1.2] * 6) == about(LONGEST)
        assert self.end_of(0.25) < self.end_of()

    def test_it_is_known_in_the_next_turn(self) -> None:
        story = Story()
        pauses(story, 0.0, "I would like", 0.02)
        story.speaks(ANN, 1.98, 0.96)  # after 0.9 s
        story.stops(ANN, 3.2, 0.96)
        story.at(3.22, ev.TranscriptReceived, ANN, "I would like tea.", True)
        story.at(3.26, ev.PauseJudged, ANN, 0.999, LONGEST)
        story.until(3.35)
        story.at(3.4, ev.TranscriptCompleted, ANN, 1)
        known = story.floor._judge.people.known[ANN].pauses
        assert (known.count, known.mean) == (1, about(-0.105, abs=0.001))

    def test_who_was_cut_off_before_the_answer_was_heard_has_made_a_pause(self) -> None:
        story = Story()
        pauses(story, 0.0, "I would like tea.", 0.999, final=True)
        story.until(1.35)
        story.at(1.4, ev.TranscriptCompleted, ANN, 1)  # the answer is being made
        story.speaks(ANN, 1.84, 0.96)  # 0.76 s after the last sound
        story.stops(ANN, 3.1, 0.96)
        story.at(3.12, ev.TranscriptReceived, ANN, "And a cake.", True)
        story.at(3.16, ev.PauseJudged, ANN, 0.999, LONGEST)
        story.until(3.25)
        story.at(3.3, ev.TranscriptCompleted, ANN, 2)
        known = story.floor._judge.people.known[ANN].pauses
        assert (known.count, known.mean) == (1, about(-0.274, abs=0.001))

    def test_who_has_heard_the_answer_has_not(self) -> None:
        story = speaking()
        story.speaks(ANN, 2.4, 0.96)
        story.stops(ANN, 3.6, 0.96)
        story.at(3.62, ev.TranscriptReceived, ANN, "Wait, something else.", True)
        story.at(3.66, ev.PauseJudged, ANN, 0.999, LONGEST)
        assert ended(story.until(3.75)).turn == 2
        story.at(3.8, ev.TranscriptCompleted, ANN, 2)
        assert story.floor._judge.people.known[ANN].pauses.count == 0

    def test_a_gap_in_the_reports_is_no_pause(self) -> None:
        story = Story()
        story.at(0.0, ev.SpeechStarted, ANN, 0.9, 0.04)
        story.until(1.2)  # the line is gone: the turn has lapsed
        story.at(1.5, ev.SpeechContinued, ANN, 0.9, 0.6)
        assert story.floor._turns[ANN].silences.pauses == []


class TestOverTheAgent:
    @pytest.mark.parametrize(("confidence", "ends"), [(0.9, True), (0.2, False)])
    def test_a_pause_is_evidence_while_it_is_not_decided_and_ends_nothing(self, confidence: float, ends: bool) -> None:
        story = speaking()
        story.speaks(ANN, 2.4, 0.1)
        story.stops(ANN, 2.7, 0.1)
        assert story.at(2.72, ev.PauseJudged, ANN, confidence, LONGEST) == []
        assert story.floor._turns[ANN].seems_complete is ends

    def test_what_is_known_to_be_a_turn_then_ends_by_its_pause(self) -> None:
        story = speaking()
        story.speaks(ANN, 2.4, 0.2)
        story.stops(ANN, 2.8, 0.2)
        story.at(2.82, ev.PauseJudged, ANN, 0.02, LONGEST)
        assert kinds(story.at(2.85, ev.TranscriptReceived, ANN, "stop the")) == [fx.Commit, fx.AnnounceTurnStarted]
        assert ended(story.until(5.0)).reason == "1.12 s of silence, judged 0.02 complete, words that go on"

    def test_it_waits_for_words_that_go_on_though_it_was_judged_complete(self) -> None:
        story = speaking()
        story.speaks(ANN, 2.4, 0.2)
        story.stops(ANN, 2.8, 0.2)
        story.at(2.82, ev.PauseJudged, ANN, 0.6, LONGEST)
        assert kinds(story.at(2.85, ev.TranscriptReceived, ANN, "stop the")) == [fx.Commit, fx.AnnounceTurnStarted]
        assert ended(story.until(5.0)).reason == "1.05 s of silence, judged 0.60 complete, words that go on"


def test_no_more_pauses_of_a_turn_are_kept_than_count() -> None:
    story = Story()
    for number in range(40):
        story.speaks(ANN, 2.0 * number, 0.96)
        story.stops(ANN, 2.0 * number + 1.2, 0.96)
    assert len(story.floor._turns[ANN].silences.pauses) == MEMORY


class TestWhoDecides:
    @pytest.mark.parametrize(
        ("floor", "decides"),
        [
            (Floor(), True),
            (Floor(InterruptionPolicy(endpointing="fixed")), False),
            (Floor(answers=False), False),
        ],
    )
    def test_the_floor_unless_the_detector_or_a_model_does(self, floor: Any, decides: bool) -> None:
        assert floor.decides_ends is decides
