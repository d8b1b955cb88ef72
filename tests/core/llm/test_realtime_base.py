"""The base class of realtime models: epochs, what was heard, functions."""

import asyncio

import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import ToolCall
from vision_agents.core.llm import Heard, ToolEndedEvent, ToolStartedEvent
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
    model.cut_off(Heard("a", 1.0, "one"), Heard("b", 0.0, ""))
    model.cancel()
    model.cut_off(Heard("c", 2.0, "two"))
    model.cancel()
    await asyncio.sleep(0)
    await model.interrupt()
    assert [heard.response for heard in model.stopped] == ["a", "b", "c"]


async def test_the_record_has_the_users_words_and_what_was_heard() -> None:
    model = ScriptedRealtime()
    model.report_response_started("a")
    model.report_response_text("a", "one two three")
    model.report_words(ANNA, "sto", final=False)
    model.report_words(ANNA, "stop", final=True)
    model.cut_off(Heard("a", 1.0, "one"))
    assert [(m.text, m.interrupted, m.participant) for m in model.record.messages] == [
        ("one", True, None),
        ("stop", False, "anna"),
    ]


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
