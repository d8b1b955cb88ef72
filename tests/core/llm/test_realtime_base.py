"""The base class of realtime models: epochs, what was heard, functions."""

import asyncio

import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Message, Role, ToolCall
from vision_agents.core.llm import PlayedResponse, ToolEndedEvent, ToolStartedEvent
from vision_agents.core.participants import Participant
from vision_agents.testing.contract import Player
from vision_agents.testing.realtime import ScriptedRealtime

pytestmark = pytest.mark.virtual_time

ANNA = Participant("anna")
SOUND = PcmData.silence(0.1, 24_000)


async def test_a_response_asked_for_before_an_interruption_is_stale_from_its_birth() -> None:
    model = ScriptedRealtime()
    player = Player(model)
    model.interrupt()
    model.report_response_started("late", asked_in=0)
    model.report_audio("late", SOUND)
    model.report_response_text("late", "words")
    assert model.stale("late")
    model.report_response_started("own")
    model.report_audio("own", SOUND)
    assert not model.stale("own")
    assert list(player.responses) == ["own"]
    assert not player.faults


async def test_every_cancellation_is_told_once_what_was_heard() -> None:
    model = ScriptedRealtime()
    model.cut_off(PlayedResponse("a", 1.0, "one"), PlayedResponse("b", 0.0, ""))
    model.cancel()
    model.cut_off(PlayedResponse("c", 2.0, "two"))
    model.cancel()
    await asyncio.sleep(0)
    await model.interrupt()
    assert [heard.response for heard in model.stopped] == ["a", "b", "c"]


async def test_a_new_connection_is_told_what_was_said_and_heard() -> None:
    model = ScriptedRealtime()
    history = model.conversation
    history.user_said("Weather?", "anna")
    history.add(Message(Role.ASSISTANT, "", tool_calls=(ToolCall("1", "weather"),)))
    history.add(Message(Role.TOOL, "rain", tool_call_id="1"))
    history.add(Message(Role.ASSISTANT, "It", interrupted=True, unheard="rains."))
    late = history.place()
    history.add(Message(Role.ASSISTANT, "As I", unheard="said, rain.", playing=True))
    history.user_said("What?", "anna", late)
    assert [(m.text, m.interrupted, m.participant) for m in model.history] == [
        ("Weather?", False, "anna"),
        ("It", True, None),
        ("What?", False, "anna"),
        ("As I said, rain.", False, None),
    ]
    assert not any(message.tool_calls for message in model.history)


async def test_of_a_long_conversation_a_new_connection_is_told_the_latest() -> None:
    model = ScriptedRealtime()
    model.history_tokens = 100
    for number in range(100):
        model.conversation.user_said(str(number))
    told = [message.text for message in model.history]
    assert 10 < len(told) < 30
    assert told == [str(number) for number in range(100 - len(told), 100)]


async def test_the_place_of_words_is_told_with_them() -> None:
    model = ScriptedRealtime()
    player = Player(model)
    place = model.conversation.place()
    model.report_response_started("a")
    model.report_response_text("a", "It is noon.")
    model.report_words(ANNA, "the ti", final=False, place=place)
    model.report_words(ANNA, "the time?", final=True, place=place)
    assert [message.text for message in model.history] == ["the time?", "It is noon."]
    assert player.final_words(ANNA) == ["the time?"]


async def test_functions_report_their_beginning_and_their_end() -> None:
    model = ScriptedRealtime()
    events: list[ToolStartedEvent | ToolEndedEvent] = []

    @model.events.subscribe
    async def note(event: ToolStartedEvent | ToolEndedEvent) -> None:
        events.append(event)

    @model.register_function()
    def weather(city: str) -> dict[str, str]:
        """The weather in a city."""
        return {"sky": f"rain in {city}"}

    assert await model.call_function(ToolCall("1", "weather", {"city": "Ulm"}), epoch=3) == '{"sky": "rain in Ulm"}'
    assert "no function" in await model.call_function(ToolCall("2", "nothing"), epoch=3)
    await model.events.close()
    assert [(type(event), event.epoch) for event in events] == [(ToolStartedEvent, 3), (ToolEndedEvent, 3)] * 2
    assert isinstance(events[-1], ToolEndedEvent)
    assert events[-1].error
