"""What the messages of a session mean: several facts in one, facts in any order, facts that are missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from google.genai import types

from vision_agents.core.audio import PcmData
from vision_agents.core.participants import Participant
from vision_agents.plugins.gemini.dialogue import Dialogue
from vision_agents.plugins.gemini.responses import PLAYED_OUT, STOPPED_LIMIT, TURN_LIMIT
from vision_agents.testing.contract import Player

from ..realtime.kit import ANNA, BEN, Reports


class Stand:
    """A dialogue, with a clock in the hand."""

    def __init__(self) -> None:
        self.time = 100.0
        self.model = Reports()
        self.player = Player(self.model)
        self.dialogue = Dialogue(self.model, lambda: self.time)

    def anna(self) -> None:
        """Anna's microphone is on."""
        self.model.microphones.mix(PcmData.silence(0.02, 16_000), ANNA)

    def sound(self, seconds: float, level: int = 5000) -> None:
        """So much of it is given to the service to hear."""
        for _ in range(round(seconds / 0.02)):
            self.time += 0.02
            self.dialogue.hear(PcmData(np.full(320, level, np.int16), 16_000))

    def says(self, **fields: Any) -> None:
        self.dialogue.take(types.LiveServerContent.model_validate(fields))

    def audio(self, seconds: float = 0.1, text: str | None = None, **fields: Any) -> None:
        data = np.full(round(seconds * 24_000), 1000, "<i2").tobytes()
        fields["model_turn"] = {"parts": [{"inline_data": {"data": data, "mime_type": "audio/pcm;rate=24000"}}]}
        if text is not None:
            fields["output_transcription"] = {"text": text}
        self.says(**fields)

    def hears(self, text: str, finished: bool | None = None) -> None:
        self.says(input_transcription={"text": text, "finished": finished})

    def over(self) -> None:
        self.says(turn_complete=True)

    @property
    def turns(self) -> list[tuple[str, Participant]]:
        return [(fact[0], fact[1]) for fact in self.player.of("turn_started", "turn_ended")]


@pytest.fixture
def stand() -> Stand:
    stand = Stand()
    stand.anna()
    return stand


async def test_several_fields_in_one_message_are_all_handled(stand: Stand) -> None:
    stand.hears("what is")
    stand.audio(text="It is", input_transcription={"text": " the time"})
    stand.audio(text=" noon.", generation_complete=True, turn_complete=True)
    (said,) = stand.player.responses.values()
    assert (said.text, said.done, said.seconds) == ("It is noon.", True, pytest.approx(0.2))
    assert stand.turns == [("turn_started", ANNA), ("turn_ended", ANNA)]
    assert stand.player.final_words(ANNA) == ["what is the time"]


async def test_an_interruption_and_what_it_cuts_off_in_one_message(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(text="one")
    said = stand.player.last
    stand.audio(text=" two", interrupted=True, turn_complete=True)
    assert (len(said.audio), said.text, said.done) == (1, "one", True)
    assert stand.player.interruptions == 1
    assert stand.turns == [("turn_started", ANNA)]
    stand.audio(text="three")
    assert len(stand.player.responses) == 2


async def test_interrupted_after_the_turn_was_complete_still_stops_the_voice(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(5.0, text="one")
    stand.over()
    stand.says(interrupted=True)
    assert stand.player.interruptions == 1
    assert stand.turns == [("turn_started", ANNA)]
    # No end of a turn follows, and none is waited for.
    stand.audio(text="two")
    assert stand.player.last.text == "two"


async def test_interrupted_before_anything_was_made_begins_a_turn(stand: Stand) -> None:
    stand.says(interrupted=True)
    assert stand.turns == [("turn_started", ANNA)]
    stand.audio(text="one")
    assert stand.turns == [("turn_started", ANNA), ("turn_ended", ANNA)]


async def test_interrupted_before_the_answer_to_a_text_began_ends_that(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.says(interrupted=True)
    stand.audio(text="late")
    stand.over()
    assert not stand.player.responses
    stand.audio(text="the answer to what was said")
    assert stand.player.last.text == "the answer to what was said"


async def test_the_confirmation_of_our_own_cancellation_is_nobodys_turn(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(text="one")
    stand.model.interrupt()
    assert stand.dialogue.cancel(set())
    stand.audio(text=" late")
    stand.says(interrupted=True)
    stand.audio(text=" later")
    stand.over()
    assert stand.turns == []
    assert len(stand.player.last.audio) == 1
    assert stand.dialogue.idle


async def test_what_was_asked_before_an_interruption_is_not_heard_after_it(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.model.interrupt()
    assert stand.dialogue.cancel(set())
    stand.dialogue.asked("Talk of something else.", 5)
    stand.audio(text="the first")
    stand.over()
    stand.audio(text="the second")
    stand.over()
    assert stand.player.said == ["the second"]


async def test_a_cancellation_spares_what_was_asked_for_since(stand: Stand) -> None:
    stand.model.interrupt()
    stand.dialogue.asked("Talk.", 5)
    assert not stand.dialogue.cancel({"answer 0"})
    stand.audio(text="one")
    stand.over()
    assert stand.player.said == ["one"]


async def test_an_end_that_never_comes_is_not_waited_for_forever(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(text="one")
    stand.says(interrupted=True)
    stand.audio(text="late")
    stand.time += STOPPED_LIMIT
    stand.audio(text="new")
    assert [said.text for said in stand.player.responses.values()] == ["one", "new"]


async def test_words_that_come_after_the_answer_began_interrupt_nothing(stand: Stand) -> None:
    stand.hears("what is")
    stand.audio(text="It is")
    stand.hears(" the time")
    stand.audio(text=" noon.")
    stand.over()
    assert stand.player.interruptions == 0
    assert stand.turns == [("turn_started", ANNA), ("turn_ended", ANNA)]
    assert stand.player.final_words(ANNA) == ["what is", "the time"]


async def test_words_while_an_answer_still_plays_interrupt_nothing_either(stand: Stand) -> None:
    stand.audio(5.0, text="It is noon.")
    stand.over()
    stand.time += 4.0
    stand.hears("what is the time", finished=True)
    assert stand.player.interruptions == 0
    assert stand.player.final_words(ANNA) == ["what is the time"]


async def test_words_in_the_silence_begin_a_turn(stand: Stand) -> None:
    stand.audio(1.0, text="Hello.")
    stand.over()
    stand.time += 1.0
    stand.hears("what")
    assert stand.turns[-1] == ("turn_started", ANNA)
    assert stand.player.of("partial")[-1] == ("partial", ANNA, "what")


@pytest.mark.parametrize("since", ["silence", "a click", "a voice", "nothing heard"])
async def test_words_behind_a_call_are_of_the_turn_before_it_unless_somebody_was_heard_since(
    stand: Stand, since: str
) -> None:
    if since != "nothing heard":
        stand.sound(0.6)
    stand.sound(0.6, level=0)
    stand.hears("pay the")
    response = stand.dialogue.called(1)
    assert response is not None
    called_at = stand.model.conversation.latest
    stand.sound({"a click": 0.1, "a voice": 0.4}.get(since, 0.0))
    stand.sound(0.1, level=0)
    turns = stand.turns
    stand.hears(" bi")
    stand.sound(0.1, level=0)
    stand.hears("ll.")
    stand.sound(0.3, level=0)
    late = since in ("silence", "a click")
    assert stand.turns == [*turns, *([] if late else [("turn_started", ANNA)])]
    assert stand.player.final_words(ANNA) == ["pay the", *(["bill."] if late else [])]
    assert not stand.model.conversation.asked_after(called_at)


async def test_words_that_the_service_does_not_answer_are_final_when_nobody_speaks_any_more(stand: Stand) -> None:
    stand.sound(0.8)
    stand.hears("what is")
    stand.sound(0.2, level=0)
    stand.hears(" the time")
    stand.sound(1.2, level=0)
    assert stand.player.final_words(ANNA) == []
    stand.sound(1.0, level=0)
    assert stand.player.final_words(ANNA) == ["what is the time"]
    assert [kind for kind, _ in stand.turns] == ["turn_started", "turn_ended"]
    # What is lost with the session is an answer to words that are in the history: they do not come once more.
    stand.dialogue.end(again=True)
    assert stand.player.lost == [None]


async def test_or_when_the_call_is_over(stand: Stand) -> None:
    stand.hears("what is the time")
    stand.dialogue.closed()
    stand.dialogue.closed()
    assert stand.player.final_words(ANNA) == ["what is the time"]


async def test_guesses_at_the_words_are_partial(stand: Stand) -> None:
    stand.says(interim_input_transcription={"text": "what is"})
    stand.says(interim_input_transcription={"text": "what is the"})
    stand.hears("what is the time", finished=True)
    assert stand.player.of("partial", "final") == [
        ("partial", ANNA, "what is"),
        ("partial", ANNA, "what is the"),
        ("final", ANNA, "what is the time"),
    ]


async def test_an_answer_without_any_sign_of_the_user_is_still_somebodys_turn(stand: Stand) -> None:
    stand.audio(text="It is noon.")
    assert stand.turns == [("turn_started", ANNA), ("turn_ended", ANNA)]
    assert stand.player.interruptions == 0


async def test_of_several_people_the_loudest_has_the_turn(stand: Stand) -> None:
    for _ in range(10):
        stand.model.microphones.mix(PcmData.silence(0.02, 16_000), ANNA)
        stand.model.microphones.mix(PcmData(np.full(320, 9000, np.int16), 16_000), BEN)
    stand.says(interrupted=True)
    assert stand.turns == [("turn_started", BEN)]


async def test_where_nobody_can_have_spoken_the_agent_is_told_only_that_it_was_stopped() -> None:
    stand = Stand()
    stand.dialogue.asked("Talk.", 5)
    stand.audio(text="one")
    stand.says(interrupted=True)
    assert stand.player.interruptions == 1
    assert stand.turns == []


async def test_activity_marks_a_turn_and_its_end(stand: Stand) -> None:
    stand.dialogue.activity(True, interrupts=True)
    stand.hears("what is ")
    stand.dialogue.activity(False, interrupts=True)
    stand.hears("the time")
    stand.audio(text="Noon.")
    assert stand.turns == [("turn_started", ANNA), ("turn_ended", ANNA)]
    assert stand.player.final_words(ANNA) == ["what is the time"]


async def test_activity_that_does_not_stop_the_model_is_no_interruption(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(5.0, text="one")
    stand.dialogue.activity(True, interrupts=False)
    assert stand.player.interruptions == 0


@pytest.mark.parametrize("may_be_silent", [False, True])
async def test_an_answer_of_which_nothing_comes_is_lost_unless_it_may_be_silent(
    stand: Stand, may_be_silent: bool
) -> None:
    stand.model.may_be_silent = may_be_silent
    stand.dialogue.asked("Talk.", 5)
    stand.over()
    assert [said.done for said in stand.player.responses.values()] == [True] * may_be_silent
    assert stand.player.lost_requests == [5] * (not may_be_silent)


async def test_an_answer_that_is_refused_is_over_and_not_asked_for_again(stand: Stand) -> None:
    stand.dialogue.asked("Say something forbidden.", 5)
    stand.says(turn_complete=True, turn_complete_reason="RESPONSE_REJECTED")
    assert ([said.done for said in stand.player.responses.values()], stand.player.lost) == ([True], [])


async def test_a_model_that_thinks_on_can_still_be_interrupted(stand: Stand) -> None:
    stand.dialogue.asked("Think.", 5)
    stand.audio(text="Let me think.")
    stand.says(turn_complete=True, interaction_status="IN_PROGRESS")
    stand.model.interrupt()
    assert stand.dialogue.cancel(set())
    stand.audio(text="I have it!")
    assert [said.text for said in stand.player.responses.values()] == ["Let me think."]


async def test_a_model_that_thinks_on_goes_on_later(stand: Stand) -> None:
    stand.dialogue.asked("Think.", 5)
    stand.audio(text="Let me think.")
    stand.says(turn_complete=True, interaction_status="IN_PROGRESS")
    stand.audio(text="I have it!")
    stand.says(turn_complete=True, interaction_status="IDLE")
    assert stand.player.said == ["Let me think.", "I have it!"]
    assert stand.turns == []


async def test_a_refusal_is_reported(stand: Stand) -> None:
    stand.dialogue.asked("Say something forbidden.", 5)
    stand.says(turn_complete=True, turn_complete_reason="RESPONSE_REJECTED")
    assert "RESPONSE_REJECTED" in str(stand.player.failures[0])
    assert [said.done for said in stand.player.responses.values()] == [True]
    assert stand.player.lost == []


@pytest.mark.parametrize("begun", [True, False])
async def test_an_answer_that_the_model_bungles_is_lost(stand: Stand, begun: bool) -> None:
    stand.dialogue.asked("Talk.", 5)
    if begun:
        stand.audio(text="one")
    stand.says(turn_complete=True, turn_complete_reason="MALFORMED_FUNCTION_CALL")
    assert len(stand.player.failures) == 1
    assert stand.player.lost == [next(iter(stand.player.responses)) if begun else None]
    assert stand.player.lost_requests == [5]


async def test_a_text_that_a_noise_keeps_from_its_answer_is_lost_with_its_key(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.says(interrupted=True)
    assert (stand.player.lost, stand.player.lost_requests) == ([None], [5])


async def test_a_text_that_waits_for_a_function_is_lost_with_its_session_and_its_key(stand: Stand) -> None:
    stand.dialogue.asked("How is the weather?", 5)
    stand.dialogue.called(1)
    stand.dialogue.end(again=True)
    assert (stand.player.lost, stand.player.lost_requests) == ([None], [5])


async def test_a_transcript_that_comes_after_the_end_belongs_to_what_plays(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(2.0, text="one")
    stand.over()
    stand.says(output_transcription={"text": " two"})
    assert [said.text for said in stand.player.responses.values()] == ["one two"]


async def test_a_transcript_that_comes_before_the_audio_begins_the_answer(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(2.0, text="one")
    stand.over()
    stand.time += 2.0
    stand.hears("go on")
    stand.says(output_transcription={"text": "two"})
    stand.audio(text=" three")
    assert [said.text for said in stand.player.responses.values()] == ["one", "two three"]


async def test_functions_of_what_was_cancelled_are_not_called(stand: Stand) -> None:
    stand.dialogue.asked("How is the weather?", 5)
    called = stand.dialogue.called(1)
    assert called is not None
    assert called.epoch == 0
    stand.model.interrupt()
    stand.dialogue.cancel(set())
    assert stand.dialogue.called(1) is None


async def test_a_turn_that_only_calls_functions_is_no_answer(stand: Stand) -> None:
    stand.dialogue.asked("How is the weather?", 5)
    caller = stand.dialogue.called(1)
    assert caller is not None
    assert caller.epoch == 0
    stand.over()
    assert not stand.player.responses
    stand.dialogue.result_sent(caller)
    stand.audio(text="It rains.")
    stand.over()
    assert stand.player.said == ["It rains."]
    assert (stand.player.last.request, stand.player.last.more) == (5, False)
    assert stand.turns == []


async def test_what_is_said_before_a_function_is_a_part_of_the_answer(stand: Stand) -> None:
    stand.dialogue.asked("How is the weather?", 5)
    stand.audio(text="Let me see.")
    caller = stand.dialogue.called(1)
    assert caller is not None
    stand.over()
    stand.dialogue.result_sent(caller)
    stand.audio(text="It rains.")
    stand.over()
    parts = [(said.text, said.request, said.more) for said in stand.player.responses.values()]
    assert parts == [("Let me see.", 5, True), ("It rains.", 5, False)]


async def test_the_end_of_a_session_ends_what_was_said_in_it(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(text="one")
    assert stand.dialogue.end(again=True) is not None
    assert stand.player.last.done
    assert stand.dialogue.idle


async def test_audio_of_another_rate_and_other_parts(stand: Stand) -> None:
    parts = [
        {"text": "thinking", "thought": True},
        {"inline_data": {"data": b"\1\0" * 160, "mime_type": "audio/pcm;rate=16000"}},
        {"inline_data": {"data": b"\1\0" * 24, "mime_type": "audio/pcm"}},
        {"inline_data": {"data": b"png", "mime_type": "image/png"}},
    ]
    stand.says(model_turn={"parts": parts})
    assert [(len(piece), piece.sample_rate) for piece in stand.player.last.audio] == [(160, 16_000), (24, 24_000)]


async def test_an_answer_in_text_is_told_once(stand: Stand) -> None:
    for _ in range(2):
        stand.dialogue.asked("Talk.", 5)
        stand.says(model_turn={"parts": [{"text": "Hello."}]})
        stand.over()
    [failure] = stand.player.failures
    assert "text, which nobody hears" in str(failure)


async def test_an_answer_is_over_when_all_of_it_is_made_and_not_when_the_service_ends_its_turn(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(1.0, text="one")
    stand.says(generation_complete=True)
    assert stand.player.last.done
    stand.says(output_transcription={"text": " two"})
    assert stand.player.last.text == "one two"
    stand.time += 12.0
    stand.says(model_turn={})
    stand.over()
    assert (len(stand.player.responses), stand.turns, stand.player.failures) == (1, [], [])


async def test_an_answer_whose_end_the_service_does_not_tell_is_over_when_it_has_fallen_silent(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(1.0, text="One.")
    assert stand.dialogue.played_out_at == stand.time + 1.0 + PLAYED_OUT
    stand.time += 1.0 + PLAYED_OUT - 0.02
    stand.dialogue.finish_if_played_out()
    assert not stand.player.last.done
    stand.time += 0.02
    stand.dialogue.finish_if_played_out()
    assert stand.player.last.done
    assert not stand.dialogue.idle, "the service has not called the turn complete"
    # And if it was not done: what follows is a part of the same answer.
    stand.audio(text="two")
    stand.over()
    assert [(said.text, said.request) for said in stand.player.responses.values()] == [("One.", 5), ("two", 5)]
    assert stand.turns == []
    assert not stand.player.lost


@pytest.mark.parametrize("before", ["It rains.", "It rains", None])
@pytest.mark.parametrize("text", ["It will rain for a very", "“It will rain.”", "雨が降る。", None])
async def test_an_answer_that_falls_silent_in_the_middle_of_a_sentence_is_lost(
    stand: Stand, text: str | None, before: str | None
) -> None:
    if before is not None:
        stand.audio(text=before, generation_complete=True)
        stand.over()
        stand.time += 5.0
    stand.dialogue.asked("Talk.", 5)
    stand.audio(1.0, text=text)
    stand.time += 1.0 + PLAYED_OUT
    stand.dialogue.finish_if_played_out()
    assert stand.player.last.done
    # Where answers end without a full stop, nothing is known.
    cut = text == "It will rain for a very" and before != "It rains"
    assert len(stand.player.lost) == len(stand.player.failures) == cut


async def test_what_is_said_before_a_slow_function_is_done_when_that_begins(stand: Stand) -> None:
    stand.dialogue.asked("How is the weather?", 5)
    stand.audio(0.5, text="Let me see.")
    caller = stand.dialogue.called(1)
    assert caller is not None
    stand.time += 30.0
    assert stand.dialogue.played_out_at is None
    stand.dialogue.finish_if_played_out()
    assert stand.player.last.done
    assert stand.player.last.more
    stand.dialogue.result_sent(caller)
    stand.audio(text="It rains.")
    stand.over()
    assert [(said.text, said.request) for said in stand.player.responses.values()] == [
        ("Let me see.", 5),
        ("It rains.", 5),
    ]


async def test_a_connection_that_is_lost_while_a_function_runs_loses_the_rest_of_the_answer(stand: Stand) -> None:
    stand.dialogue.asked("How is the weather?", 5)
    stand.audio(0.5, text="Let me see.")
    assert stand.dialogue.called(1) is not None
    assert stand.dialogue.end(again=True) is not None
    assert stand.player.lost == list(stand.player.responses)


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("preamble", [None, "Let me see."])
async def test_a_connection_that_is_lost_while_a_function_runs_loses_the_answer_and_no_text_is_asked_again(
    stand: Stand, preamble: str | None, complete: bool
) -> None:
    stand.dialogue.asked("Pay it.", 5)
    if preamble is not None:
        stand.audio(0.1, text=preamble)
    assert stand.dialogue.called(1) is not None
    if complete:
        stand.over()
    unfinished = stand.dialogue.end(again=True)
    assert unfinished is not None
    assert unfinished.text is None, "it would be paid twice"
    assert stand.player.lost == ([None] if preamble is None else list(stand.player.responses))


@pytest.mark.parametrize("complete", [False, True], ids=["within the turn", "after it"])
@pytest.mark.parametrize("preamble", [None, "Let me see."])
async def test_a_noise_while_a_function_runs_loses_the_answer_and_that_is_told(
    stand: Stand, preamble: str | None, complete: bool
) -> None:
    stand.dialogue.asked("How is the weather?", 5)
    if preamble is not None:
        stand.audio(0.1, text=preamble)
    caller = stand.dialogue.called(1)
    assert caller is not None
    stand.player._playing.clear()  # All that was said has been heard.
    if complete:
        stand.over()
    stand.says(interrupted=True)
    assert stand.player.lost == ([None] if preamble is None else list(stand.player.responses))
    stand.says(interrupted=True)
    assert len(stand.player.lost) == 1, "it is lost once"
    if complete:
        stand.audio(text="Noon.")
        assert stand.player.last.text == "Noon.", "nothing of that is taken for late"


async def test_what_comes_of_a_function_after_the_turn_is_not_lost_once_more(stand: Stand) -> None:
    stand.dialogue.asked("How is the weather?", 5)
    callers = [stand.dialogue.called(1), stand.dialogue.called(1)]
    stand.over()
    for caller in callers:
        assert caller is not None
        stand.dialogue.result_sent(caller)
    stand.audio(0.1, text="It rains.")
    stand.over()
    stand.time += 1.0
    stand.says(interrupted=True)
    assert stand.player.lost == []


async def test_words_behind_the_beginning_of_their_answer_outlive_a_connection_that_breaks(stand: Stand) -> None:
    stand.hears("what is")
    stand.audio(text="It is")
    stand.hears(" the time")
    stand.dialogue.end(again=True)
    stand.dialogue.opened()
    assert stand.player.final_words(ANNA) == ["what is", "the time"]


@pytest.mark.parametrize("opened", [True, False])
async def test_words_that_come_once_more_are_told_once_and_at_last_if_they_never_come(
    stand: Stand, opened: bool
) -> None:
    stand.hears("what is the time")
    for _ in range(2):
        stand.dialogue.end(again=True)
    assert not stand.player.final_words(ANNA)
    assert not stand.player.lost
    if opened:
        stand.dialogue.opened()
        stand.hears("what is the time", finished=True)
    else:
        stand.dialogue.end(again=False)
    assert stand.player.final_words(ANNA) == ["what is the time"]
    assert stand.player.lost == ([] if opened else [None])


@pytest.mark.parametrize("at_work", [True, False])
async def test_a_text_behind_a_voice_is_answered_whether_the_service_had_begun_to_answer_that(
    stand: Stand, at_work: bool
) -> None:
    stand.hears("count for me")
    stand.dialogue.asked("What time is it?", 5)
    if at_work:
        stand.says(interrupted=True)
        stand.over()
    stand.audio(text="Noon.")
    stand.over()
    assert [(said.text, said.request, said.done) for said in stand.player.responses.values()] == [("Noon.", 5, True)]
    assert [kind for kind, _ in stand.turns] == ["turn_started", "turn_ended"]
    assert not stand.player.lost


async def test_who_speaks_before_the_turn_is_complete_is_answered(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(1.0, text="one")
    stand.says(generation_complete=True)
    stand.time += 3.0
    stand.hears("and then")
    assert stand.turns == [("turn_started", ANNA)]
    stand.audio(text="two")
    stand.says(generation_complete=True)
    stand.over()
    assert [(said.text, said.request) for said in stand.player.responses.values()] == [("one", 5), ("two", None)]
    assert not stand.player.lost


async def test_what_is_asked_before_the_turn_is_complete_is_heard_from_its_first_word(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(1.0, text="one")
    stand.says(generation_complete=True)
    stand.dialogue.asked("And then?", 6)
    stand.audio(text="two")
    stand.over()
    assert stand.player.last.request == 6
    assert stand.player.last.text == "two"


async def test_an_interruption_of_what_is_made_and_still_plays_loses_no_answer(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(5.0, text="one")
    stand.says(generation_complete=True)
    stand.says(interrupted=True, turn_complete=True)
    assert (stand.player.interruptions, stand.player.lost) == (1, [])


async def test_what_is_generated_needs_no_confirmation_that_it_is_cancelled(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(5.0, text="one")
    stand.says(generation_complete=True)
    stand.model.interrupt()
    assert stand.dialogue.cancel(set())
    assert stand.dialogue.unconfirmed_since is None
    # The end of its turn, whenever it comes, is not that of the next answer.
    stand.time += 8.0
    stand.hears("and then")
    stand.audio(text="two")
    stand.over()
    assert not stand.player.last.done
    stand.audio(text=" three")
    stand.over()
    assert (stand.player.last.text, stand.player.last.done) == ("two three", True)


async def test_the_service_may_say_that_it_stopped_what_was_generated(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(5.0, text="one")
    stand.says(generation_complete=True)
    stand.model.interrupt()
    assert stand.dialogue.cancel(set())
    stand.says(interrupted=True)
    stand.over()
    assert stand.turns == []
    # But later it is somebody who speaks.
    stand.dialogue.asked("Talk.", 6)
    stand.audio(5.0, text="two")
    stand.says(interrupted=True)
    assert stand.turns == [("turn_started", ANNA)]


async def test_a_turn_whose_end_is_not_told_is_not_waited_for_forever(stand: Stand) -> None:
    stand.dialogue.asked("Talk.", 5)
    stand.audio(5.0, text="one")
    stand.says(generation_complete=True)
    stand.model.interrupt()
    assert stand.dialogue.cancel(set())
    stand.time += TURN_LIMIT
    assert stand.dialogue.idle
    stand.says(interrupted=True)
    assert stand.turns == [("turn_started", ANNA)]
