"""Stories: the words of those who speak over the agent, in time, late, and wrong."""

from __future__ import annotations

import pytest

from vision_agents.core.floor import FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev

from .story import ANN, Story, committed, kinds, knobs, resumed, speaking


def utters(story: Story, text: str, length: float = 0.2, *, final: bool = False) -> list[fx.Effect]:
    """Ann speaks at 5.0, and while she does her words are known. Returns what that leads to."""
    story.speaks(ANN, 5.0, length)
    return story.at(5.01 + length + 0.04, ev.TranscriptReceived, ANN, text, final)


class TestCommands:
    @pytest.mark.parametrize(
        "text", ["stop", "Wait!", "No, stop.", "hold on", "um… wait", "okay stop", "стоп", "等一下", "arrêtez"]
    )
    def test_one_is_enough_at_once(self, text: str) -> None:
        story = speaking()
        assert committed(utters(story, text)) == (1, 1, ANN, f"0.22 s of clear speech, a command: “{text}”")

    @pytest.mark.parametrize("text", ["No.", "para"])
    def test_one_that_may_become_an_uh_huh_waits_for_the_pause(self, text: str) -> None:
        """A "no" may yet be "no problem". The agent is silent meanwhile."""
        story = speaking()
        assert utters(story, text) == []
        assert story.stops(ANN, 5.4, 0.2) == []
        effects = story.at(5.45, ev.TranscriptReceived, ANN, text, False)
        assert committed(effects)[3] == f"0.22 s of clear speech, a command: “{text}”"

    def test_one_that_became_an_uh_huh_is_none(self) -> None:
        story = speaking()
        assert utters(story, "no") == []
        assert story.at(5.5, ev.TranscriptReceived, ANN, "no problem", False) == []
        assert story.stops(ANN, 5.6, 0.5) == []
        assert resumed(story.until(5.8))[2] == "only “no problem”"

    def test_a_recogniser_that_is_not_sure_of_it_has_to_wait_for_more_speech(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.1, ev.SpeechContinued, ANN, 0.9, 0.1)
        assert story.at(5.11, ev.TranscriptReceived, ANN, "stop", False, 0.3) == []
        effects = story.at(5.3, ev.SpeechContinued, ANN, 0.9, 0.31)
        assert committed(effects)[3] == "0.31 s of clear speech, perhaps “stop”"

    def test_they_may_be_replaced(self) -> None:
        policy = knobs(strategies=("words",))
        assert kinds(utters(speaking(policy), "stop")) == [fx.Commit, fx.AnnounceTurnStarted]
        assert utters(speaking(knobs(strategies=("length",))), "stop") == []


class TestWordsBeforeTheDetector:
    """A soft voice is read before it is detected: words are evidence of speech, and hold."""

    def test_they_hold(self) -> None:
        story = speaking()
        assert story.at(5.0, ev.TranscriptReceived, ANN, "could you", False, 0.9) == [
            fx.BeginTurn(ANN),
            fx.Hold(1, ANN),
        ]
        # What the detector finds then goes on with it.
        assert story.at(5.3, ev.SpeechStarted, ANN) == []
        assert fx.Commit in kinds(story.at(5.9, ev.SpeechContinued, ANN, 0.9, 0.5))

    def test_without_the_detector_they_are_taken_when_no_more_come(self) -> None:
        story = speaking()
        story.at(5.0, ev.TranscriptReceived, ANN, "could you", False, 0.9)
        assert story.at(5.4, ev.TranscriptReceived, ANN, "could you stay", False, 0.9) == []
        assert committed(story.until(6.5))[3] == "“could you stay”"

    @pytest.mark.parametrize(
        ("text", "sure"), [("uh-huh", 0.9), ("", 0.9), ("could you", 0.59), ("the weather", 0.9), ("how are you", 0.9)]
    )
    def test_what_is_nobodys_does_not(self, text: str, sure: float) -> None:
        """A listener's, a guess, the agent's echo, and what she said before."""
        story = speaking()
        story.at(4.9, ev.AgentWordsPlayed, 1, "about the weather")
        assert story.at(5.0, ev.TranscriptReceived, ANN, text, False, sure) == []

    def test_nor_do_words_of_what_was_found_to_be_nothing(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        story.until(7.0)
        assert story.at(7.0, ev.TranscriptReceived, ANN, "could you", False, 0.9) == []

    def test_nor_do_they_while_the_agent_is_silent(self) -> None:
        story = speaking()
        story.at(4.0, ev.AudioDrained, 1)
        assert story.at(5.0, ev.TranscriptReceived, ANN, "could you", False, 0.9) == []


class TestPartialWords:
    """When the sound ends, the last guess may be of a part of it."""

    def heard(self, text: str) -> Story:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.3, ev.SpeechContinued, ANN, 0.9, 0.2)
        story.at(5.3, ev.TranscriptReceived, ANN, text, False, 0.9)
        assert story.stops(ANN, 5.45, 0.2) == []
        return story

    def test_what_may_become_a_listeners_is_waited_for(self) -> None:
        story = self.heard("got")
        assert story.at(5.5, ev.TranscriptReceived, ANN, "got it", False, 0.9) == []
        assert resumed(story.until(5.7))[2] == "only “got it”"

    def test_and_is_what_it_is_if_nothing_more_comes(self) -> None:
        story = self.heard("got")
        assert committed(story.until(5.7))[3].endswith("“got”")

    def test_words_that_cannot_become_one_are_not_waited_for(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.3, ev.SpeechContinued, ANN, 0.9, 0.2)
        story.at(5.3, ev.TranscriptReceived, ANN, "tell me", False, 0.9)
        assert kinds(story.stops(ANN, 5.45, 0.2)) == [fx.Commit, fx.AnnounceTurnStarted]


class TestBackchannels:
    @pytest.mark.parametrize("text", ["uh-huh", "Yeah, yeah.", "okay", "mm-hmm", "I see", "genau", "はい", "угу"])
    @pytest.mark.parametrize("length", [0.2, 0.4, 0.6])
    def test_the_agent_goes_on(self, text: str, length: float) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.1, ev.TranscriptReceived, ANN, text)
        assert story.at(5.0 + length, ev.SpeechContinued, ANN, 0.9, length) == []
        story.stops(ANN, 6.2, length)
        assert resumed(story.until(6.41)) == (1, "word", f"only “{text}”")
        assert story.until(7.21) == [fx.DiscardTurn(ANN)]

    def test_who_does_not_stop_means_it(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.1, ev.TranscriptReceived, ANN, "yeah")
        assert story.at(5.9, ev.SpeechContinued, ANN, 0.9, 0.99) == []
        assert committed(story.at(6.0, ev.SpeechContinued, ANN, 0.9, 1.0))[3] == "1.00 s of clear speech"

    def test_a_chain_of_them_is_as_long_as_an_interruption_and_is_none(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        for tenths, text in ((4, "yeah"), (7, "yeah yeah"), (10, "yeah yeah okay"), (13, "yeah yeah okay right")):
            assert story.at(5.0 + tenths / 10, ev.SpeechContinued, ANN, 0.9, tenths / 10 - 0.05) == []
            assert story.at(5.02 + tenths / 10, ev.TranscriptReceived, ANN, text) == []
        story.stops(ANN, 6.5, 1.3)
        assert resumed(story.until(6.71))[2] == "only “yeah yeah okay right”"

    def test_what_follows_it_counts(self) -> None:
        story = speaking()
        assert utters(story, "yeah", 0.4) == []
        assert story.at(5.5, ev.TranscriptReceived, ANN, "yeah but") == []
        assert committed(story.stops(ANN, 5.6, 0.4))[3] == "0.42 s of clear speech, “yeah but”"

    def test_what_is_read_while_she_speaks_is_a_guess(self) -> None:
        story = speaking()
        assert utters(story, "sound", 0.4) == []
        assert story.at(5.5, ev.TranscriptReceived, ANN, "sounds good") == []
        story.stops(ANN, 5.6, 0.4)
        assert resumed(story.until(5.81))[2] == "only “sounds good”"

    def test_fillers_are_no_words(self) -> None:
        assert utters(speaking(), "um, well", 0.45) == []


class TestTheAgentAsked:
    def test_then_an_okay_is_an_answer(self) -> None:
        story = speaking()
        story.at(4.9, ev.AgentWordsPlayed, 1, "Shall I go on?")
        assert committed(utters(story, "okay"))[3] == "0.22 s of clear speech, “okay” answers a question"

    @pytest.mark.parametrize(
        "text", ["works for me", "I don't mind", "go ahead", "are you kidding", "lovely", "no way"]
    )
    def test_then_a_consent_a_doubt_and_a_praise_are_answers(self, text: str) -> None:
        story = speaking()
        story.at(4.9, ev.AgentWordsPlayed, 1, "Shall I book it?")
        effects = utters(story, text, 0.45) + story.at(5.53, ev.SpeechContinued, ANN, 0.9, 0.54)
        assert committed(effects)[3].endswith("answers a question")

    @pytest.mark.parametrize("text", ["works for me", "I don't mind", "go ahead", "are you kidding", "lovely"])
    def test_over_a_statement_they_are_a_listeners(self, text: str) -> None:
        story = speaking()
        assert utters(story, text, 0.45) + story.at(5.53, ev.SpeechContinued, ANN, 0.9, 0.54) == []
        story.stops(ANN, 5.7, 0.54)
        assert resumed(story.until(5.91))[2] == f"only “{text}”"

    @pytest.mark.parametrize("said", ["", "Shall I tell", "Shall I? First of all I will say this and that then"])
    def test_without_a_question_it_is_none(self, said: str) -> None:
        story = speaking()
        story.at(4.9, ev.AgentWordsPlayed, 1, said)
        assert utters(story, "okay") == []

    def test_a_hum_is_no_answer(self) -> None:
        story = speaking()
        story.at(4.9, ev.AgentWordsPlayed, 1, "Shall I go on?")
        assert utters(story, "oh wow") == []


class TestWordsThatComeLate:
    def cough(self) -> Story:
        """Ann was heard for 0.22 s until 5.4, and the agent has gone on since 5.6."""
        story = speaking()
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        assert kinds(story.until(5.61)) == [fx.Resume]
        return story

    def test_they_still_interrupt(self) -> None:
        story = self.cough()
        effects = story.at(6.3, ev.TranscriptReceived, ANN, "not Rome", True)
        assert committed(effects) == (1, 1, ANN, "0.22 s of clear speech, “not Rome”")
        story.at(6.4, ev.TurnEnded, ANN)
        assert fx.RecordTurn(ANN, "not Rome") in story.at(6.5, ev.TranscriptCompleted, ANN, 2)

    def test_the_turn_ends_with_the_commit_if_its_end_was_told_before(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        assert story.at(5.5, ev.TurnEnded, ANN, 0.7, 0.3, 0.3) == []
        story.until(5.61)
        effects = story.at(6.3, ev.TranscriptReceived, ANN, "not Rome", True)
        assert kinds(effects) == [fx.Commit, fx.AnnounceTurnStarted, fx.AnnounceTurnEnded, fx.FinishTurn]
        assert isinstance(effects[2], fx.AnnounceTurnEnded)
        assert (effects[2].confidence, effects[2].duration) == (0.7, 0.3)
        assert kinds(story.at(6.4, ev.TranscriptCompleted, ANN, 2)) == [fx.RecordTurn, fx.BeginReply]

    def test_an_end_of_which_she_goes_on_is_none(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        story.at(5.45, ev.TurnEnded, ANN)
        assert kinds(story.speaks(ANN, 5.5, 0.6)) == [fx.BeginTurn, fx.Commit, fx.AnnounceTurnStarted]

    def test_a_hum_does_not(self) -> None:
        story = self.cough()
        assert story.at(6.3, ev.TranscriptReceived, ANN, "uh-huh", True) == []
        assert story.until(6.41) == [fx.DiscardTurn(ANN)]

    def test_too_late_they_do_not_interrupt(self) -> None:
        story = self.cough()
        assert story.until(6.41) == [fx.DiscardTurn(ANN)]
        assert fx.RecordTurn(ANN, "stop") in story.at(6.5, ev.TranscriptReceived, ANN, "stop", True)
        assert story.state() is FloorState.SPEAKING
        # Nor do they count for what she says next.
        story.speaks(ANN, 7.0, 0.2)
        assert story.at(7.3, ev.TranscriptReceived, ANN, "uh-huh") == []

    def test_how_late_they_may_come_is_a_matter_of_policy(self) -> None:
        story = speaking(knobs(late_transcript=0.0))
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        assert kinds(story.until(5.61)) == [fx.Resume, fx.DiscardTurn]


class TestWordsThatAreWrong:
    def test_twice(self) -> None:
        story = speaking()
        assert utters(story, "tell me", 0.4) == []
        assert story.at(5.5, ev.TranscriptReceived, ANN, "tell me") == []
        assert committed(story.stops(ANN, 5.6, 0.4))
        assert story.at(5.6, ev.TranscriptReceived, ANN, "tell me") == []
        assert story.at(5.6, ev.TranscriptReceived, ANN, "tell me", True) == []
        story.at(5.7, ev.TurnEnded, ANN)
        assert fx.RecordTurn(ANN, "tell me") in story.at(5.8, ev.TranscriptCompleted, ANN, 2)
        assert story.at(5.9, ev.TranscriptCompleted, ANN, 2) == []

    def test_out_of_order(self) -> None:
        """An older guess comes after a newer one: what was decided stays decided."""
        story = speaking()
        assert kinds(utters(story, "stop it")) == [fx.Commit, fx.AnnounceTurnStarted]
        assert story.at(5.3, ev.TranscriptReceived, ANN, "st") == []
        assert story.at(5.3, ev.TranscriptReceived, ANN, "") == []
        assert story.floor.epoch == 1

    def test_of_a_turn_long_over(self) -> None:
        story = speaking()
        assert story.at(4.0, ev.TranscriptReceived, ANN, "stop", True) == [fx.RecordTurn(ANN, "stop")]
        assert story.at(4.0, ev.TranscriptCompleted, ANN, 1) == []
        assert story.state() is FloorState.SPEAKING

    def test_none_at_all_speak_against_an_interruption(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.4)
        assert story.at(5.45, ev.TranscriptReceived, ANN, "", True) == []
        story.stops(ANN, 5.6, 0.41)
        assert resumed(story.until(5.81)) == (1, "word", "no words in it")

    def test_in_another_language(self) -> None:
        story = speaking()
        assert utters(story, "ვერ გავიგე", 0.4) == []
        assert committed(story.stops(ANN, 5.6, 0.4))[3] == "0.42 s of clear speech, “ვერ გავიგე”"

    def test_nonsense(self) -> None:
        """A thousand words in 0.3 s are what a recogniser makes of noise."""
        story = speaking()
        assert utters(story, "blah " * 1000, 0.3) == []
        story.stops(ANN, 5.6, 0.3)
        _, _, reason = resumed(story.until(5.81))
        assert "has more words than were spoken" in reason
        assert len(reason) < 200

    @pytest.mark.parametrize(("sure", "reason"), [(None, "“tell me”"), (1.0, "“tell me”"), (0.6, "“tell me”")])
    def test_a_recogniser_is_believed_if_it_does_not_say_otherwise(self, sure: float | None, reason: str) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.35, 0.2)
        assert committed(story.at(5.4, ev.TranscriptReceived, ANN, "tell me", False, sure))[3].endswith(reason)

    def test_one_that_doubts_itself_is_believed_by_half(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.2)
        assert story.at(5.3, ev.TranscriptReceived, ANN, "tell me", False, 0.59) == []

    def test_one_that_hesitates_between_words_and_an_uh_huh_is_not_believed(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.3)
        assert story.at(5.36, ev.TranscriptReceived, ANN, "amen", False, 0.5, "Mm") == []
        story.stops(ANN, 5.5, 0.3)
        _, _, reason = resumed(story.until(5.81))
        assert reason.endswith("perhaps only “Mm”")

    def test_one_that_is_certain_is_believed_though_the_detector_heard_little(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.1)
        story.stops(ANN, 5.25, 0.1)
        assert story.at(5.3, ev.TranscriptReceived, ANN, "I have to go now", False, 0.74) == []
        assert committed(story.at(5.35, ev.TranscriptReceived, ANN, "I have to go now", False, 0.9))[3].endswith(
            "go now”"
        )


class TestOnlyAGuessThatItIsAListeners:
    """It interrupts nothing, and is answered after what the agent says: it may have been a request."""

    def heard(self, guess: str, words: str, sure: float, length: float) -> Story:
        story = speaking()
        story.speaks(ANN, 5.0, 0.3)
        story.at(5.35, ev.TranscriptReceived, ANN, guess, False, sure)
        voiced = 0.3
        while voiced + 0.1 <= length:
            voiced += 0.1
            story.at(5.1 + voiced, ev.SpeechContinued, ANN, 0.7, voiced)
        end = 5.15 + voiced
        story.at(end, ev.TranscriptReceived, ANN, words, True, sure)
        assert story.stops(ANN, end + 0.1, voiced) == []
        return story

    @pytest.mark.parametrize(
        ("guess", "words", "sure", "length"),
        [
            ("okay", "okay great thank you so much cancel", 0.95, 1.6),
            ("yes", "yes yes yes yes Tuesday", 0.95, 1.6),
            ("okay", "okay great thanks a lot John", 0.95, 1.3),
            ("uh", "call mom", 0.7, 0.45),
        ],
    )
    def test_it_is_answered_later(self, guess: str, words: str, sure: float, length: float) -> None:
        story = self.heard(guess, words, sure, length)
        assert kinds(story.until(8.5)) == [fx.Resume, fx.FinishTurn]
        request = story.floor._turns[ANN].words.request
        assert fx.RecordTurn(ANN, words) in story.at(8.6, ev.TranscriptCompleted, ANN, request)
        assert story.at(9.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=True)]

    def test_if_it_is_no_guess_that_she_said_it_to_somebody_else_it_is_not(self) -> None:
        story = self.heard("okay", "okay great thank you so much cancel", 0.95, 1.6)
        effects = story.at(story.now, ev.VoiceCompared, ANN, -0.2)
        assert kinds(effects + story.until(8.5)) == [fx.Resume, fx.RecordOverheard, fx.DiscardTurn]

    def test_an_uh_huh_is_not(self) -> None:
        story = self.heard("okay", "okay great thank you so much", 0.95, 1.3)
        assert kinds(story.until(8.5)) == [fx.Resume, fx.DiscardTurn]

    def test_words_that_come_when_it_was_found_to_be_nothing_are(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.2)
        story.stops(ANN, 5.4, 0.2)
        story.until(7.0)
        late = story.at(7.0, ev.TranscriptReceived, ANN, "okay great thank you so much cancel", True, 0.95)
        assert fx.RecordTurn(ANN, "okay great thank you so much cancel") in late
