"""Stories: several people in one call."""

from __future__ import annotations

from vision_agents.core.floor import Clearance, FloorState
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.presence import LEFT_LIMIT

from .story import ANN, BOB, Story, committed, kinds, knobs, resumed, speaking


class TestSeveralPeople:
    def test_one_alone_must_have_spoken_enough(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        assert story.at(5.0, ev.SpeechStarted, BOB) == [fx.BeginTurn(BOB)]
        assert story.at(5.3, ev.SpeechContinued, ANN, 0.9, 0.3) == []
        assert story.at(5.3, ev.SpeechContinued, BOB, 0.9, 0.3) == []
        effects = story.at(5.5, ev.SpeechContinued, BOB, 0.9, 0.5)
        assert committed(effects) == (1, 1, BOB, "0.50 s of clear speech")
        assert effects[1:] == [fx.AnnounceTurnStarted(BOB, 1.0, True, 1)]
        # Ann's is now a turn like any other.
        assert story.at(5.5, ev.SpeechContinued, ANN, 0.9, 0.5) == [fx.AnnounceTurnStarted(ANN, 1.0, False, 1)]

    def test_the_agent_resumes_when_the_last_one_is_quiet(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.1, ev.SpeechStarted, BOB)
        story.at(5.3, ev.SpeechEnded, ANN, 0.1, 0.16)
        assert story.until(5.55) == []
        story.at(5.6, ev.SpeechEnded, BOB, 0.1, 0.16)
        assert resumed(story.until(5.8)) == (1, "word", "0.10 s of clear speech, 0.10 s of clear speech")
        assert story.until(6.6) == [fx.DiscardTurn(ANN), fx.DiscardTurn(BOB)]

    def test_a_cough_is_not_looked_into_while_another_hums_on(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.1, ev.SpeechStarted, BOB)
        story.at(5.3, ev.SpeechEnded, ANN, 0.1, 0.16)
        effects: list[fx.Effect] = []
        for tenths in range(2, 40):
            effects += story.until(5.0 + tenths / 10)
            effects += story.at(5.0 + tenths / 10, ev.SpeechContinued, BOB, 0.9, 0.1)
        assert resumed(effects) == (1, "word", "no decision within the limit")
        story.at(9.0, ev.SpeechEnded, BOB, 0.1, 0.16)
        assert story.until(10.0) == [fx.DiscardTurn(ANN), fx.DiscardTurn(BOB)]

    def test_a_turn_beside_the_challenge_ends_as_any_other(self) -> None:
        """Ann was talked over and is done; it is Bob who challenges the agent."""
        story = Story(knobs(wait_limit=1.0))
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(0.1, ev.ReplyRequested, 1)
        story.until(1.1)
        assert fx.Hold(1, BOB) in story.at(2.0, ev.SpeechStarted, BOB)
        assert kinds(story.at(2.1, ev.TurnEnded, ANN)) == [fx.AnnounceTurnEnded, fx.FinishTurn]

    def test_one_leaves_and_the_other_still_challenges(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.1, ev.SpeechStarted, BOB)
        assert story.at(5.2, ev.ParticipantLeft, ANN) == [
            fx.DiscardTurn(ANN, awaits_words=True),
            fx.FinishTurn(ANN, 2),
        ]
        assert story.state() is FloorState.HELD

    def test_the_agent_lets_everyone_finish_and_answers_once(self) -> None:
        story = Story()
        story.at(0.0, ev.TurnStarted, ANN)
        story.asks_while_others_speak(BOB, "and me", 0.1)
        story.at(3.0, ev.TurnEnded, ANN)
        story.at(3.1, ev.TranscriptReceived, ANN, "me first", True)
        assert story.at(3.1, ev.TranscriptCompleted, ANN, 2) == [
            fx.RecordTurn(ANN, "me first"),
            fx.BeginReply(1, 0, answer=True),
        ]
        story.answers(3.5)
        story.at(5.0, ev.AudioDrained, 1)
        assert story.state() is FloorState.IDLE

    def test_one_who_talks_on_and_on_is_not_waited_for_for_ever(self) -> None:
        story = Story()
        story.at(0.0, ev.TurnStarted, ANN)
        story.asks_while_others_speak(BOB, "and me", 0.1)
        assert story.until(13.5) == []
        assert story.until(13.6) == [fx.BeginReply(1, 0, answer=True)]

    def test_an_interruption_takes_back_what_code_wanted_to_say_after_an_answer(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1)
        story.answers(0.0)
        story.at(0.1, ev.ReplyRequested, 2, False)
        story.at(0.2, ev.AudioDrained, 1)
        story.answers(0.3)
        story.asks_while_others_speak(BOB, "why", 0.4)  # reply 2 may not be interrupted
        story.at(2.5, ev.ReplyRequested, 3)
        assert story.at(2.6, ev.AudioDrained, 2) == [fx.BeginReply(4, 0, answer=True)]
        story.answers(2.7)
        assert fx.DropReply(3, "interrupted") in story.speaks(ANN, 3.0, 0.64)

    def test_an_answer_that_waits_outlives_an_interruption_by_another(self) -> None:
        story = Story()
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.answers(0.0)
        story.at(0.1, ev.ReplyRequested, 2)
        story.asks_while_others_speak(BOB, "why", 0.4)
        assert story.at(2.6, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=False)]
        story.answers(2.7)
        story.speaks(ANN, 3.0, 0.64)
        story.stops(ANN, 3.9, 0.64)
        story.at(4.0, ev.TurnEnded, ANN)
        assert story.finds_no_words(ANN, 4.1, 2) == [fx.DiscardTurn(ANN), fx.BeginReply(3, 1, answer=True)]

    def test_who_leaves_has_spoken_all_the_same(self) -> None:
        story = Story()
        story.speaks(ANN, 0.0, 0.96)
        story.at(1.0, ev.TranscriptReceived, ANN, "I have to go", True)
        assert kinds(story.at(1.1, ev.ParticipantLeft, ANN)) == [fx.AnnounceTurnEnded, fx.RecordTurn, fx.FinishTurn]
        assert story.state() is FloorState.IDLE

    def test_who_leaves_among_others_wants_no_answer(self) -> None:
        story = Story()
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(0.0, ev.TurnStarted, BOB)
        story.at(0.5, ev.TurnEnded, BOB)
        story.at(0.6, ev.TranscriptCompleted, BOB, 1)
        story.at(0.7, ev.TranscriptReceived, ANN, "bye", True)
        assert kinds(story.at(0.8, ev.ParticipantLeft, ANN)) == [fx.AnnounceTurnEnded, fx.RecordTurn, fx.FinishTurn]
        assert story.state() is FloorState.IDLE

    def test_when_the_call_ends_everybody_has_said_what_they_said(self) -> None:
        story = speaking()
        story.at(2.5, ev.ParticipantJoined, BOB)
        story.at(3.0, ev.ReplyRequested, 2)
        story.speaks(BOB, 3.5, 0.3)
        story.at(4.0, ev.TranscriptReceived, BOB, "and me", True)
        effects = story.at(4.1, ev.CallOver)
        assert [effect for effect in effects if isinstance(effect, fx.RecordTurn)] == [fx.RecordTurn(BOB, "and me")]
        dropped = [effect for effect in effects if isinstance(effect, fx.DropReply)]
        assert dropped == [fx.DropReply(1, "the call is over"), fx.DropReply(2, "the call is over")]
        assert story.state() is FloorState.IDLE
        # What the recogniser owed is put down too, and nothing else happens any more.
        assert story.at(4.5, ev.TranscriptReceived, BOB, "please", True) == [fx.RecordTurn(BOB, "please")]
        assert story.at(4.6, ev.SpeechStarted, ANN) == []
        assert story.at(4.7, ev.CallOver) == []
        # Nor for somebody whom nobody knew of.
        assert story.at(4.8, ev.TranscriptReceived, "carl", "me too", True) == [fx.RecordTurn("carl", "me too")]
        assert story.at(4.9, ev.ParticipantJoined, "carl") == []
        assert story.at(5.0, ev.ReplyRequested, 9) == []
        assert story.end() == []

    def test_who_said_nothing_leaves_no_trace(self) -> None:
        story = speaking()
        story.at(2.5, ev.ParticipantJoined, BOB)
        assert story.at(3.0, ev.ParticipantLeft, ANN) == []
        assert story.at(3.0, ev.ParticipantLeft, "somebody unheard of") == []
        assert story.state() is FloorState.SPEAKING

    def test_who_comes_back_is_not_taken_for_who_left(self) -> None:
        """The words of the turn before she left come when she has begun a new one."""
        story = Story()
        for start in (0.0, 2.0):
            story.at(start, ev.ParticipantJoined, ANN)
            story.speaks(ANN, start, 0.96)
            story.stops(ANN, start + 1.2, 0.96)
            story.at(start + 1.3, ev.TurnEnded, ANN)
            if start == 0.0:
                story.at(1.4, ev.ParticipantLeft, ANN)
        assert story.at(3.4, ev.TranscriptCompleted, ANN, 1) == []
        assert story.state() is FloorState.THINKING

    def test_two_at_once_lose_no_word(self) -> None:
        """Bob's command decides; what Ann was saying is kept, and both are answered."""
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.1, ev.SpeechStarted, BOB)
        story.at(5.2, ev.TranscriptReceived, ANN, "yeah", True)
        assert committed(story.at(5.3, ev.TranscriptReceived, BOB, "stop", True)) == (1, 1, BOB, "a command: “stop”")
        story.at(5.4, ev.SpeechEnded, ANN, 0.3, 0.1)
        story.at(5.4, ev.SpeechEnded, BOB, 0.2, 0.1)
        story.at(5.5, ev.TurnEnded, ANN)
        story.at(5.5, ev.TurnEnded, BOB)
        assert fx.RecordTurn(ANN, "yeah") in story.at(5.6, ev.TranscriptCompleted, ANN, 2)
        assert story.at(5.7, ev.TranscriptCompleted, BOB, 3) == [
            fx.RecordTurn(BOB, "stop"),
            fx.BeginReply(2, 1, answer=True),
        ]

    def test_each_is_judged_by_what_is_theirs(self) -> None:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.0, ev.SpeechStarted, BOB)
        story.at(5.1, ev.TranscriptReceived, ANN, "uh-huh")
        assert story.at(5.6, ev.SpeechContinued, ANN, 0.9, 0.6) == []
        assert committed(story.at(5.6, ev.SpeechContinued, BOB, 0.9, 0.6))[2] == BOB


class TestLeaving:
    """Who leaves is not spoken to any more, and what comes of them late brings nobody back."""

    def test_a_reply_ends_when_nobody_is_there_to_hear_it(self) -> None:
        story = speaking()
        assert story.at(3.0, ev.ParticipantLeft, ANN) == [fx.Commit(1, 1, None, "nobody is there any more")]
        assert story.state() is FloorState.IDLE
        assert story.floor.deserted

    def test_and_goes_on_for_those_who_are(self) -> None:
        """Bob, who was not spoken to before, may interrupt it from then on."""
        story = speaking(knobs(interruptible_by="spoken_to"))
        story.at(2.5, ev.ParticipantJoined, BOB)
        assert story.at(3.0, ev.ParticipantLeft, ANN) == []
        assert story.state() is FloorState.SPEAKING
        assert fx.Commit in kinds(story.speaks(BOB, 3.5, 0.64))

    def test_what_may_not_be_interrupted_and_what_waits_ends_too(self) -> None:
        story = Story()
        story.at(0.0, ev.ParticipantJoined, ANN)
        story.at(0.0, ev.ReplyRequested, 1, False)
        story.answers(0.1)
        story.at(0.2, ev.ReplyRequested, 2, False)
        story.at(0.3, ev.ReplyRequested, 3)
        assert story.at(1.0, ev.ParticipantLeft, ANN) == [
            fx.Commit(1, 1, None, "nobody is there any more"),
            fx.DropReply(3, "interrupted"),
            fx.DropReply(2, "nobody is there"),
        ]

    def test_an_answer_that_is_being_made_is_given_up(self) -> None:
        story = Story()
        story.asks(ANN, "how are you")
        assert kinds(story.at(1.6, ev.ParticipantLeft, ANN)) == [fx.Commit]
        story.at(1.7, ev.ParticipantJoined, ANN)
        assert kinds(story.until(10.0)) == []
        assert story.state() is FloorState.IDLE

    def test_nothing_begins_in_an_empty_room(self) -> None:
        story = speaking()
        story.at(3.0, ev.ParticipantLeft, ANN)
        assert story.at(4.0, ev.ReplyRequested, 2) == [fx.DropReply(2, "nobody is there")]
        assert story.at(4.0, ev.ReplyRequested, 3, False, True) == [fx.DropReply(3, "nobody is there")]
        story.at(5.0, ev.ParticipantJoined, BOB)
        assert kinds(story.at(5.0, ev.ReplyRequested, 4)) == [fx.BeginReply]

    def test_a_realtime_model_that_answers_who_left_is_not_let_speak(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ParticipantJoined, ANN)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        assert kinds(story.at(1.1, ev.ParticipantLeft, ANN)) == [fx.Commit]
        assert story.at(1.2, ev.ReplyStarted, 1) == [fx.DropReply(1, "nobody is there")]
        story.at(1.3, ev.AnswerLost, 1)
        story.at(2.0, ev.ParticipantJoined, ANN)
        assert story.until(10.0) == []

    def test_who_was_not_decided_upon_leaves_and_the_agent_has_gone_on_already(self) -> None:
        story = speaking()
        story.at(2.5, ev.ParticipantJoined, BOB)
        story.at(5.0, ev.SpeechStarted, ANN)
        story.at(5.2, ev.SpeechEnded, ANN, 0.1, 0.1)
        assert kinds(story.until(5.8)) == [fx.Resume]
        assert story.at(5.9, ev.ParticipantLeft, ANN) == [
            fx.DiscardTurn(ANN, awaits_words=True),
            fx.FinishTurn(ANN, 2),
        ]
        assert story.state() is FloorState.SPEAKING

    def test_no_function_is_called_for_who_left(self) -> None:
        """Neither one that waits for a challenge to be decided, nor one that a model wants when nobody is there."""
        story = Story(answers=False)
        story.at(0.0, ev.ParticipantJoined, ANN)
        story.at(1.0, ev.CallsWait, 1)
        assert kinds(story.at(1.1, ev.ParticipantLeft, ANN)) == [fx.Commit]
        assert story.floor.clearance(0) is Clearance.NEVER
        assert story.floor.clearance(1) is Clearance.NEVER
        story.at(2.0, ev.ParticipantJoined, ANN)
        assert story.floor.clearance(0) is Clearance.NEVER
        assert story.floor.clearance(1) is Clearance.GO

    def test_who_comes_back_is_not_talked_at_in_mid_sentence(self) -> None:
        story = speaking()
        story.at(3.0, ev.ParticipantLeft, ANN)
        assert story.at(3.2, ev.ParticipantJoined, ANN) == []
        assert story.until(10.0) == []
        story.asks(ANN, "where were we", 10.0)

    def test_late_reports_bring_nobody_back(self) -> None:
        story = speaking()
        story.at(3.0, ev.ParticipantLeft, ANN)
        assert story.speaks(ANN, 3.1, 0.96) == []
        assert story.at(4.1, ev.TurnStarted, ANN) == []
        assert story.at(4.1, ev.TurnEnded, ANN) == []
        assert story.at(4.1, ev.TranscriptCompleted, ANN, 1) == []
        assert story.at(4.1, ev.ParticipantLeft, ANN) == []
        assert story.state() is FloorState.IDLE
        assert story.floor.deserted

    def test_last_words_are_in_the_history_and_not_answered(self) -> None:
        story = Story()
        story.at(0.0, ev.ParticipantJoined, BOB)
        story.speaks(ANN, 0.0, 0.96)
        story.at(1.0, ev.TranscriptReceived, ANN, "I have")
        effects = story.at(1.1, ev.ParticipantLeft, ANN)
        assert effects[1:] == [fx.RecordTurn(ANN, "I have"), fx.FinishTurn(ANN, 1)]
        assert story.at(1.3, ev.TranscriptReceived, ANN, "I have", True) == []
        assert story.at(1.4, ev.TranscriptReceived, ANN, "to go", True) == [fx.RecordTurn(ANN, "to go")]
        assert story.at(1.5, ev.TranscriptReceived, ANN, "maybe") == []
        assert story.at(1.6, ev.TranscriptCompleted, ANN, 1) == []
        assert story.state() is FloorState.IDLE

    def test_a_realtime_models_late_transcript_is_in_the_history_too(self) -> None:
        story = Story(answers=False)
        story.at(0.0, ev.ParticipantJoined, ANN)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(0.5, ev.ParticipantLeft, ANN)
        late = ev.TranscriptReceived(1.0, ANN, "bye", final=True, place=3)
        assert story.floor.handle(late) == [fx.RecordTurn(ANN, "bye", 3)]

    def test_only_so_many_who_left_are_remembered(self) -> None:
        story = Story()
        for number in range(LEFT_LIMIT + 5):
            story.at(0.0, ev.ParticipantJoined, f"p{number}")
            story.at(0.0, ev.ParticipantLeft, f"p{number}")
        assert len(story.floor._presence.left) == LEFT_LIMIT
        assert story.floor.deserted


class TestNobodyIsLeft:
    def test_who_may_not_interrupt_any_more_is_let_go(self) -> None:
        """Without a hold there is nothing to resume."""
        story = speaking(knobs(hold=False))
        story.at(5.0, ev.SpeechStarted, ANN)
        assert story.at(5.1, ev.InterruptingAllowed, ANN, False) == []
        assert story.state() is FloorState.SPEAKING


class TestWhoMayInterrupt:
    """Those whom the agent answers; or whoever code lets."""

    SPOKEN_TO = knobs(interruptible_by="spoken_to")

    def test_another_is_not_held_for_and_answered_after(self) -> None:
        story = speaking(self.SPOKEN_TO)
        effects = story.speaks(BOB, 3.0, 0.96)
        assert kinds(effects) == [fx.BeginTurn, fx.AnnounceTurnStarted]
        assert story.at(3.97, ev.TurnStarted, BOB) == []
        story.stops(BOB, 4.2, 0.96)
        story.at(4.3, ev.TranscriptReceived, BOB, "stop", True)
        story.at(4.3, ev.TurnEnded, BOB)
        assert story.at(4.4, ev.TranscriptCompleted, BOB, 2) == [fx.RecordTurn(BOB, "stop")]
        assert story.at(6.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=True)]
        # Now it is Bob who is answered, and not Ann.
        story.answers(6.5)
        assert kinds(story.speaks(ANN, 7.0, 0.2)) == [fx.BeginTurn]
        assert kinds(story.speaks(BOB, 7.5, 0.2)) == [fx.BeginTurn, fx.Hold]

    def test_the_one_spoken_to_may(self) -> None:
        assert fx.Commit in kinds(speaking(self.SPOKEN_TO).speaks(ANN, 3.0, 0.64))

    def test_all_who_are_answered_at_once_may(self) -> None:
        story = Story(self.SPOKEN_TO)
        story.at(0.0, ev.TurnStarted, ANN)
        story.asks_while_others_speak(BOB, "and me", 0.1)
        story.at(3.0, ev.TurnEnded, ANN)
        story.at(3.1, ev.TranscriptReceived, ANN, "me first", True)
        story.at(3.1, ev.TranscriptCompleted, ANN, 2)
        story.answers(3.5)
        assert story.at(4.0, ev.SpeechStarted, "cleo") == [fx.BeginTurn("cleo")]
        assert story.at(4.1, ev.SpeechStarted, BOB) == [fx.BeginTurn(BOB), fx.Hold(1, BOB)]
        assert kinds(story.speaks(ANN, 4.2, 0.64)) == [fx.BeginTurn, fx.Commit, fx.AnnounceTurnStarted]

    def test_what_code_says_is_said_to_everyone(self) -> None:
        story = Story(self.SPOKEN_TO)
        story.at(0.0, ev.ReplyRequested, 1)
        story.answers(0.1)
        assert fx.Hold(1, BOB) in story.speaks(BOB, 1.0, 0.2)

    def test_the_rest_of_an_answer_is_for_whom_the_answer_was(self) -> None:
        story = speaking(self.SPOKEN_TO)
        story.speaks(ANN, 3.0, 0.64)
        assert fx.BeginReply(2, 1, answer=False, continues=1) in story.until(10.0)
        story.answers(10.0)
        assert kinds(story.speaks(BOB, 11.0, 0.2)) == [fx.BeginTurn]
        assert kinds(story.speaks(ANN, 11.3, 0.2)) == [fx.BeginTurn, fx.Hold]

    def test_a_realtime_model_answers_who_spoke_last(self) -> None:
        story = Story(self.SPOKEN_TO, answers=False)
        story.at(0.0, ev.TurnStarted, ANN)
        story.at(1.0, ev.TurnEnded, ANN)
        story.at(1.2, ev.ReplyStarted, 1)
        story.answers(1.5)
        assert kinds(story.speaks(BOB, 2.0, 0.2)) == [fx.BeginTurn]
        assert kinds(story.speaks(ANN, 2.5, 0.2)) == [fx.BeginTurn, fx.Hold]

    def test_code_denies_it(self) -> None:
        story = speaking()
        assert story.at(2.5, ev.InterruptingAllowed, BOB, False) == []
        assert kinds(story.speaks(BOB, 3.0, 0.96)) == [fx.BeginTurn, fx.AnnounceTurnStarted]
        assert story.at(4.0, ev.TranscriptReceived, BOB, "stop", True) == []
        assert story.state() is FloorState.SPEAKING
        story.stops(BOB, 4.2, 0.96)
        story.at(4.3, ev.TurnEnded, BOB)
        assert story.at(4.4, ev.TranscriptCompleted, BOB, 2) == [fx.RecordTurn(BOB, "stop")]
        assert story.at(6.0, ev.AudioDrained, 1) == [fx.BeginReply(2, 0, answer=True)]

    def test_code_allows_it_again(self) -> None:
        story = speaking()
        story.at(2.5, ev.InterruptingAllowed, BOB, False)
        story.speaks(BOB, 3.0, 0.2)
        assert story.at(3.3, ev.InterruptingAllowed, BOB, True) == []
        story.stops(BOB, 3.4, 0.2)
        assert kinds(story.speaks(BOB, 4.0, 0.2)) == [fx.BeginTurn, fx.Hold]

    def test_code_denies_it_to_one_who_is_at_it(self) -> None:
        """Its decision takes a moment, and the agent was held meanwhile. What Bob says is kept."""
        story = speaking()
        story.speaks(BOB, 3.0, 0.2)
        effects = story.at(3.25, ev.InterruptingAllowed, BOB, False)
        assert resumed(effects) == (1, "word", "nobody speaks who may interrupt")
        assert kinds(story.at(3.6, ev.SpeechContinued, BOB, 0.9, 0.6)) == [fx.AnnounceTurnStarted]
        story.at(3.7, ev.TranscriptReceived, BOB, "stop", True)
        story.at(3.8, ev.TurnEnded, BOB)
        assert story.at(3.9, ev.TranscriptCompleted, BOB, 2) == [fx.RecordTurn(BOB, "stop")]
        assert story.floor.epoch == 0


class TestPatience:
    """When two speak over the agent, it goes on early only if something speaks against both."""

    def over(self, of_bob: str) -> Story:
        story = speaking()
        story.at(5.0, ev.SpeechStarted, ANN, 0.9, 0.04)
        story.at(5.0, ev.SpeechStarted, BOB, 0.9, 0.04)
        story.at(5.1, ev.TranscriptReceived, ANN, "uh-huh")
        if of_bob:
            story.at(5.1, ev.TranscriptReceived, BOB, of_bob)
        story.at(5.3, ev.SpeechEnded, ANN, 0.1, 0.16)
        story.at(5.3, ev.SpeechEnded, BOB, 0.1, 0.16)
        return story

    def test_against_both(self) -> None:
        assert kinds(self.over("mm").until(5.46)) == [fx.Resume]

    def test_a_vote_of_no_weight_is_against_nobody(self) -> None:
        story = self.over("")
        assert [story.challenge(participant) for participant in (ANN, BOB)] == [1, 1]
        story.at(5.3, ev.Voted, BOB, 1, "mine", 0.0, "who knows")
        assert story.until(5.49) == []
        assert kinds(story.until(5.51)) == [fx.Resume]

    def test_against_one(self) -> None:
        story = self.over("")
        assert story.until(5.49) == []
        assert kinds(story.until(5.51)) == [fx.Resume]


def test_when_code_wants_silence_nobody_is_owed_an_answer() -> None:
    """So who asked before may not interrupt the answer to somebody else."""
    story = Story(knobs(interruptible_by="spoken_to"))
    story.at(0.0, ev.TurnStarted, ANN)
    story.asks_while_others_speak(BOB, "and me", 0.1)
    story.at(3.0, ev.InterruptRequested)
    story.at(3.1, ev.TurnEnded, ANN)
    story.at(3.2, ev.TranscriptReceived, ANN, "how are you", True)
    assert fx.BeginReply(1, 1, answer=True) in story.at(3.2, ev.TranscriptCompleted, ANN, 2)
    story.answers(4.0)
    assert fx.Hold not in kinds(story.speaks(BOB, 4.1, 0.9))
