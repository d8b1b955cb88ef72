"""Stories: final words that come when their turn is over are in the history, and are answered."""

from __future__ import annotations

import pytest

from vision_agents.core.floor import Clearance, FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev

from .story import ANN, BOB, Story, kinds, knobs, resumed, speaking

ANSWERED = [fx.AnnounceTurnStarted, fx.AnnounceTurnEnded, fx.RecordTurn, fx.BeginReply]


def unheard_of(length: float = 0.96) -> Story:
    """Ann spoke from 0.0 on, a detector said at 1.4 that she is done, and the recogniser has reported nothing."""
    story = Story()
    story.speaks(ANN, 0.0, length)
    story.stops(ANN, 1.2, length)
    assert fx.FinishTurn(ANN, 1) in story.at(1.4, ev.TurnEnded, ANN, 0.9, None, 0.2)
    return story


class TestNothingIsKnownAtTheEnd:
    def test_clear_speech_has_patience(self) -> None:
        story = unheard_of()
        assert story.at(1.4, ev.TranscriptCompleted, ANN, 1) == []
        assert story.state() is FloorState.THINKING
        assert story.at(2.0, ev.TranscriptReceived, ANN, "what time is it", True) == [
            fx.RecordTurn(ANN, "what time is it"),
            fx.BeginReply(1, 0, answer=True),
        ]

    def test_its_limit_is_a_matter_of_policy(self) -> None:
        story = unheard_of()
        story.at(1.4, ev.TranscriptCompleted, ANN, 1)
        assert story.until(2.39) == []
        assert story.until(2.41) == [fx.DiscardTurn(ANN, awaits_words=True), fx.AnnounceNoWords(ANN)]
        assert story.state() is FloorState.IDLE

    def test_a_guess_makes_it_wait_for_the_final_words(self) -> None:
        story = unheard_of()
        story.at(1.4, ev.TranscriptCompleted, ANN, 1)
        assert story.at(2.0, ev.TranscriptReceived, ANN, "what") == []
        assert story.until(4.39) == []
        assert kinds(story.until(4.41)) == [fx.RecordTurn, fx.BeginReply]

    def test_a_recogniser_that_says_so_found_none(self) -> None:
        story = unheard_of()
        story.at(1.4, ev.TranscriptCompleted, ANN, 1)
        assert story.at(1.5, ev.TranscriptReceived, ANN, "", True) == [fx.DiscardTurn(ANN), fx.AnnounceNoWords(ANN)]

    def test_a_cough_has_none(self) -> None:
        story = unheard_of(0.2)
        assert story.at(1.5, ev.TranscriptCompleted, ANN, 1) == [fx.DiscardTurn(ANN, awaits_words=True)]

    def test_a_short_turn_after_late_words_is_announced_as_any_other(self) -> None:
        story = unheard_of(0.2)
        story.at(1.5, ev.TranscriptCompleted, ANN, 1)
        assert kinds(story.at(2.0, ev.TranscriptReceived, ANN, "no", True)) == ANSWERED
        story.at(2.1, ev.AudioStarted, 1)
        story.at(3.0, ev.AudioDrained, 1)
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        story.at(5.5, ev.TurnEnded, ANN, 0.9, None, 0.2)
        story.at(5.6, ev.TranscriptReceived, ANN, "yes", True)
        request = story.floor._turns[ANN].words.request
        assert kinds(story.at(5.6, ev.TranscriptCompleted, ANN, request)) == ANSWERED

    def test_who_speaks_on_is_waited_for(self) -> None:
        story = unheard_of()
        story.at(1.4, ev.TranscriptCompleted, ANN, 1)
        story.speaks(ANN, 1.6, 0.2)
        assert story.at(1.9, ev.TranscriptReceived, ANN, "what time", True) == []
        assert story.state() is FloorState.USER_SPEAKING


class TestTheTurnIsOver:
    def test_it_is_opened_again(self) -> None:
        story = unheard_of()
        story.at(1.4, ev.TranscriptCompleted, ANN, 1)
        story.until(6.0)
        assert story.at(9.0, ev.TranscriptReceived, ANN, "what time is it", True) == [
            fx.RecordTurn(ANN, "what time is it"),
            fx.BeginReply(1, 0, answer=True),
        ]

    def test_a_short_word_is_announced_then(self) -> None:
        story = unheard_of(0.2)
        story.at(1.4, ev.TranscriptCompleted, ANN, 1)
        effects = story.at(2.0, ev.TranscriptReceived, ANN, "yes", True)
        assert kinds(effects) == [fx.AnnounceTurnStarted, fx.AnnounceTurnEnded, fx.RecordTurn, fx.BeginReply]
        assert isinstance(effects[1], fx.AnnounceTurnEnded)
        assert effects[1].duration > 0.9
        # Only once.
        assert fx.AnnounceTurnStarted not in kinds(story.at(2.1, ev.TranscriptReceived, ANN, "please", True))

    def test_without_any_speech_that_was_noticed(self) -> None:
        story = unheard_of()
        story.at(1.4, ev.TranscriptReceived, ANN, "hm", True)
        effects = story.at(3.0, ev.TranscriptReceived, BOB, "so am I", True)
        assert kinds(effects)[:3] == [fx.AnnounceTurnStarted, fx.AnnounceTurnEnded, fx.RecordTurn]

    def test_while_somebody_speaks_they_wait_for_their_answer(self) -> None:
        story = unheard_of()
        story.at(1.4, ev.TranscriptCompleted, ANN, 1)
        story.until(3.0)
        story.speaks(BOB, 3.0, 0.3)
        assert story.at(3.4, ev.TranscriptReceived, ANN, "what time is it", True) == [
            fx.RecordTurn(ANN, "what time is it")
        ]


class TestTheFirstHalfIsBeingAnswered:
    def test_an_answer_that_is_not_heard_yet_is_made_anew(self) -> None:
        story = Story()
        story.asks(ANN, "my number is")
        assert story.at(1.7, ev.TranscriptReceived, ANN, "five five", True) == [
            fx.RecordTurn(ANN, "five five"),
            fx.DropReply(1, "more was said"),
            fx.BeginReply(2, 0, answer=True),
        ]

    def test_also_one_that_is_held(self) -> None:
        story = Story()
        story.asks(ANN, "my number is")
        story.speaks(BOB, 1.6, 0.1)
        assert story.state() is FloorState.HELD
        effects = story.at(1.8, ev.TranscriptReceived, ANN, "five five", True)
        assert kinds(effects) == [fx.RecordTurn, fx.DropReply]
        assert story.state() is FloorState.USER_SPEAKING

    def test_an_answer_to_somebody_else_goes_on(self) -> None:
        story = Story()
        story.asks(ANN, "how are you")
        assert kinds(story.at(1.7, ev.TranscriptReceived, BOB, "and me too", True))[2:] == [fx.RecordTurn]

    def test_what_code_says_goes_on(self) -> None:
        story = Story()
        story.asks(ANN, "how are you")
        story.answers(2.0)
        story.at(3.0, ev.AudioDrained, 1)
        story.at(3.1, ev.ReplyRequested, 2)
        assert story.at(3.2, ev.TranscriptReceived, ANN, "today", True) == [fx.RecordTurn(ANN, "today")]

    def test_one_that_is_heard_is_heard_out(self) -> None:
        story = speaking()
        assert story.at(2.5, ev.TranscriptReceived, ANN, "today", True) == [fx.RecordTurn(ANN, "today")]
        assert story.at(4.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=True)]

    def test_nothing_more_is_done_for_it(self) -> None:
        story = speaking()
        assert story.floor.clearance(0, 1) is Clearance.GO
        story.at(2.4, ev.TranscriptReceived, BOB, "so do I", True)
        assert story.floor.clearance(0, 1) is Clearance.GO, "it is for Ann"
        story.at(2.5, ev.TranscriptReceived, ANN, "do not", True)
        assert story.floor.clearance(0, 1) is Clearance.NEVER
        story.at(4.0, ev.AudioDrained, 1)
        assert story.floor.clearance(0, 2) is Clearance.GO

    def test_nor_when_a_turn_of_hers_ends_that_stopped_nothing(self) -> None:
        """Something that may not be interrupted is said inside the answer."""
        story = speaking()
        story.at(2.1, ev.FunctionStarted, 1)
        story.at(2.1, ev.ReplyRequested, 2, False, False, 1)
        story.asks_while_others_speak(ANN, "do not", 2.2)
        assert story.floor.clearance(0, 1) is Clearance.NEVER

    def test_who_may_not_interrupt_keeps_nothing_from_being_done(self) -> None:
        story = speaking()
        story.at(2.1, ev.InterruptingAllowed, ANN, False)
        story.asks_while_others_speak(ANN, "do not", 2.2)
        assert story.floor.clearance(0, 1) is Clearance.GO

    @pytest.mark.parametrize("late", [False, True])
    def test_a_listeners_okay_keeps_nothing_from_being_done(self, late: bool) -> None:
        story = speaking()
        story.at(2.1, ev.FunctionStarted, 1)
        story.at(2.1, ev.ReplyRequested, 2, False, False, 1)
        if late:
            story.speaks(ANN, 2.2, 0.2)
            story.stops(ANN, 2.6, 0.2)
            story.at(2.8, ev.TurnEnded, ANN)
            story.finds_no_words(ANN, 2.9, story.floor._turns[ANN].words.request)
            assert fx.RecordTurn(ANN, "okay") in story.at(3.0, ev.TranscriptReceived, ANN, "okay", True)
        else:
            story.asks_while_others_speak(ANN, "okay", 2.2)
        assert story.floor.clearance(0, 1) is Clearance.GO

    def test_late_words_of_who_may_not_interrupt_do_not_either(self) -> None:
        story = speaking()
        story.at(2.1, ev.InterruptingAllowed, ANN, False)
        assert fx.RecordTurn(ANN, "do not") in story.at(2.5, ev.TranscriptReceived, ANN, "do not", True)
        assert story.floor.clearance(0, 1) is Clearance.GO

    def test_what_the_guess_had_is_not_said_twice(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.at(1.0, ev.TranscriptReceived, ANN, "What time")
        story.stops(ANN, 1.2, 0.96)
        story.at(1.4, ev.TurnEnded, ANN)
        assert fx.RecordTurn(ANN, "What time") in story.at(1.5, ev.TranscriptCompleted, ANN, 1)
        assert story.at(1.6, ev.TranscriptReceived, ANN, "what time does it leave", True)[0] == fx.RecordTurn(
            ANN, "does it leave"
        )
        # The same words once more are words said once more.
        assert story.at(1.7, ev.TranscriptReceived, ANN, "what time", True)[0] == fx.RecordTurn(ANN, "what time")

    def test_a_guess_that_is_confirmed_is_no_news(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.at(1.0, ev.TranscriptReceived, ANN, "Billing")
        story.stops(ANN, 1.2, 0.96)
        story.at(1.4, ev.TurnEnded, ANN)
        story.at(1.5, ev.TranscriptCompleted, ANN, 1)
        assert story.at(1.6, ev.TranscriptReceived, ANN, "billing.", True) == []

    def test_a_guess_that_was_wrong_is_followed_by_what_is_right(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.at(1.0, ev.TranscriptReceived, ANN, "building")
        story.stops(ANN, 1.2, 0.96)
        story.at(1.4, ev.TurnEnded, ANN)
        story.at(1.5, ev.TranscriptCompleted, ANN, 1)
        assert story.at(1.6, ev.TranscriptReceived, ANN, "billing", True)[0] == fx.RecordTurn(ANN, "billing")


class TestWhatWasDismissed:
    """Ann's 0.22 s over the agent were taken for none; her words come when that is decided."""

    def dismissed(self) -> Story:
        story = speaking()
        story.at(4.9, ev.AgentWordsPlayed, 1, "the weather in Rome")
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        assert resumed(story.until(5.61))
        assert story.until(6.61) == [fx.DiscardTurn(ANN)]
        return story

    def test_a_sentence_is_answered_after_the_reply(self) -> None:
        story = self.dismissed()
        effects = story.at(7.0, ev.TranscriptReceived, ANN, "not Rome", True)
        assert kinds(effects) == [fx.AnnounceTurnStarted, fx.AnnounceTurnEnded, fx.RecordTurn]
        assert story.at(8.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=True)]

    def test_a_backchannel_is_none(self) -> None:
        assert self.dismissed().at(7.0, ev.TranscriptReceived, ANN, "uh-huh", True) == []

    def test_nor_is_an_echo(self) -> None:
        assert self.dismissed().at(7.0, ev.TranscriptReceived, ANN, "weather in Rome", True) == []

    def test_it_is_forgotten_with_the_next_speech(self) -> None:
        story = self.dismissed()
        story.at(7.0, ev.AudioDrained, 1)
        story.speaks(ANN, 7.5, 0.2)
        story.stops(ANN, 7.9, 0.2)
        story.at(8.0, ev.TurnEnded, ANN)
        story.at(8.1, ev.TranscriptCompleted, ANN, 2)
        assert fx.RecordTurn(ANN, "uh-huh") in story.at(8.5, ev.TranscriptReceived, ANN, "uh-huh", True)

    def test_and_when_she_leaves(self) -> None:
        story = self.dismissed()
        story.at(7.0, ev.ParticipantLeft, ANN)
        story.at(7.1, ev.AudioDrained, 1)
        assert fx.RecordTurn(ANN, "uh-huh") in story.at(7.5, ev.TranscriptReceived, ANN, "uh-huh", True)


class TestWordsWithoutSpeechOverTheAgent:
    """Ann's turn had its words; what else the recogniser finds was too faint for the detector."""

    def test_a_backchannel_is_none(self) -> None:
        assert speaking().at(3.0, ev.TranscriptReceived, ANN, "uh-huh", True) == []

    def told_at_once(self, text: str) -> Story:
        """A guess and its final words, sooner than anybody can say them: nothing speaks for or against them."""
        story = speaking()
        story.at(2.9, ev.AgentWordsPlayed, 1, "the weather in Rome")
        assert fx.Hold in kinds(story.at(3.0, ev.TranscriptReceived, ANN, text))
        story.at(3.1, ev.TranscriptReceived, ANN, text, True)
        return story

    def test_a_sentence_that_nothing_is_known_against_is_answered_after_the_reply(self) -> None:
        story = self.told_at_once("I would rather go to Paris please")
        assert kinds(story.until(4.5)) == [fx.Resume, fx.FinishTurn]
        assert story.floor.clearance(0, 1) is Clearance.WAIT
        effects = story.at(4.5, ev.TranscriptCompleted, ANN, story.floor._turns[ANN].words.request)
        assert kinds(effects) == [fx.AnnounceTurnStarted, fx.AnnounceTurnEnded, fx.RecordTurn]
        assert story.floor.clearance(0, 1) is Clearance.NEVER
        assert story.at(6.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=True)]

    @pytest.mark.parametrize("reject", ["vote", "voice"])
    def test_one_that_is_shown_not_to_be_for_the_agent_is_none(self, reject: str) -> None:
        story = speaking()
        story.at(3.0, ev.SpeechStarted, ANN)
        if reject == "vote":
            story.at(3.1, ev.Voted, ANN, story.challenge(ANN), "mine", -3.0, "not meant for me")
        else:
            story.at(3.1, ev.VoiceCompared, ANN, -0.2)
        story.at(3.2, ev.TranscriptReceived, ANN, "I would rather go to Paris please", True, 0.9)
        story.stops(ANN, 3.4, 0.0)
        assert kinds(story.until(6.0)) == [fx.Resume, fx.RecordOverheard, fx.DiscardTurn]

    def test_nor_is_it_when_its_words_come_late(self) -> None:
        story = speaking()
        story.at(3.0, ev.SpeechStarted, ANN)
        story.at(3.1, ev.Voted, ANN, story.challenge(ANN), "mine", -3.0, "not meant for me")
        story.stops(ANN, 3.4, 0.0)
        story.until(6.0)
        late = story.at(6.0, ev.TranscriptReceived, ANN, "tell me more", True, 0.9)
        assert kinds(late) == [fx.RecordOverheard]

    def guessed(self) -> Story:
        """A guess that means something, when nothing more is heard: the recogniser is asked for all of the words."""
        story = speaking(knobs(strategies=("length", "words", "echo")))
        story.at(2.9, ev.AgentWordsPlayed, 1, "the weather in Rome")
        story.at(3.0, ev.SpeechStarted, ANN)
        story.at(3.1, ev.TranscriptReceived, ANN, "I would rather go to Paris please", False, 0.65)
        story.stops(ANN, 3.4, 0.0)
        assert kinds(story.until(6.0)) == [fx.Resume, fx.FinishTurn]
        return story

    def completes(self, story: Story, words: str) -> list[fx.Effect]:
        if words:
            assert story.at(6.0, ev.TranscriptReceived, ANN, words, True, 0.65) == []
        return story.at(6.1, ev.TranscriptCompleted, ANN, story.floor._turns[ANN].words.request)

    @pytest.mark.parametrize("words", ["I would rather go to Paris please", "I would rather go by train", ""])
    def test_a_guess_at_one_is_answered_with_the_final_words(self, words: str) -> None:
        story = self.guessed()
        effects = self.completes(story, words)
        assert effects[2:] == [fx.RecordTurn(ANN, words or "I would rather go to Paris please")]
        assert story.at(7.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=True)]

    @pytest.mark.parametrize("words", ["uh-huh", "so the weather in Rome"])
    def test_a_guess_that_its_final_words_take_back_is_none(self, words: str) -> None:
        story = self.guessed()
        assert self.completes(story, words) == [fx.DiscardTurn(ANN)]
        assert story.at(7.0, ev.AudioDrained, 1) == []

    def test_after_it_the_next_turn_is_as_any_other(self) -> None:
        story = self.guessed()
        self.completes(story, "I would rather go to Paris please")
        assert story.at(6.5, ev.TranscriptReceived, ANN, "uh-huh", True) == []
        story.at(7.0, ev.AudioDrained, 1)
        story.answers(7.2)
        assert fx.RecordTurn(ANN, "by train") in story.at(7.5, ev.TranscriptReceived, ANN, "by train", True)

    def test_what_the_agent_said_is_none(self) -> None:
        story = self.told_at_once("so the weather in Rome")
        assert kinds(story.until(5.2)) == [fx.Resume, fx.DiscardTurn]

    def test_an_echo_is_none_even_shortly_after_the_agent(self) -> None:
        story = speaking()
        story.at(2.9, ev.AgentWordsPlayed, 1, "the weather in Rome")
        assert story.at(3.0, ev.TranscriptReceived, ANN, "weather in Rome", True) == []
        story.at(3.1, ev.AudioDrained, 1)
        assert story.at(5.8, ev.TranscriptReceived, ANN, "weather in Rome", True) == []
        assert story.at(5.9, ev.TranscriptReceived, ANN, "weather in Rome", True)

    def test_an_uh_huh_to_nobody_is_said_to_the_agent(self) -> None:
        story = speaking(knobs())
        story.at(3.0, ev.AudioDrained, 1)
        assert fx.RecordTurn(ANN, "uh-huh") in story.at(3.5, ev.TranscriptReceived, ANN, "uh-huh", True)
