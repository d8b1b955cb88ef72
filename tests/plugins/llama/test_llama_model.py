"""With the real default model."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from vision_agents.core.conversation import Message, Role
from vision_agents.core.llm import LLMRequest
from vision_agents.core.models import ModelStore
from vision_agents.plugins import llama
from vision_agents.plugins.llama.engine import Engine, EngineOptions, Prompt
from vision_agents.plugins.llama.process import ModelProcess

pytestmark = pytest.mark.models

Json = dict[str, Any]
CONTEXT = 512
LONG = "Tell me a story about a boat on the sea. " * 30


@pytest.fixture(scope="module")
def model() -> Path:
    return ModelStore().files("smollm2-135m")["model"]


@pytest.fixture
async def engine(model: Path) -> AsyncIterator[Engine]:
    engine = Engine(EngineOptions(model, context=CONTEXT))
    await engine.start()
    yield engine
    await engine.close()


@pytest.fixture
async def running(model: Path) -> AsyncIterator[ModelProcess]:
    running = await ModelProcess.start({"model": str(model), "context": CONTEXT, "n_threads": 1, "n_gpu_layers": 0})
    yield running
    await running.stop()


class Traffic:
    """What the model's process sends, as it comes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[Json] = []
        self.came = asyncio.Event()
        take = ModelProcess._take

        def note(process: ModelProcess, message: Json) -> None:
            self.messages.append(message)
            self.came.set()
            take(process, message)

        monkeypatch.setattr(ModelProcess, "_take", note)

    async def until(self, kind: str, count: int) -> None:
        """Wait until `count` messages of this kind have come."""
        async with asyncio.timeout(60):
            while sum(kind in message for message in self.messages) < count:
                await self.came.wait()
                self.came.clear()


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Traffic:
    return Traffic(monkeypatch)


def user(text: str) -> Json:
    return {"role": "user", "content": text}


async def text_of(engine: Engine, *messages: Json, keep: int = 0, max_tokens: int = 16) -> str:
    pieces = engine.generate(Prompt(messages, keep=keep, max_tokens=max_tokens))
    return "".join([str(piece) async for piece in pieces])


async def test_it_knows_something_and_says_it_like_speech() -> None:
    llm = llama.LLM()
    await llm.start()
    await llm.warm("You're a helpful voice assistant.")
    asked = LLMRequest("You're a helpful voice assistant.", (Message(Role.USER, "What's the capital of France?"),))
    answer = "".join([piece async for piece in llm.respond(asked)])
    await llm.close()
    assert "Paris" in answer
    assert not set(answer) & set("*#\n")


async def test_a_greedy_model_says_the_same_twice_and_reads_the_prompt_once(engine: Engine) -> None:
    first = await text_of(engine, user("Why is the sky blue?"))
    assert engine.last is not None
    assert engine.last.cached_tokens == 0
    assert await text_of(engine, user("Why is the sky blue?")) == first
    assert engine.last.cached_tokens == engine.last.prompt_tokens - 1
    assert engine.last.reason == "length"


async def test_characters_of_several_tokens_come_whole(running: ModelProcess) -> None:
    body = {"messages": [user("say")], "grammar": 'root ::= "é漢字😀🎉 ok"'}
    request = {"keep": 0, "max_tokens": 60, "body": body}
    pieces = [message["text"] async for message in running.ask(request) if "text" in message]
    assert "".join(pieces) == "é漢字😀🎉 ok"
    assert "😀" in pieces


async def test_leaving_a_reply_stops_the_model(engine: Engine, traffic: Traffic) -> None:
    async with aclosing(engine.generate(Prompt([user("Count to one thousand.")], max_tokens=400))) as pieces:
        async for _ in pieces:
            if sum("text" in message for message in traffic.messages) >= 3:
                break
    written = sum("text" in message for message in traffic.messages)
    await engine.stopped()
    assert sum("text" in message for message in traffic.messages) <= written + 3
    assert traffic.messages[-1]["done"]["reason"] == "cancelled"


async def test_a_cancel_before_the_first_token_stops_the_reading_and_frees_the_model(
    engine: Engine, traffic: Traffic
) -> None:
    reply = asyncio.create_task(text_of(engine, user(LONG)))
    await traffic.until("progress", 2)
    engine.cancel()
    assert await reply == ""
    await engine.stopped()
    done = traffic.messages[-1]["done"]
    read = max(message["progress"] for message in traffic.messages if "progress" in message)
    assert done["reason"] == "cancelled"
    assert read < done["prompt_tokens"] / 2
    assert await text_of(engine, user("Hi!")) != ""
    assert await text_of(engine, user(LONG)) != ""
    assert engine.last is not None
    assert engine.last.cached_tokens < engine.last.prompt_tokens / 2  # it had indeed not read on behind our back


async def test_an_interruption_reaches_the_model(traffic: Traffic) -> None:
    llm = llama.LLM(examples=())
    reply = llm.respond(LLMRequest("", (Message(Role.USER, "Count to one thousand."),)))
    await anext(reply)
    confirmed = llm.interrupt()
    assert [piece async for piece in reply] == []
    await confirmed
    assert traffic.messages[-1]["done"]["reason"] == "cancelled"
    await llm.close()


async def test_a_long_talk_goes_on_without_its_oldest_turns(engine: Engine) -> None:
    system = {"role": "system", "content": "You are a friendly voice."}
    talk: list[Json] = []
    dropped = cached = 0
    for number in range(14):
        talk.append(user(f"Tell me about the number {number}. " + "I like all numbers that are not too large. " * 4))
        talk.append({"role": "assistant", "content": await text_of(engine, system, *talk, keep=1, max_tokens=6)})
        assert engine.last is not None
        assert engine.last.prompt_tokens + 6 <= CONTEXT
        if engine.last.dropped > dropped and dropped:
            cached += engine.last.cached_tokens > engine.last.prompt_tokens / 2
        dropped = engine.last.dropped
    assert dropped > 0
    assert cached > 0  # what is left is moved in the cache, not read again


async def test_a_message_that_cannot_fit_is_an_error_and_the_next_is_answered(engine: Engine) -> None:
    with pytest.raises(llama.LlamaError, match="raise `context`"):
        await text_of(engine, user("word " * 2000))
    assert await text_of(engine, user("Hi!")) != ""


async def test_a_truncated_model_is_an_error_that_names_it(model: Path, tmp_path: Path) -> None:
    half = Path(shutil.copy(model, tmp_path / "half.gguf"))
    os.truncate(half, 50_000_000)
    with pytest.raises(llama.LlamaError, match=r"half\.gguf.*corrupted or incomplete"):
        await Engine(EngineOptions(half)).start()


async def test_llama_cpp_is_silent(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    engine = Engine(EngineOptions(model))
    await text_of(engine, user("Hi!"))
    await engine.close()
    assert capfd.readouterr() == ("", "")


async def test_closing_ends_the_process(engine: Engine) -> None:
    assert engine._process is not None
    process = engine._process._process
    await engine.close()
    assert process.returncode is not None
