"""Tokens are counted as the service tells them, by every kind of model."""

from __future__ import annotations

import pytest

from vision_agents.core.conversation import Message, Role, ToolCall
from vision_agents.core.llm import LLM, LLMRequest, TokenUsageEvent
from vision_agents.core.usage import TokenUsage
from vision_agents.plugins import openai
from vision_agents.testing.contract import Player, until

from ...standins.openai.server import StandIn
from ..realtime.kit import speak

REQUEST = LLMRequest("Be brief.", (Message(Role.USER, "Hello."),))


async def used(llm: LLM) -> list[TokenUsageEvent]:
    events: list[TokenUsageEvent] = []

    @llm.events.subscribe
    async def note(event: TokenUsageEvent) -> None:
        events.append(event)

    async for _ in llm.respond(REQUEST):
        pass
    await llm.events.drain()
    await llm.close()
    return events


async def test_responses_tell_their_tokens(service: StandIn) -> None:
    [event] = await used(openai.LLM())
    assert event.usage == TokenUsage("openai", "gpt-5.4", 10, 4, cached_tokens=2, reasoning_tokens=1)
    assert event.usage.total_tokens == 14


async def test_each_request_of_an_answer_is_counted(service: StandIn) -> None:
    llm = openai.LLM()

    @llm.register_function()
    async def weather(city: str) -> str:
        """The weather in a city."""
        return "rain"

    service.will_say(ToolCall("call_7", "weather", {"city": "Ulm"}), "It rains.")
    assert len(await used(llm)) == 2


async def test_chat_completions_are_asked_for_their_tokens(service: StandIn) -> None:
    [event] = await used(openai.ChatCompletionsLLM("gpt-5.4"))
    assert event.usage == TokenUsage("openai", "gpt-5.4", 10, 4, cached_tokens=2)


async def test_a_server_that_refuses_to_be_asked_is_not_asked_again(service: StandIn) -> None:
    service.tells_no_usage = True
    llm = openai.ChatCompletionsLLM("gpt-5.4")
    service.will_say("One two.", "Three.")
    for text in ("One two.", "Three."):
        assert "".join([piece async for piece in llm.respond(REQUEST)]) == text
    assert len(service.refused) == 1
    assert await used(llm) == []


async def test_a_realtime_session_tells_those_of_its_two_models(
    service: StandIn, model: openai.Realtime, player: Player
) -> None:
    usages: list[TokenUsage] = []

    @model.events.subscribe
    async def note(event: TokenUsageEvent) -> None:
        usages.append(event.usage)

    service.will_hear("how are you")
    service.will_say("I am well.")
    await model.connect("")
    await speak(model)
    await until(lambda: len(usages) == 2, "the tokens")
    by_model = {usage.model: usage for usage in usages}
    assert by_model["gpt-realtime-2.1"] == TokenUsage(
        "openai", "gpt-realtime-2.1", 10, 3, cached_tokens=2, input_audio_tokens=6, output_audio_tokens=3
    )
    name = "gpt-4o-mini-transcribe"
    assert by_model[name] == TokenUsage("openai", name, 10, 3, input_audio_tokens=10, operation="transcription")


@pytest.mark.parametrize("repeats", [False, True])
async def test_words_that_come_three_times_are_said_once(
    service: StandIn, model: openai.Realtime, player: Player, repeats: bool
) -> None:
    service.repeats_transcripts = repeats
    service.will_hear("how are you")
    await model.connect("")
    await speak(model)
    await until(lambda: player.of("final") and player.responses and player.last.done, "the words and the answer")
    # What the service said before it answers this has all come.
    await model.send_text("And then?")
    await until(lambda: len(player.responses) == 2 and player.last.done, "the next answer")
    assert [fact[2] for fact in player.of("final")] == ["how are you"]
    assert [message.text for message in model.conversation if message.role is Role.USER] == ["how are you"]
