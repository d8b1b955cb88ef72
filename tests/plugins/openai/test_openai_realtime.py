"""The realtime models: what they tell the service, and what becomes of it."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Message, Role, ToolCall
from vision_agents.core.participants import Participant
from vision_agents.plugins import openai
from vision_agents.plugins.openai import session as session_module
from vision_agents.plugins.openai.dialogue import _HANDLERS
from vision_agents.testing.contract import Player, frames, lifetime, until
from vision_agents.testing.parts import tone

from ...standins.openai.realtime import SERVER_EVENTS
from ...standins.openai.server import StandIn
from ..realtime.connections import ConnectionStories
from ..realtime.kit import ANNA, Booking, Weather
from .test_contract import unexpected

BERT = Participant("bert")
RATE = 24_000


class TestConnections(ConnectionStories):
    plugin = "openai"
    package = "openai"
    service_name = "OpenAI Realtime"
    error = openai.OpenAIError
    wrong_key = r"Incorrect API key.*OPENAI_API_KEY"
    unknown_model = "Check the model's name"
    unknown_model_code = "model_not_found"
    nothing_left = "plan and billing"
    ends_when_empty = False
    goodbye = (1001, "an hour is over")
    session_module = session_module

    def make(self, service: StandIn, **options: Any) -> openai.Realtime:
        return openai.Realtime(**options)

    def lonely(self) -> openai.Realtime:
        return openai.Realtime(base_url="http://127.0.0.1:9/v1")

    def unexpected(self, service: StandIn) -> object:
        return unexpected(service)

    def knows(self, service: StandIn) -> object:
        return "Yes, of course." in str(service.session.conversation.items)

    def deafen(self, service: StandIn) -> None:
        service.session.deaf_for = 60.0


def sent(service: StandIn, kind: str) -> list[dict[str, Any]]:
    return [event for event in service.session.received if event["type"] == kind]


async def speak(model: openai.Realtime, participant: Participant, sound: float, silence: float = 0.0) -> None:
    for piece in (*frames(tone(sound, RATE)), *frames(PcmData.silence(silence, RATE))):
        await model.send_audio(piece, participant)


def dialogue(model: openai.Realtime) -> Any:
    """What takes the events of the model's session."""
    session: Any = model._session
    return session._dialogue


async def answered(player: Player, count: int = 1) -> None:
    await until(lambda: len(player.responses) >= count and player.last.done, f"answer {count}")


# The session.


async def test_the_session_is_what_was_asked_for(service: StandIn) -> None:
    detection = {"type": "semantic_vad", "eagerness": "high"}
    model = openai.Realtime(
        voice="cedar",
        turn_detection=detection,
        transcription_model=None,
        speed=1.2,
        noise_reduction="far_field",
        session={"max_output_tokens": 500},
    )

    @model.register_function()
    async def weather(city: str) -> str:
        """The weather in a city."""
        return "rain"

    async with lifetime(model, service):
        for message in (Message(Role.USER, "Hi."), Message(Role.ASSISTANT, "Hello.")):
            model.conversation.add(message)
        await model.connect("Be brief.")
        await until(lambda: len(service.session.conversation.items) == 2, "the history")
        config = service.session.config
        assert config["instructions"] == "Be brief."
        assert config["max_output_tokens"] == 500
        assert config["tools"][0]["name"] == "weather"
        assert config["audio"]["input"]["turn_detection"] == detection
        assert config["audio"]["input"]["transcription"] is None
        assert config["audio"]["input"]["noise_reduction"] == {"type": "far_field"}
        assert (config["audio"]["output"]["voice"], config["audio"]["output"]["speed"]) == ("cedar", 1.2)
        roles = [item["role"] for item in service.session.conversation.items.values()]
        assert roles == ["user", "assistant"]
        assert not service.session.refused


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"voice": "nobody"}, "invalid_value"),
        ({"base_url": "http://127.0.0.1:9/v1"}, None),
    ],
)
async def test_a_session_that_cannot_be_opened_says_why(
    service: StandIn, options: dict[str, str], code: str | None
) -> None:
    async with lifetime(openai.Realtime(**options), service) as model:  # type: ignore[arg-type]
        with pytest.raises(openai.OpenAIError, match="OpenAI Realtime") as raised:
            await model.connect("")
        assert raised.value.code == code


# Turns and words.


async def test_a_turn_has_its_length_and_its_words(service: StandIn, model: openai.Realtime, player: Player) -> None:
    service.will_hear("how are you")
    await model.connect("")
    await speak(model, ANNA, 0.0, 1.0)
    await speak(model, ANNA, 0.8, 1.0)
    await until(lambda: player.of("final"), "the words")
    (ended,) = player.of("turn_ended")
    assert ended[1] == ANNA
    assert ended[3] == pytest.approx(0.8, abs=0.05)
    assert ended[4] == 0.5
    assert player.final_words(ANNA) == ["how are you"]
    partial = [text for _, _, text in player.of("partial")]
    assert partial == ["how ", "how are ", "how are you "]


async def test_a_transcript_that_is_sent_three_times_is_said_once(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    service.will_hear("how are you")
    await model.connect("")
    await speak(model, ANNA, 0.8, 1.0)
    await until(lambda: player.of("final"), "the words")
    item = next(item["id"] for item in service.session.conversation.items.values() if item["role"] == "user")
    usage = {"type": "duration", "seconds": 1.0}
    for _ in range(2):
        again = event(
            "conversation.item.input_audio_transcription.completed",
            item_id=item,
            content_index=0,
            transcript="how are you",
            usage=usage,
        )
        dialogue(model).take(again)
    assert player.final_words(ANNA) == ["how are you"]


async def test_what_is_told_twice_is_so_once(service: StandIn, model: openai.Realtime, player: Player) -> None:
    weather = Weather(model)
    weather.go_on.set()
    service.will_hear("how is the weather")
    service.will_say(weather.call, "It rains.")
    await model.connect("")
    session, take = service.session, service.session.send
    twice = {
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "response.done",
    }

    async def send(kind: str, **fields: Any) -> None:
        for _ in range(2 if kind in twice else 1):
            await take(kind, **fields)

    session.send = send  # type: ignore[method-assign]
    await speak(model, ANNA, 0.8, 1.0)
    await until(lambda: player.responses and player.last.done, "the answer")
    assert [fact[0] for fact in player.of("turn_started", "turn_ended")] == ["turn_started", "turn_ended"]
    outputs = [item for item in session.conversation.items.values() if item["type"] == "function_call_output"]
    assert len(outputs) == 1, "the function was called once"
    assert player.said == ["It rains."]
    assert dialogue(model).idle


async def test_a_turn_ends_by_the_settings_that_the_service_confirms(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    await model.connect("")
    detection = {"type": "server_vad", "silence_duration_ms": 200}
    session = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
    dialogue(model).take(event("session.updated", session=session))
    await speak(model, ANNA, 0.8, 1.0)
    await until(lambda: player.of("turn_ended"), "the end of the turn")
    assert player.of("turn_ended")[0][4] == 0.2


async def test_who_speaks_in_company_has_the_turn(service: StandIn, model: openai.Realtime, player: Player) -> None:
    await model.connect("")
    silence, sound = PcmData.silence(0.02, RATE), next(frames(tone(0.02, RATE)))
    for number in range(120):
        await model.send_audio(silence, ANNA)
        await model.send_audio(sound if 20 <= number < 60 else silence, BERT)
    await until(lambda: player.of("turn_ended"), "the turn")
    assert {fact[1] for fact in player.of("turn_started", "turn_ended", "final")} == {BERT}
    # Two microphones are one stream, not twice as much of it.
    assert service.session.heard_ms == pytest.approx(120 * 20, abs=40)


async def test_without_interrupt_response_the_agent_decides(service: StandIn) -> None:
    detection = {"type": "server_vad", "interrupt_response": False}
    async with lifetime(openai.Realtime(turn_detection=detection), service) as model:
        player = Player(model)
        await model.connect("")
        service.will_say("one two three")
        await service.stall(after=1)
        await model.send_text("Count.")
        await until(lambda: player.responses and player.last.audio, "the first word")
        await speak(model, ANNA, 0.3, 0.6)
        await until(lambda: player.of("turn_ended"), "the end of the turn")
        await service.release()
        await answered(player)
        assert [fact[0] for fact in player.of("speech_started", "turn_started")] == ["speech_started"]
        assert player.last.text == "one two three"


# Interruption.


async def test_a_response_that_begins_after_our_cancellation_is_cancelled_by_its_id(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    await model.connect("")
    service.will_say("one two three", "four")
    await service.stall()
    await model.send_text("Count.")
    player.interrupt()  # The request is on its way; there is no response yet, hence nothing to cancel.
    assert not service.session.generations
    await until(lambda: not service.active and service.requests == 1, "its cancellation")
    await service.release()
    await model.send_text("Go on.")
    await answered(player)
    assert [said.text for said in player.responses.values()] == ["four"]
    first, second = service.session.generations
    assert [event["response_id"] for event in sent(service, "response.cancel")] == [first.id]
    assert second.cancelled is False
    # Nothing of what nobody heard is left in the service's record.
    roles = [item["role"] for item in service.session.conversation.items.values()]
    assert roles == ["user", "user", "assistant"]


async def test_the_answer_to_a_turn_from_before_an_interruption_is_never_heard(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    await model.connect("")
    await speak(model, ANNA, 0.3)
    await until(lambda: service.session.heard_ms >= 300, "the speech")
    dialogue(model).take(event("input_audio_buffer.committed", item_id="turn_1"))
    player.interrupt()
    dialogue(model).take(event("response.created", response={"id": "late"}))
    dialogue(model).take(event("response.output_item.added", response_id="late", output_index=0, item=ITEM))
    dialogue(model).take(audio_delta("late", 0.1))
    assert not player.responses
    await until(lambda: sent(service, "response.cancel"), "its cancellation")
    assert sent(service, "response.cancel")[0]["response_id"] == "late"


async def test_the_service_keeps_what_was_heard(service: StandIn, model: openai.Realtime, player: Player) -> None:
    await model.connect("")
    service.will_say("one two three four")
    model.conversation.user_said("Count.")
    await model.send_text("Count.")
    await answered(player)
    player.interrupt()  # Half of it was heard: of 4 words of 0.3 s each, 600 ms.
    await until(lambda: service.session.conversation.truncated_ms, "the truncation")
    assert list(service.session.conversation.truncated_ms.values()) == [600]
    assert not service.session.refused
    assert [(m.role, m.interrupted) for m in model.history] == [(Role.USER, False), (Role.ASSISTANT, True)]


# Asking.


async def test_a_text_while_the_service_answers_is_answered_after(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    await model.connect("")
    service.will_say("one two", "three")
    await service.stall(after=1)
    await model.send_text("Count.")
    await until(lambda: player.responses and player.last.audio, "the first word")
    await model.send_text("And then?")
    await service.release()
    await answered(player, 2)
    assert player.said == ["one two", "three"]
    assert not player.failures


# Functions.


async def test_arguments_that_make_no_sense_are_told_to_the_model(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    await model.connect("")
    service.will_say(ToolCall("call_1", "weather", {}), "I cannot.")
    await model.send_text("Weather?")
    await answered(player)
    (result,) = (e["item"] for e in sent(service, "conversation.item.create") if "output" in e["item"])
    assert "no function 'weather'" in result["output"]
    assert player.last.text == "I cannot."


async def test_the_result_of_an_interrupted_call_is_told_and_not_answered(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    weather = Weather(model)
    await weather.asked(service, "Not to be said.")
    player.interrupt()
    weather.go_on.set()
    await until(lambda: len(sent(service, "conversation.item.create")) == 2, "the result")
    assert sent(service, "conversation.item.create")[1]["item"]["output"] == "rain in Ulm"
    assert service.requests == 1


async def test_a_call_that_is_cancelled_has_its_output_and_the_next_answer_knows(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    weather = Weather(model, "cancel")
    await weather.asked(service, "So what else?")
    player.interrupt()
    await until(lambda: len(sent(service, "conversation.item.create")) == 2, "the output")
    item = sent(service, "conversation.item.create")[1]["item"]
    assert (item["type"], item["call_id"]) == ("function_call_output", "call_1")
    assert item["output"] == "(cancelled before it was done: the user interrupted)"
    await model.send_text("Never mind.")
    await answered(player)
    assert not service.session.refused


async def test_a_call_that_is_taken_back_after_its_result_was_sent_is_told_without_an_answer(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    booking = Booking(model)
    await booking.confirmed(service, player)
    requests = service.requests
    player.interrupt()
    await until(lambda: any("Note" in str(body) for body in sent(service, "conversation.item.create")), "the note")
    await service.release()
    [note] = [body["item"] for body in sent(service, "conversation.item.create") if "Note" in str(body)]
    assert note["role"] == "system"
    assert note["content"][0]["text"] == booking.note
    assert booking.undone == ["booked"]
    assert service.requests == requests
    assert not service.session.refused


async def test_a_call_that_outlives_its_session_is_asked_again_in_the_next(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    weather = Weather(model)
    await weather.asked(service, "It rains.")
    await service.disconnect()
    await until(lambda: len(service.sessions) == 2, "a new session")
    weather.go_on.set()
    await answered(player)
    assert player.said == ["It rains."]
    assert not service.session.refused


# Trouble.


OLDER_NAMES: dict[str, str | None] = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "conversation.item.added": "conversation.item.created",
    "conversation.item.done": None,
}
TEXT_ALONE: dict[str, str | None] = {
    "response.output_audio.delta": None,
    "response.output_audio_transcript.delta": "response.output_text.delta",
}
NAMES_OF_ITS_OWN: dict[str, str | None] = {
    "response.output_audio.delta": "response.sound.delta",
    "response.output_audio_transcript.delta": None,
}


async def test_a_server_with_the_older_names_of_events_is_heard(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    service.renames = OLDER_NAMES
    await model.connect("")
    service.will_say("one two")
    await model.send_text("Count.")
    await answered(player)
    assert (player.last.text, player.last.seconds) == ("one two", pytest.approx(0.6))
    assert not player.failures


@pytest.mark.parametrize(
    ("names", "advice"), [(TEXT_ALONE, "Use a model that speaks"), (NAMES_OF_ITS_OWN, "base_url.*output_audio.delta")]
)
async def test_a_session_that_nobody_hears_says_so_once(
    service: StandIn, model: openai.Realtime, player: Player, names: dict[str, str | None], advice: str
) -> None:
    service.renames = names
    await model.connect("")
    for _ in range(2):
        service.will_say("one two")
        await model.send_text("Count.")
    await answered(player, 2)
    [failure] = player.failures
    assert re.search(advice, str(failure))


async def test_a_failed_response_says_what_to_do(service: StandIn, model: openai.Realtime, player: Player) -> None:
    await model.connect("")
    await service.fail("quota")
    await model.send_text("Hello?", 7)
    await until(lambda: player.failures, "the report")
    assert "billing" in str(player.failures[0])
    await until(lambda: player.lost, "the report that it is not answered")
    assert (player.lost, player.lost_requests, player.responses) == ([None], [7], {})


@pytest.mark.parametrize("asked", ["typed", "spoken"])
@pytest.mark.parametrize("begun", [True, False], ids=["half_said", "not_begun"])
@pytest.mark.parametrize(
    ("status", "details", "lost"),
    [
        ("failed", {"error": {"code": "server_error", "message": "It broke."}}, True),
        ("failed", {"error": {"code": "content_filter", "message": "No."}}, False),
        ("failed", None, True),
        ("incomplete", {"reason": "max_output_tokens"}, True),
        ("incomplete", {"reason": "content_filter"}, False),
        ("incomplete", None, True),
    ],
)
async def test_an_answer_that_the_service_gives_up_is_lost_unless_it_is_filtered(
    connected: openai.Realtime, player: Player, status: str, details: Any, lost: bool, begun: bool, asked: str
) -> None:
    talk, key = dialogue(connected), 7 if asked == "typed" else None
    if key is not None:
        talk.ask(connected.epoch, "Hello?", key)
    number = {"metadata": {"ask": "1"}} if key is not None else {}
    talk.take(event("response.created", response={"id": "r", **number}))
    if begun:
        talk.take(audio_delta("r", 1.0))
    talk.take(event("response.done", response={"id": "r", "status": status, "status_details": details, **number}))
    assert len(player.failures) == 1
    assert player.lost == ([("r" if begun else None)] if lost else [])
    assert player.lost_requests == ([key] if lost else [])
    # What is not lost is over, of whatever came; what is lost ends if it had begun.
    assert [(said.request, said.done) for said in player.responses.values()] == [(key, True)] * (begun or not lost)


async def test_what_nobody_wants_any_more_is_not_lost(connected: openai.Realtime, player: Player) -> None:
    talk = dialogue(connected)
    talk.take(event("response.created", response={"id": "r"}))
    talk.take(audio_delta("r", 1.0))
    player.interrupt()
    talk.take(event("response.done", response={"id": "r", "status": "failed"}))
    assert player.lost == []


async def test_a_text_that_the_service_refuses_is_lost_and_the_next_is_asked(
    service: StandIn, connected: openai.Realtime, player: Player
) -> None:
    talk = dialogue(connected)
    service.will_say("Two.")
    talk._queue.add(connected.epoch, "one", 7)
    talk._queue.next(connected.epoch, talk._now())  # As if it was sent.
    talk._queue.add(connected.epoch, "two", 8)
    error = {"type": "invalid_request_error", "code": "invalid_value", "message": "No.", "event_id": "ask_1"}
    talk.take(event("error", error=error))
    assert (player.lost, player.lost_requests) == ([None], [7])
    await answered(player)
    assert (player.last.request, player.last.text) == (8, "Two.")


@pytest.mark.parametrize("key", [7, None])
async def test_a_response_that_breaks_before_it_began_is_asked_for_again_or_lost_with_its_key(
    connected: openai.Realtime, player: Player, key: int | None
) -> None:
    talk = dialogue(connected)
    talk.ask(connected.epoch, "Hello?", key)
    talk.take(event("response.created", response={"id": "r", "metadata": {"ask": "1"}}))
    talk.end()
    assert (player.lost, talk.unanswered) == ([], ["Hello?"])
    talk.forget_texts()
    assert (player.lost, player.lost_requests, talk.unanswered) == ([None], [key], [])


async def test_a_new_session_knows_what_was_said_and_heard(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    model.conversation.user_said("Before.")
    await model.connect("Be brief.")
    service.will_say("one two three four", "five six")
    model.conversation.user_said("Count.")
    await model.send_text("Count.")
    await answered(player)
    player.interrupt()
    service.will_hear("go on")
    service.will_say("five six")
    await speak(model, ANNA, 0.3, 1.0)
    await answered(player, 2)
    await until(lambda: player.of("final"), "the words")
    await service.disconnect()
    await until(lambda: len(service.sessions) == 2, "a new session")
    await until(lambda: len(service.session.conversation.items) == 5, "the history")
    told = [(i["role"], i["content"][0]["text"]) for i in service.session.conversation.items.values()]
    assert [role for role, _ in told] == ["user", "user", "assistant", "user", "assistant"]
    assert told[0][1] == "Before."
    assert told[2][1].startswith("one two t")
    assert "interrupted" in told[2][1]
    assert [text for _, text in told[3:]] == ["go on", "five six"]
    assert service.session.config["instructions"] == "Be brief."
    assert not player.failures


async def test_what_was_asked_in_a_session_that_broke_is_answered_in_the_next(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    await model.connect("")
    await service.disconnect()
    service.will_say("here I am")
    await model.send_text(
        "Are you there?"
    )  # Either the old session takes it to its grave, or it waits for the new one.
    await answered(player)
    assert player.said == ["here I am"]


async def test_an_error_of_the_service_does_not_end_the_conversation(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    await model.connect("")
    session: Any = model._session
    session.send({"type": "conversation.item.delete", "item_id": "nothing"})
    await until(lambda: player.failures, "the report")
    assert "not found" in str(player.failures[0])
    service.will_say("still here")
    await model.send_text("Hello?")
    await answered(player)
    assert player.last.text == "still here"


ITEM = {"id": "item_1", "type": "message", "role": "assistant", "content": []}


def event(kind: str, **fields: Any) -> Any:
    """An event as the SDK gives it."""
    return SERVER_EVENTS[kind].model_validate({"type": kind, "event_id": "e", **fields})


def audio_delta(response: str, seconds: float) -> Any:
    data = base64.b64encode(tone(seconds, RATE).to_bytes()).decode()
    here = {"response_id": response, "item_id": "item_1", "content_index": 0, "output_index": 0}
    return event("response.output_audio.delta", delta=data, **here)


async def test_settings_that_make_no_sense_end_nothing(
    service: StandIn, model: openai.Realtime, player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    def configure(*_: object) -> None:
        raise TypeError("that is no detection")

    monkeypatch.setitem(_HANDLERS, "session.updated", configure)
    await model.connect("")
    service.will_say("Yes, of course.")
    await model.send_text("Say something.")
    await answered(player)
    (failure,) = player.failures
    assert "that is no detection" in str(failure)


async def test_an_answer_of_which_nothing_comes_is_lost_or_over_for_who_asked(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    await model.connect("")
    service.will_say("", "")
    await model.send_text("Say something.", 6)
    await until(lambda: player.lost_requests == [6], "the report that it is not answered")
    model.may_be_silent = True
    await model.send_text("Say nothing.", 7)
    await until(lambda: player.responses and player.last.done, "the end")
    assert (player.last.request, player.last.text) == (7, "")
    # To speech it is none: a noise is no question.
    service.will_hear("")
    service.will_say("", "Yes, of course.")
    await speak(model, ANNA, 0.6, 1.0)
    await until(lambda: len(service.session.generations) == 3 and service.session.running is None, "the empty answer")
    await model.send_text("Say something.")
    await answered(player, 2)
    assert player.said[-1] == "Yes, of course."
