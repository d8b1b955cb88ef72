"""Stories: what a model wants done for an answer, while it is not certain that the user wants it."""

from __future__ import annotations

import pytest

from vision_agents.core.floor import Clearance
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev

from .story import ANN, BOB, Story, kinds, knobs, speaking

GO, WAIT, NEVER = Clearance


def speaks_on(story: Story, start: float, end: float, confidence: float = 0.9) -> list[fx.Effect]:
    """Ann speaks, whatever is decided meanwhile."""
    effects = story.at(start, ev.SpeechStarted, ANN, confidence, 0.04)
    while story.now + 0.1 <= end:
        now = story.now + 0.1
        effects += story.until(now)
        effects += story.at(now, ev.SpeechContinued, ANN, confidence, now - start)
    return effects


def cleared(story: Story, epoch: int = 0) -> Clearance:
    return story.floor.clearance(epoch)


class TestChallenged:
    """Somebody speaks over the answer."""

    def test_nothing_is_done_while_the_answer_is_held_and_never_after_the_interruption(self) -> None:
        story = speaking()
        assert cleared(story) is GO
        story.speaks(ANN, 3.0, 0.3)
        assert cleared(story) is WAIT
        assert fx.Commit in kinds(story.at(3.4, ev.TurnStarted, ANN))
        assert cleared(story) is NEVER
        assert cleared(story, epoch=1) is GO

    def test_what_the_agent_says_goes_on_and_so_does_what_it_does(self) -> None:
        story = speaking()
        story.speaks(ANN, 3.0, 0.1)
        story.stops(ANN, 3.3, 0.1)
        assert cleared(story) is WAIT
        assert kinds(story.until(3.6)) == [fx.Resume]
        assert cleared(story) is GO, "though late words may still interrupt"

    def test_a_hold_that_has_lasted_long_enough_keeps_it_waiting_while_they_speak(self) -> None:
        story = speaking(knobs(strategies=("words",)))
        story.at(2.9, ev.CallsWait, 1)
        assert fx.Resume in kinds(speaks_on(story, 3.0, 14.0))
        assert cleared(story) is WAIT, "and the voice that waits for it has not stalled"
        story.stops(ANN, 14.2, 11.0)
        story.until(14.5)
        assert cleared(story) is GO

    def test_and_no_longer_than_a_reply_would_wait(self) -> None:
        story = speaking(knobs(strategies=("words",)))
        speaks_on(story, 3.0, 15.1)
        assert cleared(story) is GO

    def test_it_begins_when_they_are_known_to_be_somebody_else(self) -> None:
        story = speaking(knobs(strategies=("words", "voice")))
        speaks_on(story, 3.0, 6.0)
        assert cleared(story) is WAIT
        story.at(6.1, ev.VoiceCompared, ANN, 0.0)
        assert cleared(story) is GO

    def test_nor_for_a_noise_or_an_echo(self) -> None:
        story = speaking(knobs(strategies=("words",)))
        speaks_on(story, 3.0, 5.1, confidence=0.5)
        assert cleared(story) is GO
        story = speaking(knobs(hold=False, strategies=("words",)))
        story.floor._judge.people._person(ANN).echoed_at = 2.5
        speaks_on(story, 3.0, 5.1)
        assert cleared(story) is GO

    def test_a_second_person_keeps_it_waiting_too(self) -> None:
        story = speaking()
        story.speaks(BOB, 3.0, 0.1)
        assert cleared(story) is WAIT

    def test_but_nobody_who_may_not_interrupt(self) -> None:
        story = speaking()
        story.at(2.5, ev.InterruptingAllowed, BOB, False)
        story.speaks(BOB, 3.0, 0.1)
        assert cleared(story) is GO

    def test_nor_anybody_at_what_may_not_be_interrupted(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1, interruptible=False)
        story.answers(0.1)
        story.speaks(ANN, 1.0, 0.1)
        assert cleared(story) is GO

    def test_before_the_first_sound_of_the_answer(self) -> None:
        story = Story()
        story.asks(ANN, "pay")
        assert cleared(story) is GO
        story.at(1.6, ev.SpeechStarted, ANN)
        assert cleared(story) is WAIT


class TestUnheld:
    """The answer is not held for speech: what it is to do waits as long as a hold would last."""

    POLICY = knobs(hold=False)

    def test_until_a_moment_after_the_speech(self) -> None:
        story = speaking(self.POLICY)
        story.speaks(ANN, 3.0, 0.1)
        assert cleared(story) is WAIT
        story.stops(ANN, 3.3, 0.1)
        assert cleared(story) is WAIT
        story.until(3.44)
        assert cleared(story) is WAIT
        assert story.until(3.51) == []
        assert cleared(story) is GO

    def test_again_if_they_go_on(self) -> None:
        story = speaking(self.POLICY)
        story.speaks(ANN, 3.0, 0.1)
        story.stops(ANN, 3.3, 0.1)
        story.until(3.6)
        assert cleared(story) is GO
        story.at(3.7, ev.SpeechStarted, ANN)
        assert cleared(story) is WAIT

    def test_as_long_as_somebody_speaks_who_may_win(self) -> None:
        story = speaking(knobs(hold=False, strategies=("words",)))
        speaks_on(story, 3.0, 6.0)
        assert cleared(story) is WAIT
        story.stops(ANN, 6.1, 3.0)
        story.until(6.24)
        assert cleared(story) is WAIT
        story.until(6.31)
        assert cleared(story) is GO
        story.at(6.4, ev.SpeechStarted, ANN)
        assert cleared(story) is GO, "nothing was decided for long: it is not begun anew"

    def test_not_for_ever_in_a_crowd(self) -> None:
        story = speaking(knobs(hold=False, strategies=("words",), wait_limit=4.0))
        speaks_on(story, 3.0, 6.9)
        assert cleared(story) is WAIT
        story.until(7.01)
        assert cleared(story) is GO

    def test_not_for_who_cannot_win(self) -> None:
        story = speaking(knobs(hold=False, strategies=()))
        speaks_on(story, 3.0, 5.1)
        assert cleared(story) is GO

    def test_an_echo_that_is_not_held_for_keeps_it_waiting_as_well(self) -> None:
        story = speaking()
        story.floor._judge.people._person(ANN).echoed_at = 2.5
        assert fx.Hold not in kinds(story.speaks(ANN, 3.0, 0.1))
        assert cleared(story) is WAIT
        story.stops(ANN, 3.3, 0.1)
        story.until(3.6)
        assert cleared(story) is GO
        # And the next speech, when the echo is forgotten, is held for.
        assert story.floor._judge.challenge is not None
        assert story.floor._judge.challenge.may_hold


class TestRealtime:
    """A model calls functions before it says anything: there is nothing to be held, and yet somebody may go on."""

    def asked(self) -> Story:
        story = Story(answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN, 0.9, 1.0, 0.0)
        return story

    def test_nobody_speaks(self) -> None:
        assert cleared(self.asked()) is GO

    def test_who_goes_on_takes_it_back(self) -> None:
        story = self.asked()
        story.at(1.5, ev.TurnStarted, ANN)
        assert cleared(story) is WAIT
        effects = story.at(1.6, ev.CallsWait, 1)
        assert effects == [fx.Commit(1, None, ANN, "somebody spoke while a function waited to be called")]
        assert cleared(story) is NEVER
        assert story.at(1.7, ev.CallsWait, 0) == []
        assert fx.Commit not in kinds(story.at(2.5, ev.TurnEnded, ANN, 0.9, 1.0, 0.0))
        # And if it was a noise, the model goes on with what it was asked before.
        assert story.until(4.4) == []
        assert story.until(4.5) == [fx.BeginReply(1, 1, answer=False, continues=0)]

    def test_who_is_not_known_to_speak_before_they_are_done(self) -> None:
        story = self.asked()
        story.at(1.5, ev.SpeechStarted, ANN)
        assert story.at(1.6, ev.CallsWait, 1) == []
        assert cleared(story) is WAIT
        effects = story.at(2.0, ev.TurnEnded, ANN, 0.9, 0.4, 0.0)
        assert kinds(effects) == [fx.AnnounceTurnStarted, fx.AnnounceTurnEnded, fx.Commit]
        assert cleared(story) is NEVER
        assert story.until(4.0) == [fx.BeginReply(1, 1, answer=False, continues=0)]

    def test_what_was_cut_off_before_is_what_it_goes_on_with(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.answers(0.1)
        assert fx.Commit in kinds(story.at(1.0, ev.TurnStarted, ANN))
        assert fx.Commit in kinds(story.at(1.1, ev.CallsWait, 1))
        story.at(1.5, ev.TurnEnded, ANN)
        assert story.until(3.5) == [fx.BeginReply(2, 2, answer=False, continues=1)]

    def test_a_noise_keeps_it_waiting_until_it_is_known_to_be_one(self) -> None:
        story = self.asked()
        story.at(1.5, ev.SpeechStarted, ANN)
        story.at(1.6, ev.CallsWait, 1)
        story.at(1.8, ev.SpeechEnded, ANN, 0.1)
        assert cleared(story) is WAIT
        assert fx.Commit not in kinds(story.until(4.0))
        assert cleared(story) is GO

    def test_who_may_not_interrupt_takes_nothing_back(self) -> None:
        story = self.asked()
        story.at(1.4, ev.InterruptingAllowed, BOB, False)
        story.at(1.5, ev.TurnStarted, BOB)
        assert cleared(story) is GO
        assert story.at(1.6, ev.CallsWait, 1) == []

    def test_once_the_model_says_something_that_is_what_is_challenged(self) -> None:
        story = self.asked()
        story.at(1.5, ev.SpeechStarted, ANN)
        story.at(1.6, ev.CallsWait, 1)
        assert fx.Commit not in kinds(story.at(1.7, ev.ReplyStarted, 1))
        assert cleared(story) is GO


@pytest.mark.parametrize("answers", [True, False])
def test_code_that_interrupts_takes_back_what_was_not_done(answers: bool) -> None:
    story = Story(answers=answers)
    story.at(0.0, ev.InterruptRequested)
    assert (cleared(story), cleared(story, 1)) == (NEVER, GO)
