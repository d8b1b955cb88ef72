"""Stories: what code wants to say."""

from __future__ import annotations

from vision_agents.core.floor import FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev

from .story import ANN, Story, about, kinds, knobs, resumed, speaking


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
        story = Story(knobs(wait_limit=1.5))
        story.speaks(ANN, 0.0, 0.96)
        assert story.at(1.0, ev.ReplyRequested, 1) == []
        for tenths in range(1, 15):
            assert story.at(1.0 + tenths / 10, ev.SpeechContinued, ANN, 0.9, 1.0 + tenths / 10) == []
        assert story.until(2.5) == [fx.BeginReply(1, 0, answer=False)]

    def test_who_was_talked_over_may_interrupt_and_loses_no_word(self) -> None:
        story = Story(knobs(wait_limit=1.0))
        story.speaks(ANN, 0.0, 0.96)
        story.at(0.97, ev.TranscriptReceived, ANN, "first of all", True)
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
        assert fx.RecordTurn(ANN, "first of all") in story.at(4.0, ev.TranscriptCompleted, ANN, 1)

    def test_a_detector_that_vouches_for_who_is_talked_over_interrupts(self) -> None:
        story = Story(knobs(wait_limit=1.0))
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
        story = Story(knobs(wait_limit=1.0))
        story.speaks(ANN, 0.0, 0.3)
        story.at(0.33, ev.ReplyRequested, 1)
        story.stops(ANN, 0.5, 0.3)
        assert story.until(1.33) == [fx.BeginReply(1, 0, answer=False)]
        assert kinds(story.speaks(ANN, 1.4, 0.3)) == [fx.BeginTurn, fx.Hold]
        story.stops(ANN, 1.9, 0.3)
        assert kinds(story.until(2.1)) == [fx.Resume]
        assert kinds(story.until(2.9)) == [fx.AnnounceTurnStarted]

    def test_a_cough_while_words_are_awaited_does_not_cost_them(self) -> None:
        story = Story(knobs(wait_limit=1.0))
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.answers(0.0)
        story.at(0.1, ev.ReplyRequested, 2)
        story.speaks(ANN, 0.2, 0.96)
        story.stops(ANN, 1.4, 0.96)
        story.at(1.5, ev.TranscriptReceived, ANN, "by the way", True)
        story.at(1.5, ev.TurnEnded, ANN)
        story.at(1.6, ev.AudioDrained, 1)
        assert fx.BeginReply(2, 0, answer=False) in story.until(1.6)
        story.speaks(ANN, 1.7, 0.2)
        story.stops(ANN, 2.1, 0.2)
        assert kinds(story.until(2.5)) == [fx.Resume]
        assert fx.RecordTurn(ANN, "by the way") in story.end()

    def test_it_is_refused_beyond_the_limit_and_says_so(self) -> None:
        story = Story(knobs(queue_limit=2))
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
        story.at(5.1, ev.TranscriptReceived, ANN, "wait", True)
        assert fx.BeginReply(3, 1, answer=False) in story.at(5.1, ev.TranscriptCompleted, ANN, 2)
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
        story.at(2.4, ev.TranscriptReceived, ANN, "is that so", True)
        assert story.at(2.4, ev.TranscriptCompleted, ANN, 1) == [fx.RecordTurn(ANN, "is that so")]
        assert story.at(4.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=True)]

    def test_it_is_withdrawn_before_its_turn(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        story.at(0.0, ev.ReplyRequested, 2)
        assert story.at(0.1, ev.ReplyFailed, 2) == [fx.DropReply(2, "it could not be made")]
        assert story.at(1.0, ev.AudioDrained, 1) == []
        assert story.state() is FloorState.IDLE

    def test_a_command_over_what_may_not_be_interrupted_waits_for_its_end(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.answers(0.5)
        story.speaks(ANN, 1.0, 0.2)
        assert story.at(1.3, ev.TranscriptReceived, ANN, "stop", True) == []
        assert story.floor.evidence(ANN) is None
        story.stops(ANN, 1.4, 0.2)
        story.at(1.5, ev.TurnEnded, ANN)
        assert kinds(story.at(1.6, ev.TranscriptCompleted, ANN, 1)) == [
            fx.AnnounceTurnStarted,
            fx.AnnounceTurnEnded,
            fx.RecordTurn,
        ]
        assert story.state() is FloorState.SPEAKING
        assert story.at(4.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=True)]

    def test_what_was_said_before_a_reply_does_not_interrupt_it(self) -> None:
        story = Story(knobs(wait_limit=1.0))
        story.speaks(ANN, 0.0, 0.96)
        story.at(0.97, ev.TranscriptReceived, ANN, "we had to stop", True)
        story.at(0.98, ev.ReplyRequested, 1)
        story.at(1.5, ev.SpeechEnded, ANN, 0.96, 0.16)
        assert story.until(2.0) == [fx.BeginReply(1, 0, answer=False)]
        assert kinds(story.speaks(ANN, 2.1, 0.2)) == [fx.BeginTurn, fx.Hold]
        assert story.at(2.35, ev.TranscriptReceived, ANN, "uh-huh", True) == []
        story.stops(ANN, 2.5, 0.2)
        assert resumed(story.until(2.71)) == (1, "word", "only “uh-huh”")
        assert fx.RecordTurn(ANN, "we had to stop uh-huh") in story.end()
