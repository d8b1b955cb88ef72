"""Stories: functions that run for a reply, and what they have the agent say meanwhile."""

from __future__ import annotations

from vision_agents.core.floor import FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev

from .story import ANN, Story, committed, kinds, knobs, speaking


def calling(story: Story | None = None) -> Story:
    """Reply 1 answers Ann, and needs a function since 2.0; nothing of it was said."""
    if story is None:
        story = Story()
    story.asks(ANN, "my balance please")
    story.at(2.0, ev.FunctionStarted, 1)
    return story


class TestWhatAFunctionSays:
    def test_it_is_said_inside_the_reply_that_waits_for_it(self) -> None:
        story = calling()
        assert story.at(2.1, ev.ReplyRequested, 2, within=1) == [fx.InsertSpeech(2, 1)]
        assert story.at(2.5, ev.AudioStarted, 1) == []
        assert story.at(3.5, ev.AudioDrained, 2) == []
        assert story.floor.reply == 1
        assert story.at(4.0, ev.FunctionEnded, 1) == []
        assert story.at(6.0, ev.AudioDrained, 1) == []
        assert story.state() is FloorState.IDLE

    def test_it_goes_before_what_waits(self) -> None:
        story = calling()
        assert story.at(2.1, ev.ReplyRequested, 2) == []
        assert story.at(2.2, ev.ReplyRequested, 3, within=1) == [fx.InsertSpeech(3, 1)]

    def test_it_never_cuts_its_own_reply_off(self) -> None:
        story = calling()
        assert story.at(2.1, ev.ReplyRequested, 2, interrupts=True, within=1) == [fx.InsertSpeech(2, 1)]
        assert story.floor.epoch == 0

    def test_of_a_reply_that_is_over_it_waits_its_turn(self) -> None:
        story = calling()
        story.at(2.1, ev.InterruptRequested)
        assert story.at(2.2, ev.ReplyRequested, 2, within=1) == [fx.BeginReply(2, 1, answer=False)]

    def test_an_interruption_ends_it_too(self) -> None:
        story = calling()
        story.at(2.1, ev.ReplyRequested, 2, within=1)
        story.at(2.5, ev.AudioStarted, 1)
        assert committed(story.speaks(ANN, 3.0, 1.0))[:2] == (1, 1)
        assert story.at(4.1, ev.AudioDrained, 2) == []

    def test_what_may_not_be_interrupted_protects_the_reply_until_it_was_heard(self) -> None:
        story = calling()
        story.at(2.1, ev.ReplyRequested, 2, False, within=1)
        story.at(2.5, ev.AudioStarted, 1)
        assert fx.Commit not in kinds(story.speaks(ANN, 2.6, 1.2))
        story.stops(ANN, 4.0, 1.2)
        story.at(4.1, ev.AudioDrained, 2)
        story.at(4.2, ev.TurnEnded, ANN)
        story.finds_no_words(ANN, 4.3, story.floor._taking.last_request)
        assert fx.Commit in kinds(story.speaks(ANN, 5.0, 1.2))

    def test_it_ends_a_challenge_that_runs(self) -> None:
        story = calling()
        story.at(2.1, ev.AudioStarted, 1)
        assert fx.Hold in kinds(story.speaks(ANN, 2.2, 0.2))
        effects = story.at(2.45, ev.ReplyRequested, 2, False, within=1)
        assert kinds(effects) == [fx.InsertSpeech, fx.Resume]

    def test_what_cannot_be_made_leaves_the_reply_alone(self) -> None:
        story = calling()
        story.at(2.1, ev.ReplyRequested, 2, False, within=1)
        assert story.at(2.2, ev.ReplyFailed, 2) == []
        assert fx.Hold in kinds(story.speaks(ANN, 2.3, 0.2))

    def test_a_synthesis_that_hangs_is_not_waited_for_as_a_function_is(self) -> None:
        story = calling(Story(knobs(stall_timeout=3.0)))
        story.at(2.1, ev.AudioStarted, 1)
        assert story.until(60.0) == []
        story.at(60.0, ev.ReplyRequested, 2, within=1)
        assert story.until(63.1) == [fx.DropReply(1, "the sound stalled")]

    def test_there_is_a_limit(self) -> None:
        story = calling(Story(knobs(queue_limit=1)))
        assert kinds(story.at(2.1, ev.ReplyRequested, 2, within=1)) == [fx.InsertSpeech]
        assert kinds(story.at(2.1, ev.ReplyRequested, 3, within=1)) == [fx.DropReply]


class TestOfARealtimeModel:
    def test_it_is_a_reply_of_its_own_before_all_that_waits(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ReplyStarted, 1)
        story.at(0.1, ev.AudioStarted, 1)
        assert story.at(0.2, ev.ReplyRequested, 2) == []
        assert story.at(0.3, ev.ReplyRequested, 3, interrupts=True, within=0) == []
        assert story.at(0.4, ev.ReplyRequested, 4, within=0) == []
        assert story.at(1.0, ev.AudioDrained, 1) == [fx.BeginReply(3, 0, answer=False)]
        assert story.at(2.0, ev.AudioDrained, 3) == [fx.BeginReply(4, 0, answer=False)]
        assert story.at(3.0, ev.AudioDrained, 4) == [fx.BeginReply(2, 0, answer=False)]


def test_speaking_is_not_disturbed_by_functions_of_nothing() -> None:
    story = speaking()
    assert story.at(3.0, ev.FunctionEnded, 1) == []
    assert story.at(3.0, ev.FunctionStarted, 9) == []
