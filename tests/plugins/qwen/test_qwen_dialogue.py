"""What the events of a session mean, and when the next answer is asked for."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import ToolCall
from vision_agents.plugins.qwen import QwenError
from vision_agents.plugins.qwen.dialogue import Dialogue
from vision_agents.plugins.qwen.responses import Response, ResponseRequest
from vision_agents.testing.contract import Player

from ..realtime.kit import ANNA, Reports


class Stand:
    """A dialogue, and a wire that writes down what it is told."""

    def __init__(self) -> None:
        self.model = Reports()
        self.model.microphones.mix(PcmData.silence(0.02, 16_000), ANNA)
        self.player = Player(self.model)
        self.dialogue = Dialogue(self.model, self, lambda: 100.0, 0.8)
        self.created: list[ResponseRequest] = []
        self.cancelled: list[str] = []
        self.calls: list[tuple[ToolCall, Response]] = []
        self.errors: list[QwenError] = []

    def create(self, request: ResponseRequest) -> None:
        self.created.append(request)

    def cancel(self, response: Response) -> None:
        self.cancelled.append(response.id)

    def call(self, call: ToolCall, response: Response) -> None:
        self.calls.append((call, response))

    def expect_response(self) -> None:
        pass

    def failed(self, error: QwenError) -> None:
        self.errors.append(error)

    def ask(self, text: str, key: int | None = None) -> None:
        self.dialogue.ask(ResponseRequest(self.model.epoch, text, key))

    def begins(self, name: str) -> None:
        self.dialogue.take({"type": "response.created", "response": {"id": name}})

    def audio(self, name: str, text: str = "") -> None:
        data = base64.b64encode(np.full(2400, 1000, "<i2").tobytes()).decode()
        if text:
            self.dialogue.take({"type": "response.audio_transcript.delta", "response_id": name, "delta": text})
        self.dialogue.take({"type": "response.audio.delta", "response_id": name, "delta": data})

    def over(self, name: str, status: str = "completed", **fields: Any) -> None:
        self.dialogue.take({"type": "response.done", "response": {"id": name, "status": status, **fields}})

    def speech(self, item: str, begins: bool, at: int) -> None:
        kind, name = ("started", "audio_start_ms") if begins else ("stopped", "audio_end_ms")
        self.dialogue.take({"type": f"input_audio_buffer.speech_{kind}", "item_id": item, name: at})

    def error(self, message: str, code: str = "invalid_value") -> None:
        self.dialogue.take(
            {"type": "error", "error": {"type": "invalid_request_error", "code": code, "message": message}}
        )

    def calls_function(self, name: str, call: str, arguments: Any) -> None:
        event = {"response_id": name, "call_id": call, "name": "weather", "arguments": json.dumps(arguments)}
        self.dialogue.take({"type": "response.function_call_arguments.done", **event})


@pytest.fixture
def stand() -> Stand:
    return Stand()


async def test_one_answer_is_asked_for_after_the_other(stand: Stand) -> None:
    stand.ask("first")
    stand.ask("second")
    assert [request.instructions for request in stand.created] == ["first"]
    stand.begins("r1")
    stand.audio("r1", "One.")
    stand.over("r1")
    assert [request.instructions for request in stand.created] == ["first", "second"]


async def test_what_was_asked_before_an_interruption_is_stale_from_its_birth(stand: Stand) -> None:
    stand.ask("first")
    stand.model.interrupt()
    stand.dialogue.stop(set())
    stand.ask("second")
    stand.begins("r1")
    assert stand.cancelled == ["r1"]
    stand.audio("r1", "late")
    stand.over("r1", "cancelled")
    stand.begins("r2")
    stand.audio("r2", "Two.")
    stand.over("r2")
    assert stand.player.said == ["Two."]
    assert len(stand.player.responses) == 1


async def test_what_was_not_asked_yet_is_never_asked(stand: Stand) -> None:
    stand.ask("first")
    stand.begins("r1")
    stand.ask("second")
    stand.model.interrupt()
    stand.dialogue.stop(set())
    stand.over("r1", "cancelled")
    assert [request.instructions for request in stand.created] == ["first"]


async def test_a_cancellation_is_sent_once_and_spares_what_came_after(stand: Stand) -> None:
    stand.ask("first")
    stand.begins("r1")
    stand.audio("r1")
    stand.model.interrupt()
    stand.dialogue.stop({"r1"})
    stand.dialogue.stop({"r1"})
    stand.over("r1", "cancelled")
    stand.ask("second")
    stand.begins("r2")
    stand.dialogue.stop({"r1"})
    assert stand.cancelled == ["r1"]


async def test_late_deltas_are_dropped_also_without_an_interruption(stand: Stand) -> None:
    stand.ask("first")
    stand.begins("r1")
    stand.audio("r1", "One.")
    stand.dialogue.stop({"r1"})
    stand.audio("r1", " late")
    stand.over("r1", "cancelled")
    stand.audio("r1", " later")
    (said,) = stand.player.responses.values()
    assert (said.text, len(said.audio), said.done) == ("One.", 1, True)


async def test_an_answer_to_speech_has_the_epoch_in_which_it_ended(stand: Stand) -> None:
    stand.speech("u1", True, 1000)
    stand.speech("u1", False, 2000)
    stand.model.interrupt()
    stand.begins("r1")
    assert stand.cancelled == ["r1"]
    assert not stand.player.responses


async def test_a_turn_has_a_duration_and_interrupts(stand: Stand) -> None:
    stand.ask("first")
    stand.begins("r1")
    stand.audio("r1")
    stand.speech("u1", True, 1000)
    stand.speech("u1", True, 1000)
    stand.speech("u1", False, 2500)
    stand.speech("u1", False, 2500)
    assert stand.player.interruptions == 1
    assert stand.player.facts == [("turn_started", ANNA, 1.0), ("turn_ended", ANNA, 1.0, 1.5, 0.8)]


async def test_a_service_that_does_not_interrupt_only_tells_that_somebody_speaks(stand: Stand) -> None:
    stand.dialogue.interrupts = False
    stand.ask("first")
    stand.begins("r1")
    stand.audio("r1")
    stand.speech("u1", True, 1000)
    assert stand.player.interruptions == 0
    assert stand.player.facts == [("speech_started", ANNA, 1.0, 0.0)]


async def test_words_come_in_pieces_and_whole(stand: Stand) -> None:
    kind = "conversation.item.input_audio_transcription"
    stand.speech("u1", True, 1000)
    stand.speech("u1", False, 2500)
    stand.begins("r1")
    stand.audio("r1", "It is noon.")
    for piece in ("what ", "is"):
        stand.dialogue.take({"type": f"{kind}.delta", "item_id": "u1", "delta": piece})
    stand.dialogue.take({"type": f"{kind}.completed", "item_id": "u1", "transcript": "What is the time?"})
    assert stand.player.of("partial", "final") == [
        ("partial", ANNA, "what"),
        ("partial", ANNA, "what is"),
        ("final", ANNA, "What is the time?"),
    ]
    # They came late, and yet they stand where they were said.
    assert [message.text for message in stand.model.history] == ["What is the time?", "It is noon."]


async def test_functions_are_answered_when_all_results_are_there(stand: Stand) -> None:
    stand.ask("How is the weather in two towns?")
    stand.begins("r1")
    stand.calls_function("r1", "c1", {"city": "Ulm"})
    stand.calls_function("r1", "c2", {"city": "Bonn"})
    (first, response), (second, _) = stand.calls
    assert [dict(call.arguments) for call in (first, second)] == [{"city": "Ulm"}, {"city": "Bonn"}]
    stand.dialogue.result_sent(response)
    stand.over("r1")
    assert len(stand.created) == 1
    stand.dialogue.result_sent(response)
    assert [request.instructions for request in stand.created] == ["How is the weather in two towns?", None]
    assert not stand.player.responses, "a call is nothing that is said"


async def test_results_that_nobody_wants_any_more_are_not_answered(stand: Stand) -> None:
    stand.ask("How is the weather?")
    stand.begins("r1")
    stand.calls_function("r1", "c1", {})
    stand.over("r1")
    stand.model.interrupt()
    stand.dialogue.result_sent(stand.calls[0][1])
    assert len(stand.created) == 1


async def test_a_call_with_arguments_that_cannot_be_read_is_told_so_and_answered(stand: Stand) -> None:
    stand.ask("How is the weather?")
    stand.begins("r1")
    stand.calls_function("r1", "c1", ["Ulm"])
    ((call, response),) = stand.calls
    assert (call.id, dict(call.arguments)) == ("c1", {})
    assert "no JSON object" in call.wrong
    stand.over("r1")
    stand.dialogue.result_sent(response)
    assert len(stand.created) == 2


async def test_nothing_to_cancel_is_no_error(stand: Stand) -> None:
    stand.error("Conversation has none active response.")
    assert not stand.errors


async def test_a_question_that_came_too_late_is_asked_again(stand: Stand) -> None:
    stand.speech("u1", True, 0)
    stand.speech("u1", False, 500)
    stand.ask("first")
    stand.error("Cannot create response while another response is in progress.")
    stand.begins("r1")
    stand.audio("r1", "To what was said.")
    stand.over("r1")
    assert [request.instructions for request in stand.created] == ["first", "first"]


async def test_a_question_that_was_taken_for_another_is_asked_again_too(stand: Stand) -> None:
    stand.ask("first")
    stand.begins("r1")  # In truth the answer to something spoken, as the service says now.
    stand.error("Conversation already has an active response")
    stand.over("r1")
    assert [request.instructions for request in stand.created] == ["first", "first"]


async def test_an_answer_that_was_cancelled_since_it_was_taken_for_another_is_lost(stand: Stand) -> None:
    """What is heard again in a new session is answered before the text comes that was asked before it."""
    stand.ask("first")
    stand.model.interrupt()
    stand.speech("u1", True, 1000)
    stand.speech("u1", False, 2000)
    stand.begins("r1")  # In truth the answer to what was said, as the service says now.
    assert stand.cancelled == ["r1"]
    stand.error("Conversation already has an active response")
    assert stand.player.lost == [None]
    stand.over("r1", "cancelled")
    assert [request.instructions for request in stand.created] == ["first"]


async def test_an_error_ends_what_was_asked(stand: Stand) -> None:
    stand.ask("first")
    stand.ask("second")
    stand.error("Output data may contain inappropriate content.", "DataInspectionFailed")
    assert [error.code for error in stand.errors] == ["DataInspectionFailed"]
    assert [request.instructions for request in stand.created] == ["first", "second"]


async def test_a_response_that_failed_says_why(stand: Stand) -> None:
    stand.ask("first")
    stand.begins("r1")
    stand.audio("r1", "One")
    stand.over("r1", "failed", status_details={"error": {"code": "InternalError", "message": "It broke."}})
    assert "It broke." in str(stand.errors[0])
    assert stand.player.last.done
    assert stand.player.lost == ["r1"]


@pytest.mark.parametrize("asked", ["typed", "spoken"])
@pytest.mark.parametrize("begun", [True, False], ids=["half_said", "not_begun"])
@pytest.mark.parametrize(
    ("status", "details", "lost"),
    [
        ("failed", {"error": {"code": "InternalError", "message": "It broke."}}, True),
        ("failed", {"error": {"code": "DataInspectionFailed", "message": "No."}}, False),
        ("failed", None, True),
        ("incomplete", {"reason": "max_output_tokens"}, True),
        ("incomplete", {"reason": "content_filter"}, False),
        ("cancelled", None, True),
    ],
)
async def test_an_answer_that_the_service_gives_up_is_lost_unless_it_is_filtered(
    stand: Stand, status: str, details: Any, lost: bool, begun: bool, asked: str
) -> None:
    key = 7 if asked == "typed" else None
    if key is not None:
        stand.ask("Hello?", key)
    stand.begins("r1")
    if begun:
        stand.audio("r1", "One")
    stand.over("r1", status, status_details=details)
    assert len(stand.errors) == (status != "cancelled")
    assert stand.player.lost == ([("r1" if begun else None)] if lost else [])
    assert stand.player.lost_requests == ([key] if lost else [])
    # What is not lost is over, of whatever came; what is lost ends if it had begun.
    over = [(said.request, said.done) for said in stand.player.responses.values()]
    assert over == [(key, True)] * (begun or not lost)


async def test_what_fails_after_it_called_a_function_is_answered_with_the_result(stand: Stand) -> None:
    stand.ask("How is the weather?", 7)
    stand.begins("r1")
    stand.calls_function("r1", "c1", {})
    stand.over("r1", "failed")
    assert stand.player.lost == []
    stand.dialogue.result_sent(stand.calls[0][1])
    assert [request.key for request in stand.created] == [7, 7]


async def test_what_nobody_wants_any_more_is_not_lost(stand: Stand) -> None:
    stand.ask("first")
    stand.begins("r1")
    stand.audio("r1", "One")
    stand.model.interrupt()
    stand.over("r1", "failed")
    assert stand.player.lost == []


async def test_a_text_that_the_service_refuses_is_lost(stand: Stand) -> None:
    stand.ask("first", 7)
    stand.error("That cannot be.")
    assert (stand.player.lost, stand.player.lost_requests) == ([None], [7])
    stand.error("Something else.")
    stand.ask("second", 8)
    stand.model.interrupt()
    stand.error("That cannot be.")
    assert len(stand.player.lost) == 1


async def test_texts_that_are_not_asked_again_in_the_next_session_are_lost(stand: Stand) -> None:
    stand.ask("first", 7)
    stand.ask("second", 8)
    stand.dialogue.end()
    assert stand.player.lost == []
    stand.dialogue.forget_texts()
    assert stand.player.lost_requests == [7, 8]


@pytest.mark.parametrize("sent", [True, False])
async def test_what_waits_for_a_function_is_lost_whatever_else_was_asked(stand: Stand, sent: bool) -> None:
    stand.ask("How is the weather?", 7)
    stand.begins("r1")
    stand.audio("r1", "Let me see.")
    stand.calls_function("r1", "c1", {})
    stand.over("r1")
    stand.ask("And tomorrow?", 8)
    if not sent:
        stand.begins("r2")
    stand.dialogue.end()
    assert (stand.player.lost, stand.player.lost_requests) == (["r1"], [7])
    stand.dialogue.forget_texts()
    assert (stand.player.lost, stand.player.lost_requests) == (["r1", None], [7, 8])


@pytest.mark.parametrize("may_be_silent", [False, True])
async def test_an_answer_of_which_nothing_comes_is_lost_unless_it_may_be_silent(
    stand: Stand, may_be_silent: bool
) -> None:
    stand.model.may_be_silent = may_be_silent
    stand.ask("first", 7)
    stand.begins("r1")
    stand.over("r1")
    assert [said.done for said in stand.player.responses.values()] == [True] * may_be_silent
    assert stand.player.lost_requests == [7] * (not may_be_silent)


@pytest.mark.parametrize("turn", ["its own", "one before", "another since", "interrupted"])
async def test_words_behind_an_empty_answer_say_that_it_is_lost(stand: Stand, turn: str) -> None:
    if turn == "one before":
        stand.speech("t0", True, 100)
        stand.speech("t0", False, 500)
    stand.speech("t1", True, 1000)
    stand.speech("t1", False, 2000)
    stand.begins("r1")
    stand.over("r1")
    assert stand.player.lost == []
    if turn == "another since":
        stand.speech("t2", True, 3000)
        stand.speech("t2", False, 4000)
    if turn == "interrupted":
        stand.model.interrupt()
    item = "t0" if turn == "one before" else "t1"
    kind = "conversation.item.input_audio_transcription.completed"
    for _ in range(2):
        stand.dialogue.take({"type": kind, "item_id": item, "transcript": "hello"})
    assert stand.player.lost == ([None] if turn == "its own" else [])


async def test_a_text_of_which_nothing_had_come_waits_for_the_next_session_and_is_asked_once(stand: Stand) -> None:
    stand.ask("first", 7)
    stand.begins("r1")
    stand.dialogue.end()
    assert stand.player.lost == []
    assert [request.key for request in stand.dialogue.requests] == [7]
    stand.dialogue.go_on()
    assert [request.key for request in stand.created] == [7, 7]


async def test_the_end_of_a_session_ends_what_was_said_in_it(stand: Stand) -> None:
    stand.ask("first")
    stand.begins("r1")
    stand.audio("r1", "One")
    stand.ask("second")
    assert stand.dialogue.end()
    assert stand.player.last.done
    stand.dialogue.go_on()
    assert [request.instructions for request in stand.created] == ["first", "second"]


async def test_events_that_mean_nothing_here(stand: Stand) -> None:
    stand.dialogue.take({"type": "response.content_part.added"})
    stand.audio("r9", "of nobody knows what")
    stand.over("r9")
    stand.speech("u9", False, 100)
    assert not stand.player.responses
    assert not stand.player.facts


@pytest.mark.parametrize("kind", ["response.audio.delta", "response.output_audio.delta"])
async def test_audio_is_heard_under_either_name(stand: Stand, kind: str) -> None:
    stand.ask("first")
    stand.begins("r1")
    data = base64.b64encode(bytes(480)).decode()
    stand.dialogue.take({"type": kind, "response_id": "r1", "delta": data})
    stand.over("r1", output=[{"type": "message"}])
    assert stand.player.last.seconds == pytest.approx(0.01)
    assert not stand.player.failures


@pytest.mark.parametrize("kind", ["response.text.delta", "response.output_text.delta", "response.sound.delta"])
async def test_an_answer_that_nobody_hears_is_told_once(stand: Stand, kind: str) -> None:
    for name in ("r1", "r2"):
        stand.ask("first")
        stand.begins(name)
        stand.dialogue.take({"type": kind, "response_id": name, "delta": "Hello."})
        stand.over(name, output=[{"type": "message"}])
    [failure] = stand.player.failures
    assert "nobody hears" in str(failure)


async def test_a_turn_ends_by_the_settings_that_the_service_confirms(stand: Stand) -> None:
    stand.dialogue.take({"type": "session.updated", "session": {"turn_detection": {"silence_duration_ms": 400}}})
    stand.dialogue.take({"type": "session.updated", "session": {"turn_detection": None}})
    stand.speech("item", True, 0)
    stand.speech("item", False, 1000)
    [ended] = stand.player.of("turn_ended")
    assert ended[3:] == (1.0, 0.4)


async def test_a_response_whose_end_comes_behind_the_next_one_is_over(stand: Stand) -> None:
    stand.ask("first")
    stand.begins("r1")
    stand.audio("r1", "One.")
    stand.begins("r2")
    stand.over("r1")
    stand.audio("r2", "Two.")
    stand.over("r2")
    assert [(said.text, said.done) for said in stand.player.responses.values()] == [("One.", True), ("Two.", True)]


async def test_the_end_of_speech_that_is_told_twice_is_one_turn(stand: Stand) -> None:
    stand.speech("i1", True, 100)
    stand.speech("i1", False, 900)
    stand.begins("r1")
    stand.audio("r1", "One.")
    stand.over("r1")
    stand.speech("i1", False, 900)
    assert not stand.dialogue.end()
    assert not stand.dialogue.requests, "nothing is asked for once more"


async def test_of_a_session_that_is_lost_while_a_function_runs_the_answer_is_lost(stand: Stand) -> None:
    stand.ask("first")
    stand.begins("r1")
    stand.calls_function("r1", "c1", {})
    stand.over("r1")
    stand.dialogue.end()
    assert stand.player.lost == [None]
    stand.dialogue.end()
    assert len(stand.player.lost) == 1


@pytest.mark.parametrize("dropped", [True, False])
async def test_not_if_nobody_wants_it_any_more(stand: Stand, dropped: bool) -> None:
    stand.ask("first")
    stand.begins("r1")
    stand.calls_function("r1", "c1", {})
    stand.over("r1")
    if dropped:
        stand.dialogue.stop({"r1"})
    else:
        stand.model.interrupt()
    stand.dialogue.end()
    assert stand.player.lost == []


async def test_what_was_asked_for_is_due_while_it_is_wanted_and_nobody_speaks(stand: Stand) -> None:
    dialogue = stand.dialogue
    assert dialogue.due_since is None
    stand.ask("What time is it?")
    assert dialogue.due_since == 100.0
    stand.speech("item_1", True, 0)
    assert dialogue.due_since is None
    stand.speech("item_1", False, 900)
    assert dialogue.due_since == 100.0
    stand.player.interrupt()
    assert dialogue.due_since is None
    stand.ask("And now?")
    assert dialogue.due_since == 100.0
    stand.speech("item_2", True, 2000)
    dialogue.end()
    stand.ask("And now?")
    assert dialogue.due_since == 100.0, "whoever spoke in that session is heard anew in the next one"
