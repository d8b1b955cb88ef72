"""Stories: what else is known of speech over the agent: how loud, whose voice, whose words, and votes from outside."""

from __future__ import annotations

import math

import pytest

from vision_agents.core.floor import FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.challenger import HEAVIEST, MOST_VOTES
from vision_agents.core.floor.evidence import Vote

from .story import ANN, BOB, Story, about, committed, kinds, knobs, resumed, speaking


class TestClearSpeech:
    def test_unsure_windows_do_not_count(self) -> None:
        """A crowd, or music: the detector takes it for speech, but seldom surely."""
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN, 0.6)
        for tenths in range(1, 5):
            assert story.at(5.0 + tenths / 10, ev.SpeechContinued, ANN, 0.8, tenths / 10) == []
        assert resumed(story.until(5.5)) == (1, "word", "0.00 s of clear speech")
        for tenths in range(6, 16):
            assert story.at(5.0 + tenths / 10, ev.SpeechContinued, ANN, 0.8, tenths / 10) == []
        story.stops(ANN, 6.6, 1.5)
        assert story.until(8.0) == [fx.DiscardTurn(ANN)]

    def test_who_becomes_clear_is_held_for_again(self) -> None:
        """A soft onset, or a whisper that becomes a voice."""
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN, 0.6)
        story.at(5.4, ev.SpeechContinued, ANN, 0.6, 0.4)
        assert kinds(story.until(5.5)) == [fx.Resume]
        assert story.at(5.6, ev.SpeechContinued, ANN, 0.9, 0.6) == [fx.Hold(1, ANN)]

    def test_whose_words_are_known_is_held_for_though_not_clear(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN, 0.6)
        story.at(5.4, ev.SpeechContinued, ANN, 0.6, 0.4)
        story.at(5.45, ev.TranscriptReceived, ANN, "tell me", False, 0.9)
        assert story.until(5.9) == []
        assert story.state() is FloorState.HELD

    def test_what_was_never_clear_is_over_when_it_stops(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN, 0.6)
        story.at(5.2, ev.SpeechContinued, ANN, 0.6, 0.2)
        story.stops(ANN, 5.4, 0.2)
        assert kinds(story.until(5.46)) == [fx.Resume]

    def test_they_take_away_from_the_clear_ones(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        for tenths in range(1, 12):
            sure = 0.9 if tenths % 2 else 0.5
            story.at(5.0 + tenths / 10, ev.SpeechContinued, ANN, sure, tenths / 10)
        # Six of them, less half of five.
        assert story.floor.evidence(ANN)[0].clear_speech == about(0.35)  # type: ignore[index]

    def test_what_is_known_can_be_asked_for(self) -> None:
        story = speaking()
        assert story.floor.evidence(ANN) is None
        assert story.floor.evidence(BOB) is None
        story.speaks(ANN, 5.0, 0.2)
        evidence, votes = story.floor.evidence(ANN) or (None, ())
        assert evidence is not None
        assert (evidence.participant, evidence.speaking, evidence.required_speech, evidence.transcribed) == (
            ANN,
            True,
            0.5,
            False,
        )
        assert votes == (Vote(about(0.448), "0.22 s of clear speech", "length"),)


class TestLoudness:
    def test_across_the_room(self) -> None:
        story = speaking(level=-20.0)
        effects = story.speaks(ANN, 5.0, 1.2, level=-38.0)
        assert kinds(effects) == [fx.BeginTurn, fx.Hold, fx.Resume]
        # The agent is held no longer than it takes to know the level.
        assert effects[2].reason == "17 dB fainter than usual, farther than a caller can be"  # type: ignore[attr-defined]
        story.stops(ANN, 6.4, 1.2)
        assert story.until(8.0) == [fx.DiscardTurn(ANN)]

    def test_the_fainter_it_is_the_sooner_that_is_known(self) -> None:
        held: list[float] = []
        for level in (-36.5, -46.0, -60.0):
            story = speaking(level=-20.0)
            story.at(5.0, ev.SpeechStarted, ANN)
            while story.state() is FloorState.HELD:
                story.at(story.now + 0.01, ev.SpeechContinued, ANN, 0.9, story.now - 4.99, level)
            held.append(story.now - 5.0)
        assert held == [about(0.48, abs=0.02), about(0.09, abs=0.02), about(0.01)]

    def test_a_soft_onset_is_nobody_far_away(self) -> None:
        story = speaking(level=-20.0)
        story.at(5.0, ev.SpeechStarted, ANN)
        for windows, level in enumerate((-42.0, -38.0, -30.0, -22.0, -20.0), 1):
            assert story.at(5.0 + windows * 0.032, ev.SpeechContinued, ANN, 0.9, windows * 0.032, level) == []
        assert story.state() is FloorState.HELD

    def test_across_the_room_the_agent_is_not_held_again_and_again(self) -> None:
        story = speaking(level=-20.0)
        effects: list[fx.Effect] = []
        for start in (5.0, 5.9, 6.8, 7.7):
            effects += story.until(start)
            effects += story.speaks(ANN, start, 0.5, level=-38.0)
            effects += story.stops(ANN, start + 0.7, 0.5)
        assert kinds([e for e in effects if not isinstance(e, fx.BeginTurn)]) == [fx.Hold, fx.Resume]

    def test_after_a_question_a_yes_from_there_could_still_win_in_another_voice(self) -> None:
        story = speaking()
        story.at(4.9, ev.AgentWordsPlayed, 1, "shall I go on?")
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.3, ev.SpeechContinued, ANN, 0.9, 0.3)
        assert story.at(5.3, ev.VoiceCompared, ANN, 0.1) == []
        assert story.state() is FloorState.HELD

    def test_who_comes_nearer_is_held_for_again(self) -> None:
        story = speaking(level=-20.0)
        story.at(5.0, ev.SpeechStarted, ANN)
        assert kinds(story.at(5.3, ev.SpeechContinued, ANN, 0.9, 0.3, -44.0)) == [fx.Resume]
        effects = story.at(5.4, ev.SpeechContinued, ANN, 0.9, 0.4, -20.0)
        assert kinds(effects) == [fx.Hold]
        # Only so often: a voice at the limit would have the agent stutter.
        assert kinds(story.at(5.5, ev.SpeechContinued, ANN, 0.9, 0.41, -20.0)) == []

    def test_somebody_who_leans_back_takes_longer(self) -> None:
        story = speaking(level=-20.0)
        assert kinds(story.speaks(ANN, 5.0, 0.6, level=-32.0)) == [fx.BeginTurn, fx.Hold]
        story = speaking(level=-20.0)
        assert fx.Commit in kinds(story.speaks(ANN, 5.0, 0.9, level=-32.0))

    def test_who_has_just_spoken_goes_on(self) -> None:
        """The agent took a pause for the end, and had begun to answer."""
        story = Story()
        story.asks(ANN, "how are you", level=-20.0)
        story.answers(1.6)
        assert fx.Commit in kinds(story.speaks(ANN, 2.4, 0.6, level=-32.0))

    @pytest.mark.parametrize("level", [-26.0, -20.0, -3.0, None])
    def test_as_usual_or_louder_or_unknown(self, level: float | None) -> None:
        assert fx.Commit in kinds(speaking(level=-20.0).speaks(ANN, 5.0, 0.6, level=level))

    def test_of_whom_nothing_was_heard_before(self) -> None:
        """What is fainter than callers are takes longer, and is never too far."""
        for story, who in ((speaking(level=-20.0), BOB), (speaking(level=None), ANN)):
            assert fx.Commit not in kinds(story.speaks(who, 5.0, 0.6, level=-50.0))
        for story, who in ((speaking(level=-20.0), BOB), (speaking(level=None), ANN)):
            assert fx.Commit in kinds(story.speaks(who, 5.0, 1.1, level=-50.0))
        assert fx.Commit in kinds(speaking(level=-20.0).speaks(BOB, 5.0, 0.6, level=-30.0))

    def greeted(self, text: str, sure: float | None = 0.9, alike: float = 1.0) -> Story:
        """The agent greets; Ann, who has said nothing yet, says something that does not interrupt it."""
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        story.at(0.5, ev.AudioStarted, 1)
        story.speaks(ANN, 1.0, 0.3, level=-20.0)
        story.at(1.35, ev.VoiceCompared, ANN, alike)
        story.at(1.4, ev.TranscriptReceived, ANN, text, False, sure)
        story.stops(ANN, 1.5, 0.3)
        story.until(3.0)
        story.at(3.0, ev.AudioProgressed, 1)
        return story

    def test_who_only_listens_is_heard_to_be_at_the_microphone(self) -> None:
        """Television that is on beside Ann is then farther than she is, before she has taken a turn."""
        story = self.greeted("uh-huh")
        assert fx.Commit not in kinds(story.speaks(ANN, 4.0, 1.6, level=-38.0))

    @pytest.mark.parametrize(("text", "sure", "alike"), [("uh-huh", 0.5, 1.0), ("uh-huh", 0.9, -0.2), ("um", 0.9, 1.0)])
    def test_what_may_be_anything_teaches_no_level(self, text: str, sure: float, alike: float) -> None:
        assert fx.Commit in kinds(self.greeted(text, sure, alike).speaks(ANN, 4.0, 1.6, level=-38.0))

    def test_what_is_usual_changes(self) -> None:
        """Ann has moved away from the microphone: after some more turns that is how she sounds."""
        story = speaking(level=-20.0)
        for start in (4.0, 8.0, 12.0, 16.0):
            reply = story.floor.reply
            story.at(start - 1.0, ev.AudioDrained, reply)
            story.asks(ANN, "and you", start, level=-32.0)
            story.answers(start + 2.0)
        assert fx.Commit in kinds(story.speaks(ANN, 19.0, 0.6, level=-32.0))

    def test_a_turn_that_was_none_does_not_change_it(self) -> None:
        story = speaking(level=-20.0)
        for start in (5.0, 10.0):
            assert fx.Commit not in kinds(story.speaks(ANN, start, 1.6, level=-38.0))
            story.stops(ANN, start + 1.8, 1.6)
            assert kinds(story.until(start + 3.0)) == [fx.DiscardTurn]
            story.at(start + 3.0, ev.AudioProgressed, 1)

    def test_who_left_is_forgotten(self) -> None:
        story = speaking(level=-20.0)
        story.at(2.5, ev.SpeechStarted, BOB)
        story.at(3.0, ev.ParticipantLeft, ANN)
        story.at(3.0, ev.SpeechEnded, BOB)
        story.until(4.9)
        story.at(4.9, ev.AudioProgressed, 1)
        story.at(5.0, ev.ParticipantJoined, ANN)
        assert fx.Commit in kinds(story.speaks(ANN, 5.0, 1.1, level=-40.0))


class TestOverheard:
    """Words over the agent that are not answered are kept for the model."""

    def test_words_from_across_the_room(self) -> None:
        story = speaking(level=-20.0)
        story.speaks(ANN, 5.0, 1.2, level=-38.0)
        story.at(6.25, ev.TranscriptReceived, ANN, "and now the weather", False, 0.9)
        story.stops(ANN, 6.4, 1.2)
        assert story.until(8.0) == [fx.RecordOverheard(ANN, "and now the weather"), fx.DiscardTurn(ANN)]

    @pytest.mark.parametrize(("text", "sure"), [("uh-huh", 0.9), ("", 0.9), ("and now the weather", 0.3)])
    def test_what_is_nobodys_words_is_not_kept(self, text: str, sure: float) -> None:
        story = speaking(level=-20.0)
        story.speaks(ANN, 5.0, 1.2, level=-38.0)
        story.at(6.25, ev.TranscriptReceived, ANN, text, False, sure)
        story.stops(ANN, 6.4, 1.2)
        assert story.until(8.0) == [fx.DiscardTurn(ANN)]

    def test_words_that_come_late_are_kept_once(self) -> None:
        story = speaking(level=-20.0)
        story.speaks(ANN, 5.0, 1.2, level=-38.0)
        story.stops(ANN, 6.4, 1.2)
        assert story.until(8.0) == [fx.DiscardTurn(ANN)]
        assert story.at(8.1, ev.TranscriptReceived, ANN, "uh-huh", True, 0.9) == []
        said = fx.RecordOverheard(ANN, "and now the weather")
        assert story.at(8.2, ev.TranscriptReceived, ANN, "and now the weather", True, 0.9) == [said]
        assert story.at(8.3, ev.TranscriptReceived, ANN, "and now the weather", True, 0.9) == []

    def test_nor_is_the_agents_own_voice(self) -> None:
        story = speaking(level=-20.0)
        story.at(4.9, ev.AgentWordsPlayed, 1, "and now the weather in Paris")
        story.speaks(ANN, 5.0, 0.4, level=-38.0)
        story.at(5.45, ev.TranscriptReceived, ANN, "now the weather", False, 0.9)
        story.stops(ANN, 5.6, 0.4)
        assert story.until(8.0) == [fx.DiscardTurn(ANN)]


class TestAnotherVoice:
    def test_it_has_to_mean_it(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.3, ev.SpeechContinued, ANN, 0.9, 0.3)
        assert resumed(story.at(5.3, ev.VoiceCompared, ANN, 0.2))[2] == "another voice (0.20 alike)"
        assert story.at(5.7, ev.SpeechContinued, ANN, 0.9, 0.7) == []
        assert story.at(6.3, ev.SpeechContinued, ANN, 0.9, 1.3) == []
        assert committed(story.at(6.4, ev.TranscriptReceived, ANN, "please stop"))[3].endswith("“please stop”")

    def test_a_longer_look_may_find_that_it_is_the_same(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.3, ev.SpeechContinued, ANN, 0.9, 0.3)
        story.at(5.3, ev.VoiceCompared, ANN, 0.2)
        assert story.at(5.7, ev.SpeechContinued, ANN, 0.9, 0.7) == []
        assert committed(story.at(5.8, ev.VoiceCompared, ANN, 0.8))[2] == ANN

    def test_the_same_one_needs_no_more_than_usual(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        assert story.at(5.1, ev.VoiceCompared, ANN, 0.6) == []
        assert fx.Commit in kinds(story.at(5.5, ev.SpeechContinued, ANN, 0.9, 0.5))

    def test_a_comparison_that_comes_when_it_is_decided_is_late(self) -> None:
        story = speaking()
        story.speaks(ANN, 5.0, 0.6)
        assert story.at(5.7, ev.VoiceCompared, ANN, 0.1) == []
        assert story.state() is FloorState.USER_SPEAKING


class TestEcho:
    """Ann's loudspeaker plays the agent into her microphone."""

    SAID = "let me tell you about the weather in Paris"

    def echoing(self) -> Story:
        story = speaking()
        story.at(4.9, ev.AgentWordsPlayed, 1, self.SAID)
        return story

    def test_the_agents_own_words_are_no_interruption(self) -> None:
        story = self.echoing()
        story.speaks(ANN, 5.0, 0.4)
        heard = story.at(5.42, ev.TranscriptReceived, ANN, "about the weather")
        assert resumed(heard)[2] == "“about the weather” are the agent's own words"

    def test_it_does_not_stop_the_agent_again_and_again(self) -> None:
        """The silence of the agent ends the echo, its going on brings it back."""
        story = self.echoing()
        effects: list[fx.Effect] = []
        for second in range(5, 14):
            effects += story.until(second)
            effects += story.at(second, ev.AudioProgressed, 1)
            effects += story.speaks(ANN, second + 0.01, 0.3)
            effects += story.at(second + 0.35, ev.TranscriptReceived, ANN, "the weather in")
            effects += story.stops(ANN, second + 0.5, 0.3)
        assert kinds([e for e in effects if not isinstance(e, fx.BeginTurn)]) == [fx.Hold, fx.Resume]
        assert story.floor.epoch == 0

    def test_the_user_interrupts_through_it(self) -> None:
        story = self.echoing()
        story.speaks(ANN, 5.0, 0.4)
        assert kinds(story.at(5.45, ev.TranscriptReceived, ANN, "the weather in", True)) == [fx.Resume]
        story.stops(ANN, 5.6, 0.4)
        assert story.speaks(ANN, 5.9, 0.4) == [fx.BeginTurn(ANN)]
        effects = story.at(6.35, ev.TranscriptReceived, ANN, "stop it")
        assert committed(effects)[3].endswith("a command: “the weather in stop it”")

    def test_after_a_while_the_agent_is_held_at_once_again(self) -> None:
        story = self.echoing()
        story.speaks(ANN, 5.0, 0.3)
        story.at(5.35, ev.TranscriptReceived, ANN, "the weather in")
        story.stops(ANN, 5.5, 0.3)
        story.until(9.0)
        story.at(9.0, ev.AudioProgressed, 1)
        story.until(15.75)
        assert story.at(15.75, ev.SpeechStarted, ANN) == [fx.BeginTurn(ANN), fx.Hold(1, ANN)]

    def test_another_is_held_for_all_the_while(self) -> None:
        story = self.echoing()
        story.speaks(ANN, 5.0, 0.3)
        story.at(5.35, ev.TranscriptReceived, ANN, "the weather in")
        story.stops(ANN, 5.5, 0.3)
        story.until(7.0)
        assert story.at(7.0, ev.SpeechStarted, BOB) == [fx.BeginTurn(BOB), fx.Hold(1, BOB)]


class TestVotesFromOutside:
    def challenged(self) -> Story:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.2, ev.SpeechContinued, ANN, 0.9, 0.2)
        return story

    def test_one_is_added_to_the_others(self) -> None:
        story = self.challenged()
        number = story.challenge(ANN)
        assert story.at(5.3, ev.Voted, ANN, number, "gaze", 0.59, "she looks at us") == []
        effects = story.at(5.3, ev.Voted, ANN, number, "gaze", 0.6, "she looks at us")
        assert committed(effects)[3] == "0.20 s of clear speech, she looks at us"
        [commit, _] = effects
        assert isinstance(commit, fx.Commit)
        assert commit.evidence[1:] == (Vote(0.6, "she looks at us", "gaze"),)

    def test_one_may_prevent_an_interruption(self) -> None:
        story = self.challenged()
        story.at(5.3, ev.Voted, ANN, story.challenge(ANN), "gaze", -2.0, "she looks away")
        assert story.at(6.1, ev.SpeechContinued, ANN, 0.9, 1.1) == []
        story.stops(ANN, 6.3, 1.1)
        assert resumed(story.until(6.51))[2] == "she looks away"

    @pytest.mark.parametrize("step", [-1, 1, 1000])
    def test_of_another_challenge(self, step: int) -> None:
        story = self.challenged()
        assert story.at(5.3, ev.Voted, ANN, story.challenge(ANN) + step, "gaze", 3.0, "she looks at us") == []

    def test_of_one_who_makes_none(self) -> None:
        story = self.challenged()
        assert story.at(5.3, ev.Voted, BOB, story.challenge(ANN), "gaze", 3.0, "he looks at us") == []
        assert story.at(5.3, ev.Voted, "nobody", story.challenge(ANN), "gaze", 3.0, "they look at us") == []

    def test_when_it_is_over(self) -> None:
        story = self.challenged()
        number = story.challenge(ANN)
        story.stops(ANN, 5.4, 0.2)
        story.until(7.0)
        assert story.at(7.0, ev.Voted, ANN, number, "gaze", 3.0, "she looked at us") == []
        story.at(7.1, ev.SpeechStarted, ANN)
        assert story.at(7.2, ev.Voted, ANN, number, "gaze", 3.0, "she looked at us") == []
        assert story.state() is FloorState.HELD

    def test_between_the_end_of_the_hold_and_that_of_the_challenge(self) -> None:
        story = self.challenged()
        story.stops(ANN, 5.4, 0.2)
        assert kinds(story.until(5.61)) == [fx.Resume]
        effects = story.at(6.0, ev.Voted, ANN, story.challenge(ANN), "gaze", 1.0, "she looked at us")
        assert committed(effects)[3] == "0.20 s of clear speech, she looked at us"

    @pytest.mark.parametrize("weight", [math.inf, 1e300, -math.inf, -1e300])
    def test_a_weight_is_bounded(self, weight: float) -> None:
        story = speaking(knobs(strategies=()))
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.1, ev.Voted, ANN, story.challenge(ANN), "no", -HEAVIEST, "never")
        story.at(5.2, ev.Voted, ANN, story.challenge(ANN), "gaze", weight, "so it is")
        _, votes = story.floor.evidence(ANN) or (None, ())
        assert votes[1] == Vote(math.copysign(HEAVIEST, weight), "so it is", "gaze")

    def test_only_so_many_strategies_are_heard(self) -> None:
        story = self.challenged()
        number = story.challenge(ANN)
        for strategy in range(MOST_VOTES + 4):
            story.at(5.3, ev.Voted, ANN, number, f"gaze {strategy}", 0.01, "perhaps")
        story.at(5.3, ev.Voted, ANN, number, "gaze 3", 0.02, "rather")
        _, votes = story.floor.evidence(ANN) or (None, ())
        assert len(votes) == MOST_VOTES + 1
        assert Vote(0.02, "rather", "gaze 3") in votes

    def test_without_any_strategy_nothing_is_an_interruption(self) -> None:
        story = speaking(knobs(strategies=()))
        effects = story.speaks(ANN, 5.0, 1.0)
        assert kinds(effects) == [fx.BeginTurn, fx.Hold, fx.Resume]
        assert effects[2].reason == "nothing spoke for it"  # type: ignore[attr-defined]
