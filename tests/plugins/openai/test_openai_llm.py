"""The text models: what they send, and how they say what is wrong."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from vision_agents.core import llm as base
from vision_agents.core.conversation import CUT, Message, Role, ToolCall, spoken_text
from vision_agents.plugins import openai
from vision_agents.plugins.openai.phases import Phases
from vision_agents.testing.contract import until

from ...standins.openai.server import KEY, StandIn

Make = Callable[..., base.LLM]
MAKERS = pytest.mark.parametrize(
    "make",
    [
        lambda **options: openai.LLM(**{"model": "gpt-5.4", "max_retries": 0, **options}),
        lambda **options: openai.ChatCompletionsLLM(**{"model": "gpt-5.4", "max_retries": 0, **options}),
    ],
    ids=["LLM", "ChatCompletionsLLM"],
)


REQUEST = base.LLMRequest("Be brief.", (Message(Role.USER, "Hello."),))


async def ask(llm: base.LLM, *messages: Message) -> str:
    try:
        request = base.LLMRequest("Be brief.", messages or (Message(Role.USER, "Hello."),))
        return "".join([piece async for piece in llm.respond(request)])
    finally:
        await llm.close()


@MAKERS
async def test_key_and_address_come_from_the_environment(service: StandIn, make: Make) -> None:
    service.will_say("One two.")
    assert await ask(make()) == "One two."
    assert service.bodies[0]["model"] == "gpt-5.4"


def test_without_a_key_it_says_which_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    for make in (openai.LLM, openai.Realtime, lambda: openai.ChatCompletionsLLM("gpt-5.4")):
        with pytest.raises(ValueError, match="OPENAI_API_KEY"):
            make()


def test_a_server_of_ones_own_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    openai.ChatCompletionsLLM("qwen3", base_url="http://127.0.0.1:11434/v1")


@MAKERS
@pytest.mark.parametrize(
    ("options", "code", "advice"),
    [
        ({"api_key": "wrong"}, "invalid_api_key", "OPENAI_API_KEY"),
        ({"model": "gpt-0"}, "model_not_found", "model's name"),
    ],
)
async def test_errors_say_what_to_do(
    service: StandIn, make: Make, options: dict[str, str], code: str, advice: str
) -> None:
    with pytest.raises(openai.OpenAIError, match=advice) as raised:
        await ask(make(**options))
    assert raised.value.code == code


@MAKERS
async def test_no_credit_and_no_server_are_told_apart(service: StandIn, make: Make) -> None:
    await service.fail("quota")
    with pytest.raises(openai.OpenAIError, match="billing") as raised:
        await ask(make())
    assert raised.value.code == "insufficient_quota"
    with pytest.raises(openai.OpenAIError, match="the connection failed"):
        await ask(make(base_url="http://127.0.0.1:9/v1"))


async def test_an_answer_that_fails_in_the_middle(service: StandIn) -> None:
    service.fails_midway = True
    with pytest.raises(openai.OpenAIError, match="The model gave up") as raised:
        await ask(openai.LLM())
    assert raised.value.code == "server_error"


@MAKERS
async def test_an_answer_that_ends_before_its_end_is_no_answer(service: StandIn, make: Make) -> None:
    llm = make()
    service.will_say("One two three.")
    assert [piece async for piece in llm.respond(REQUEST)] == ["One", " two", " three."]
    service.breaks_off = True
    with pytest.raises(openai.OpenAIError, match="breaks off"):
        await ask(llm)


@MAKERS
async def test_what_came_before_the_connection_was_lost_is_kept(service: StandIn, make: Make) -> None:
    llm, came = make(), []
    service.will_say("One two three four.")
    await service.stall(after=2)

    async def read() -> None:
        async for piece in llm.respond(REQUEST):
            came.append(piece)
            if len(came) == 2:
                await service.disconnect()

    with pytest.raises(openai.OpenAIError, match="connection"):
        await read()
    assert came == ["One", " two"]
    await llm.close()


async def test_a_server_that_tells_no_reason_for_the_end_is_believed(service: StandIn) -> None:
    service.tells_no_reason = service.sends_parts = True
    llm, cities = openai.ChatCompletionsLLM("gpt-5.4"), []

    @llm.register_function()
    async def weather(city: str) -> str:
        """The weather in a city."""
        cities.append(city)
        return "rain"

    service.will_say(ToolCall("call_7", "weather", {"city": "Ulm"}), "It rains in Ulm.")
    assert await ask(llm) == "It rains in Ulm."
    assert cities == ["Ulm"]


def chunk(delta: Any, reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def calls(*pieces: dict[str, Any]) -> dict[str, Any]:
    return chunk({"tool_calls": list(pieces)})


def call(arguments: Any, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "look", "arguments": arguments}, **more}


SAID = chunk({"content": "Hi."})


@pytest.mark.parametrize(
    ("chunks", "said"),
    [
        ([SAID, {"id": "x", "choices": None, "usage": {"prompt_tokens": 1, "completion_tokens": 2}}], ["Hi."]),
        ([SAID, {"id": "x", "usage": "some"}], ["Hi."]),
        ([SAID, chunk(None, "stop")], ["Hi."]),
        ([SAID, None, [], chunk({"tool_calls": {"index": 0}}, "stop")], ["Hi."]),
        ([chunk({"content": {"type": "text", "text": "Hi."}}, "stop")], ["Hi."]),
        ([calls(call({"n": 1}, id="a", index=0)), chunk({}, "tool_calls")], [("a", {"n": 1})]),
        ([calls(call('{"n": 1}', id="a"), call("{}", id="b")), chunk({}, "stop")], [("a", {"n": 1}), ("b", {})]),
        ([calls(call("{}", id="a", index=0)), calls(call("{}", id="b", index=0))], [("a", {}), ("b", {})]),
    ],
    ids=["no choices", "odd usage", "no delta", "no chunks", "a part", "read arguments", "no index", "one index"],
)
async def test_what_other_servers_send_is_read_for_what_it_has(chunks: list[Any], said: list[Any]) -> None:
    body = "".join(f"data: {json.dumps(each)}\n\n" for each in chunks) + "data: [DONE]\n\n"

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=body, content_type="text/event-stream")

    application = web.Application()
    application.router.add_post("/v1/chat/completions", answer)
    async with TestServer(application) as server:
        llm = openai.ChatCompletionsLLM("gpt-5.4", base_url=str(server.make_url("/v1")), max_retries=0)
        got = [piece async for piece in llm.stream(REQUEST)]
        await llm.close()
    assert [each if isinstance(each, str) else (each.id, each.arguments) for each in got] == said


async def test_half_a_call_is_not_made(service: StandIn) -> None:
    service.breaks_off = True
    llm, cities = openai.ChatCompletionsLLM("gpt-5.4"), []

    @llm.register_function()
    async def weather(city: str) -> str:
        """The weather in a city."""
        cities.append(city)
        return "rain"

    service.will_say(ToolCall("call_7", "weather", {"city": "Ulm"}))
    with pytest.raises(openai.OpenAIError, match="breaks off"):
        await ask(llm)
    assert not cities


async def test_half_a_call_that_was_stopped_is_no_error(service: StandIn) -> None:
    service.tells_no_reason = True
    llm = openai.ChatCompletionsLLM("gpt-5.4")
    service.will_say(ToolCall("call_7", "weather", {"city": "Ulm"}))
    await service.stall(after=1)
    asking = asyncio.create_task(ask(llm))
    await until(lambda: service.active, "the request")
    await llm.interrupt()
    assert await asking == ""


async def test_content_that_is_a_list_of_parts_is_read_for_its_text(service: StandIn) -> None:
    service.sends_parts = True
    service.will_say("One two three.")
    assert await ask(openai.ChatCompletionsLLM("gpt-5.4")) == "One two three."


@MAKERS
async def test_a_request_that_failed_before_its_first_byte_is_repeated(service: StandIn, make: Make) -> None:
    await service.fail("error")
    service.will_say("Second try.")
    assert await ask(make(max_retries=1)) == "Second try."


@MAKERS
async def test_the_model_is_told_where_it_was_cut_off(service: StandIn, make: Make) -> None:
    cut = Message(Role.ASSISTANT, "One two", interrupted=True, unheard="three four")
    await ask(make(), Message(Role.USER, "Count."), cut, Message(Role.USER, "What did you say?"))
    sent = service.bodies[0].get("input") or service.bodies[0]["messages"]
    told = next(item["content"] for item in sent if item["role"] == "assistant")
    assert told == spoken_text(cut)
    assert told.startswith("One two")
    assert "three" not in told


async def test_only_what_was_chosen_is_sent_and_nothing_is_stored(service: StandIn) -> None:
    await ask(openai.LLM())
    await ask(openai.LLM(temperature=0.2, max_output_tokens=99, reasoning_effort="low"))
    plain, chosen = service.bodies
    assert plain["store"] is False
    assert not {"temperature", "max_output_tokens", "reasoning", "tools"} & plain.keys()
    assert (chosen["temperature"], chosen["max_output_tokens"], chosen["reasoning"]) == (0.2, 99, {"effort": "low"})


async def test_further_fields_for_other_servers(service: StandIn) -> None:
    await ask(openai.ChatCompletionsLLM("gpt-5.4", max_tokens=50, extra_body={"top_logprobs": 2}))
    assert (service.bodies[0]["max_tokens"], service.bodies[0]["top_logprobs"]) == (50, 2)


@MAKERS
async def test_a_function_that_fails_is_told_to_the_model(service: StandIn, make: Make) -> None:
    llm = make()

    @llm.register_function()
    async def weather(city: str, unit: str = "C") -> str:
        """The weather in a city."""
        raise LookupError(f"no station in {city}")

    service.will_say(ToolCall("call_7", "weather", {"city": "Ulm"}), "I do not know.")
    assert await ask(llm) == "I do not know."
    asked, answered = service.bodies
    assert "no station in Ulm" in str(answered)
    tool = asked["tools"][0].get("function", asked["tools"][0])
    assert (tool["name"], tool["parameters"]["required"]) == ("weather", ["city"])


@MAKERS
async def test_half_a_character_in_the_history_fails_no_request(service: StandIn, make: Make) -> None:
    service.will_say("One two.")
    assert await ask(make(), Message(Role.USER, "so \ud83d")) == "One two."


async def test_a_client_of_ones_own_is_not_closed(service: StandIn) -> None:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(api_key=KEY, base_url=service.url) as client:
        await ask(openai.LLM(client=client))
        assert not client.is_closed()


@pytest.mark.parametrize("missing", ["openai", "websockets"])
def test_without_the_sdk_it_says_which_extra(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None\nimport vision_agents.plugins.openai"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=False)
    assert 'pip install "interruptible-agents[openai]"' in result.stderr
    assert "ImportError" in result.stderr


def test_nobody_else_imports_the_sdk() -> None:
    code = "import sys, vision_agents.core, vision_agents.testing.parts; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=180, check=False).returncode == 0


async def test_what_a_message_was_for_is_told_with_it_later(service: StandIn) -> None:
    llm = openai.LLM()

    @llm.register_function()
    async def weather(city: str) -> str:
        """The weather in a city."""
        return "rain"

    service.says_before_calls = "Let me see."
    service.will_say(ToolCall("call_7", "weather", {"city": "Ulm"}), "It rains in Ulm today.")
    assert "".join([piece async for piece in llm.respond(REQUEST)]) == "Let me see.\nIt rains in Ulm today."
    cut = Message(Role.ASSISTANT, "It rains in", interrupted=True, unheard="Ulm today.")
    old = Message(Role.ASSISTANT, "Something of another model.")
    await ask(llm, old, Message(Role.ASSISTANT, "Let me see."), cut, Message(Role.USER, "And then?"))
    told = [[item.get("phase") for item in body["input"] if item.get("role") == "assistant"] for body in service.bodies]
    assert told == [[], ["commentary"], [None, "commentary", "final_answer"]]


async def test_of_several_messages_in_one_response_each_keeps_its_phase(service: StandIn) -> None:
    llm = openai.LLM()
    service.thinks_aloud = "**Let me** see."
    service.will_say("It rains in Ulm.", "Yes.")
    assert "".join([piece async for piece in llm.respond(REQUEST)]) == "**Let me** see.\nIt rains in Ulm."
    service.thinks_aloud = ""
    await ask(llm, Message(Role.ASSISTANT, "Let me see. It rains", interrupted=True), Message(Role.USER, "And then?"))
    told = [(item["content"], item.get("phase")) for item in service.bodies[-1]["input"][:-1]]
    assert told == [("Let me see.", "commentary"), (f"It rains{CUT}", "final_answer")]


async def test_a_message_that_was_stopped_while_it_was_written_keeps_its_phase(service: StandIn) -> None:
    llm = openai.LLM()
    service.will_say("It rains in Ulm.", "Yes.")
    answer = llm.respond(REQUEST)
    assert await anext(answer) == "It"
    await answer.aclose()
    await ask(llm, Message(Role.ASSISTANT, "It", interrupted=True), Message(Role.USER, "And then?"))
    assert [item.get("phase") for item in service.bodies[-1]["input"]] == ["final_answer", None]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One, two.", [("One, two.", "commentary")]),
        ("one two three", [("one two", "commentary"), ("three", "final_answer")]),
        ("One two — three", [("One two —", "commentary"), ("three", "final_answer")]),
        ("One two three five", [("One two three five", None)]),
        ("Nobody wrote this.", [("Nobody wrote this.", None)]),
        ("…", [("…", None)]),
        ("", [("", None)]),
        ("four  FOUR", [("four", "final_answer"), ("FOUR", "final_answer")]),
    ],
)
def test_a_text_of_the_history_is_known_by_its_words(text: str, parts: list[tuple[str, str | None]]) -> None:
    phases = Phases()
    phases.add("**One** two.", "commentary")
    phases.add("Three four.", "final_answer")
    phases.add("Four.", "final_answer")
    phases.add("", "final_answer")
    phases.add("Five.", None)
    assert phases.divide(text) == parts


def test_the_history_is_bounded_by_the_models_context() -> None:
    tokens = {
        model: openai.ChatCompletionsLLM(model, base_url="http://127.0.0.1:9/v1").history_tokens
        for model in (
            "gpt-4",
            "gpt-4o-mini",
            "gpt-5.4-mini",
            "openai/gpt-5.3-chat-latest",
            "ft:gpt-4o:acme",
            "qwen3:8b",
        )
    }
    assert list(tokens.values()) == [6_144, 96_000, 128_000, 96_000, 96_000, 16_000]
    assert openai.LLM("gpt-4.1", api_key="a key of mine").history_tokens == 128_000
