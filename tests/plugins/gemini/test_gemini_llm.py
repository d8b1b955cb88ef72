"""Text models against the service: what is sent, what is told of its errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from google.genai import types

from vision_agents.core.conversation import Message, Role, ToolCall, spoken_text
from vision_agents.core.llm import LLMRequest
from vision_agents.plugins import gemini
from vision_agents.testing.contract import LLMContract

from ...standins.gemini.server import KEY
from ...standins.gemini.text import SIGNATURE, TextStandIn


class TestContract(LLMContract):
    @pytest_asyncio.fixture
    async def provider(self) -> AsyncIterator[TextStandIn]:
        cannot = {"send_late": "the client closes the stream, and nothing more can come on it"}
        async with TextStandIn(cannot=cannot) as service:
            yield service

    def make(self, provider: TextStandIn) -> gemini.LLM:
        return gemini.LLM(api_key=KEY, http_options=provider.http_options)


@pytest_asyncio.fixture
async def service() -> AsyncIterator[TextStandIn]:
    async with TextStandIn() as service:
        yield service


def made(service: TextStandIn, *arguments: Any, **options: Any) -> gemini.LLM:
    return gemini.LLM(*arguments, **{"api_key": KEY, "http_options": service.http_options} | options)


async def ask(llm: gemini.LLM, *messages: Message, instructions: str = "Be brief.") -> str:
    request = LLMRequest(instructions, messages or (Message(Role.USER, "Say something."),))
    return "".join([piece async for piece in llm.respond(request)])


async def test_only_what_was_chosen_is_sent(service: TextStandIn) -> None:
    service.will_say("One.", "Two.")
    assert await ask(made(service, "gemini-flash-latest"), instructions="") == "One."
    await ask(made(service, temperature=0.2, max_output_tokens=99, thinking_budget=0, config={"top_p": 0.5}))
    plain, chosen = service.bodies
    assert (set(plain), plain["generationConfig"]) == ({"contents", "generationConfig"}, {})
    assert chosen["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    generation = chosen["generationConfig"]
    assert (generation["temperature"], generation["maxOutputTokens"], generation["topP"]) == (0.2, 99, 0.5)
    assert generation["thinkingConfig"] == {"thinkingBudget": 0}


async def test_thoughts_are_not_spoken(service: TextStandIn) -> None:
    service.thinks = "The user wants to hear something."
    service.will_say("Hello there.")
    assert await ask(made(service)) == "Hello there."


async def test_calls_go_back_with_their_signatures_and_outputs(service: TextStandIn) -> None:
    llm = made(service)

    @llm.register_function()
    async def weather(city: str) -> str:
        """The weather in a city."""
        return f"rain in {city}"

    service.will_say(ToolCall("ignored", "weather", {"city": "Ulm"}), "It rains.")
    assert await ask(llm) == "It rains."
    asked, answered = service.bodies
    (declared,) = asked["tools"][0]["functionDeclarations"]
    assert (declared["name"], declared["parametersJsonSchema"]["required"]) == ("weather", ["city"])
    call, output = (turn["parts"][0] for turn in answered["contents"][1:])
    assert (call["functionCall"]["name"], call["thoughtSignature"]) == ("weather", SIGNATURE)
    assert output["functionResponse"]["response"] == {"output": "rain in Ulm"}
    assert output["functionResponse"]["id"] == call["functionCall"]["id"]


async def test_the_model_is_told_where_it_was_cut_off(service: TextStandIn) -> None:
    cut = Message(Role.ASSISTANT, "One two", interrupted=True, unheard="three four")
    await ask(made(service), Message(Role.USER, "Count."), cut, Message(Role.USER, "What did you say?"))
    (told,) = [turn["parts"][0]["text"] for turn in service.bodies[0]["contents"] if turn["role"] == "model"]
    assert told == spoken_text(cut)
    assert "three" not in told


async def test_an_answer_that_ends_before_its_end_is_no_answer(service: TextStandIn) -> None:
    service.breaks_off = True
    with pytest.raises(gemini.GeminiError, match="breaks off"):
        await ask(made(service))


@pytest.mark.parametrize(
    ("arguments", "options", "code", "advice"),
    [
        ((), {"api_key": "wrong"}, "invalid_api_key", "GEMINI_API_KEY"),
        (("gemini-0",), {}, "model", "model's name"),
    ],
)
async def test_errors_say_what_to_do(
    service: TextStandIn, arguments: tuple[str, ...], options: dict[str, str], code: str, advice: str
) -> None:
    with pytest.raises(gemini.GeminiError, match=advice) as raised:
        await ask(made(service, *arguments, **options))
    assert raised.value.code == code


async def test_no_server_is_told_at_once() -> None:
    llm = gemini.LLM(api_key=KEY, http_options=types.HttpOptions(base_url="https://localhost:9"))
    with pytest.raises(gemini.GeminiError, match="Gemini"):
        await ask(llm)


def test_parameters_that_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="not both"):
        gemini.LLM(client=object(), api_key="key")  # type: ignore[arg-type]
