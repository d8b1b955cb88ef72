"""The text models of OpenAI's plugin against a server that others wrote: `@copilotkit/aimock`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from vision_agents.core.conversation import Message, Role
from vision_agents.core.llm import LLM, LLMRequest
from vision_agents.plugins import openai
from vision_agents.testing.contract import Consumer, lifetime
from vision_agents.testing.contract.provider import Provider

from .install import npm_package, running

PACKAGE, VERSION = "@copilotkit/aimock", "1.43.0"

COUNTING = " ".join(["one two three four five six seven eight nine ten"] * 8)

FIXTURES = [
    {"match": {"userMessage": "say hello"}, "response": {"content": "Hello there."}},
    # A hundred pieces, 50 ms each: it does not end before it is interrupted.
    {"match": {"userMessage": "count"}, "response": {"content": COUNTING}, "latency": 50, "chunkSize": 4},
    {
        "match": {"userMessage": "weather", "hasToolResult": False},
        "response": {"toolCalls": [{"name": "weather", "arguments": {"city": "Paris"}}]},
    },
    {"match": {"userMessage": "weather", "hasToolResult": True}, "response": {"content": "It rains in Paris."}},
    {
        "match": {"userMessage": "too much"},
        "response": {
            "error": {"message": "Slow down.", "type": "rate_limit_error", "code": "rate_limit_exceeded"},
            "status": 429,
        },
    },
    {
        "match": {"userMessage": "break"},
        "response": {"content": COUNTING},
        "latency": 50,
        "chunkSize": 4,
        "truncateAfterChunks": 6,
    },
]


def responses(url: str) -> LLM:
    return openai.LLM(api_key="mock", base_url=f"{url}/v1", max_retries=0)


def completions(url: str) -> LLM:
    return openai.ChatCompletionsLLM("gpt-5.4", api_key="mock", base_url=f"{url}/v1", max_retries=0)


@pytest_asyncio.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    folder = await npm_package(PACKAGE, VERSION)
    fixtures = tmp_path / "fixtures.json"
    fixtures.write_text(json.dumps({"fixtures": FIXTURES}))
    # Strict: what it does not know is refused, not made up.
    server = str(folder / "dist" / "cli.js")
    async with running("node", server, "--port", "0", "--fixtures", str(fixtures), "--strict") as url:
        yield url


@pytest_asyncio.fixture(params=[responses, completions])
async def llm(url: str, request: pytest.FixtureRequest) -> AsyncIterator[LLM]:
    async with lifetime(request.param(url), Provider()) as llm:
        yield llm


def ask(llm: LLM, text: str) -> Consumer[str]:
    return Consumer(llm.respond(LLMRequest("Be brief.", (Message(Role.USER, text),))))


async def journal(url: str) -> list[dict[str, object]]:
    """The requests that the server has seen."""
    async with aiohttp.ClientSession() as http, http.get(f"{url}/__aimock/journal") as answer:
        seen: list[dict[str, object]] = await answer.json()
        return seen


async def test_an_answer_streams(llm: LLM) -> None:
    pieces = await ask(llm, "say hello").end()
    assert "".join(pieces) == "Hello there."


async def test_a_function_is_called_and_its_result_answered(llm: LLM, url: str) -> None:
    cities: list[str] = []

    @llm.register_function()
    async def weather(city: str) -> str:
        """The weather of a city."""
        cities.append(city)
        return "rain"

    assert "".join(await ask(llm, "weather").end()) == "It rains in Paris."
    assert cities == ["Paris"]
    assert len(await journal(url)) == 2


async def test_an_interruption_ends_the_stream_and_the_next_request_is_answered(llm: LLM, url: str) -> None:
    counting = ask(llm, "count")
    heard = list(await counting.some(2))
    llm.interrupt()
    assert await counting.end() == heard
    assert "".join(await ask(llm, "say hello").end()) == "Hello there."
    assert len(await journal(url)) == 2


async def test_many_interruptions_leave_nothing_behind(llm: LLM) -> None:
    for number in range(30):
        counting = ask(llm, "count")
        await counting.some(number % 2)
        llm.interrupt()
        await counting.leave()
    assert "".join(await ask(llm, "say hello").end()) == "Hello there."


async def test_an_error_says_what_to_do(llm: LLM) -> None:
    with pytest.raises(openai.OpenAIError, match=r"Slow down.*slow down, or ask for a higher limit") as raised:
        await ask(llm, "too much").end()
    assert raised.value.code == "rate_limit_exceeded"


async def test_an_answer_that_breaks_off_is_an_error(llm: LLM) -> None:
    broken = ask(llm, "break")
    assert await broken.failed()
    assert COUNTING.startswith("".join(broken.pieces))
