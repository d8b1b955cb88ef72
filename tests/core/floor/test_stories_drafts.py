"""Stories: an answer is prepared before it is certain that the turn is over, and what it says."""

from __future__ import annotations

import pytest

from vision_agents.core.floor import Clearance
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.drafts import MOST_DRAFTS

from .story import ANN, BOB, Story, kinds, knobs, speaking

PREPARED = fx.PrepareReply(1, 0, ANN, "book for two")


def expecting(text: str = "book for two") -> Story:
    """A recogniser that knows turns expects Ann's to end here."""
    story = Story()
    story.at(0.0, ev.TurnStarted, ANN)
    story.at(0.9, ev.TranscriptReceived, ANN, text)
    assert story.at(1.0, ev.TurnEndExpected, ANN, 0.5) == [fx.PrepareReply(1, 0, ANN, text)]
    return story


def ends(story: Story, at: float, text: str) -> list[fx.Effect]:
    """It ends, with these final words."""
    effects = story.at(at, ev.TranscriptReceived, ANN, text, True)
    effects += story.at(at, ev.TurnEnded, ANN)
    return effects + story.at(at, ev.TranscriptCompleted, ANN, story.floor._turns[ANN].words.request)


class TestExpected:
    """A recogniser that knows turns expects an end."""

    def test_it_was_the_end(self) -> None:
        story = expecting()
        assert story.floor.clearance(0, 1) is Clearance.WAIT
        assert ends(story, 1.5, "Book for two.") == [
            fx.AnnounceTurnEnded(ANN, 1.0, pytest.approx(1.5), 0.0),
            fx.FinishTurn(ANN, 1),
            fx.RecordTurn(ANN, "Book for two."),
            fx.BeginReply(1, 0, True, prepared=True),
        ]
        assert story.floor.clearance(0, 1) is Clearance.GO

    def test_the_turn_goes_on(self) -> None:
        story = expecting()
        assert story.at(1.2, ev.TurnResumed, ANN) == [fx.DiscardReply(1, "the turn goes on, or is none")]
        assert story.at(1.3, ev.TranscriptReceived, ANN, "book for two no for three") == []
        assert story.at(1.8, ev.TurnEndExpected, ANN) == [fx.PrepareReply(2, 0, ANN, "book for two no for three")]
        assert fx.BeginReply(2, 0, True, prepared=True) in ends(story, 2.0, "book for two no for three")

    def test_the_turn_goes_on_and_nothing_is_expected_again(self) -> None:
        story = expecting()
        story.at(1.2, ev.TurnResumed, ANN)
        effects = ends(story, 2.0, "book for two no for three")
        assert effects[-1] == fx.BeginReply(2, 0, True)

    def test_it_ended_with_other_words(self) -> None:
        story = expecting()
        effects = ends(story, 1.5, "book for ten")
        assert effects[0] == fx.DiscardReply(1, "the turn goes on, or is none")
        assert effects[-1] == fx.BeginReply(2, 0, True)

    def test_a_question_is_no_statement(self) -> None:
        effects = ends(expecting("you can come"), 1.5, "you can come?")
        assert effects[:2] == [
            fx.DiscardReply(1, "the words have changed"),
            fx.PrepareReply(2, 0, ANN, "you can come?"),
        ]
        assert effects[-1] == fx.BeginReply(2, 0, True, prepared=True)

    def test_more_words_take_the_expectation_back_by_themselves(self) -> None:
        story = expecting()
        effects = story.at(1.2, ev.TranscriptReceived, ANN, "book for two no")
        assert effects == [fx.DiscardReply(1, "the turn goes on, or is none")]

    def test_somebody_else_begins_to_speak(self) -> None:
        story = expecting()
        effects = story.at(1.2, ev.SpeechStarted, BOB)
        assert kinds(effects) == [fx.BeginTurn, fx.DiscardReply]

    def test_code_wants_something_said(self) -> None:
        story = expecting()
        assert kinds(story.at(1.2, ev.ReplyRequested, 2)) == [fx.DiscardReply]
        assert ends(story, 1.5, "book for two")[-1] == fx.BeginReply(2, 0, False)

    def test_code_interrupts(self) -> None:
        story = expecting()
        effects = story.at(1.2, ev.InterruptRequested)
        assert kinds(effects) == [fx.Commit, fx.DiscardReply, fx.PrepareReply]
        assert story.floor.clearance(0, 1) is Clearance.NEVER

    def test_they_leave(self) -> None:
        effects = expecting().at(1.2, ev.ParticipantLeft, ANN)
        assert kinds(effects)[-1] is fx.DiscardReply

    def test_it_cannot_be_made_and_is_not_tried_again_with_the_same_words(self) -> None:
        story = expecting()
        assert story.at(1.2, ev.ReplyFailed, 1) == [fx.DiscardReply(1, "it could not be made")]
        assert story.at(1.3, ev.TurnEndExpected, ANN) == []
        assert ends(story, 1.5, "book for two")[-1] == fx.BeginReply(2, 0, True)

    def test_it_was_prepared_for_another_history(self) -> None:
        story = expecting()
        ends(story, 1.5, "book for two")
        effects = story.at(1.5, ev.PreparedInVain, 1)
        assert effects == [fx.DropReply(1, "it was prepared for another history"), fx.BeginReply(2, 0, True)]
        assert story.at(1.6, ev.PreparedInVain, 1) == []
        assert story.floor.reply == 2

    def test_nothing_is_prepared_while_the_agent_speaks(self) -> None:
        story = speaking()
        story.at(3.0, ev.SpeechStarted, ANN)
        story.at(3.1, ev.TranscriptReceived, ANN, "uh-huh")
        assert story.at(3.2, ev.TurnEndExpected, ANN) == []

    def test_nor_for_an_end_without_words_or_a_turn(self) -> None:
        story = Story()
        assert story.at(0.0, ev.TurnEndExpected, ANN) == []
        story.at(0.1, ev.TurnStarted, ANN)
        assert story.at(0.2, ev.TurnEndExpected, ANN) == []

    def test_nor_for_a_realtime_model(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(0.5, ev.TranscriptReceived, ANN, "book for two")
        assert story.at(0.6, ev.TurnEndExpected, ANN) == []


class TestAtEachPause:
    """The policy wants answers prepared at each pause."""

    def pausing(self, confidence: float | None = None) -> tuple[Story, list[fx.Effect]]:
        story = Story(knobs(prepare=True))
        story.speaks(ANN, 0.0, 0.96)
        story.at(1.0, ev.TranscriptReceived, ANN, "book for two", False, confidence)
        return story, story.stops(ANN, 1.2, 0.96)

    def test_the_turn_is_over(self) -> None:
        story, effects = self.pausing()
        assert effects == [PREPARED]
        story.at(1.4, ev.TurnEnded, ANN)
        assert story.at(1.5, ev.TranscriptReceived, ANN, "Book for two.", True) == []
        effects = story.at(1.5, ev.TranscriptCompleted, ANN, 1)
        assert effects == [fx.RecordTurn(ANN, "Book for two."), fx.BeginReply(1, 0, True, prepared=True)]

    def test_they_go_on(self) -> None:
        story, _ = self.pausing()
        assert kinds(story.at(1.3, ev.SpeechStarted, ANN)) == [fx.BeginTurn, fx.DiscardReply]

    @pytest.mark.parametrize("text", ["book for two and", "book for two,"])
    def test_words_that_go_on_are_not_all(self, text: str) -> None:
        story = Story(knobs(prepare=True))
        story.speaks(ANN, 0.0, 0.96)
        story.at(1.0, ev.TranscriptReceived, ANN, text)
        assert story.stops(ANN, 1.2, 0.96) == []
        # When the turn is over they are.
        assert kinds(story.at(1.4, ev.TurnEnded, ANN))[-1] is fx.PrepareReply

    def test_where_pauses_are_judged_that_is_waited_for(self) -> None:
        story, _ = self.pausing()
        story.at(1.3, ev.PauseJudged, ANN, 0.02, 1.5)
        story.speaks(ANN, 1.4, 0.96)
        story.at(2.4, ev.TranscriptReceived, ANN, "book for two at")
        assert story.stops(ANN, 2.6, 0.96) == []
        story.at(2.65, ev.TranscriptReceived, ANN, "book for two at noon")
        assert kinds(story.at(2.7, ev.PauseJudged, ANN, 0.02, 1.5)) == [fx.PrepareReply]

    def test_but_not_of_a_detector_that_leaves_it(self) -> None:
        story, _ = self.pausing()
        story.at(1.3, ev.PauseJudged, ANN, 0.02, 1.5)
        story.speaks(ANN, 1.4, 0.96)
        story.stops(ANN, 2.6, 0.96)
        story.at(2.7, ev.TurnEnded, ANN)
        story.at(2.8, ev.TranscriptCompleted, ANN, 1)
        story.at(3.0, ev.AudioDrained, story.floor.reply)
        story.speaks(ANN, 4.0, 0.96)
        story.at(5.0, ev.TranscriptReceived, ANN, "for noon")
        assert kinds(story.stops(ANN, 5.2, 0.96)) == [fx.PrepareReply]

    def test_words_come_in_the_pause(self) -> None:
        story, _ = self.pausing()
        effects = story.at(1.3, ev.TranscriptReceived, ANN, "book for two please")
        assert effects == [
            fx.DiscardReply(1, "the words have changed"),
            fx.PrepareReply(2, 0, ANN, "book for two please"),
        ]

    def test_only_so_often(self) -> None:
        story, effects = self.pausing()
        for number in range(10):
            effects += story.at(1.3 + number / 100, ev.TranscriptReceived, ANN, f"book for {number}")
        assert kinds(effects).count(fx.PrepareReply) == MOST_DRAFTS

    def test_words_that_are_doubtful_are_not_worth_it(self) -> None:
        story, effects = self.pausing(confidence=0.3)
        assert effects == []
        assert kinds(story.at(1.3, ev.TranscriptReceived, ANN, "book for two", False, 0.8)) == [fx.PrepareReply]

    def test_it_is_not_done_unasked(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.at(1.0, ev.TranscriptReceived, ANN, "book for two")
        assert story.stops(ANN, 1.2, 0.96) == []
