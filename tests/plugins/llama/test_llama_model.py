"""With the real default model."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from vision_agents.core.conversation import Message, Role
from vision_agents.core.llm import LLMRequest
from vision_agents.core.models import ModelStore, loaded_models, unload
from vision_agents.plugins import llama
from vision_agents.plugins.llama.engine import Engine, EngineOptions
from vision_agents.plugins.llama.process import ModelProcess
from vision_agents.plugins.llama.session import Prompt, Session

from .stand_in import Asked

pytestmark = pytest.mark.models

Json = dict[str, Any]
CONTEXT = 512
LONG = "Tell me a story about a boat on the sea. " * 30


@pytest.fixture(scope="module")
def model() -> Path:
    return ModelStore().files("smollm2-135m")["model"]


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[Engine]:
    engine = Engine(model, EngineOptions(CONTEXT, 4 * CONTEXT))
    yield engine
    engine.close()


@pytest.fixture
async def session(engine: Engine) -> AsyncIterator[Session]:
    session = Session(lambda: engine)
    yield session
    session.close()


class Traffic:
    """What the model's process sends, as it comes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[Json] = []
        self.came = asyncio.Event()
        take = ModelProcess._take
        loop = asyncio.get_running_loop()

        def note(process: ModelProcess, message: Json) -> None:
            self.messages.append(message)
            loop.call_soon_threadsafe(self.came.set)
            take(process, message)

        monkeypatch.setattr(ModelProcess, "_take", note)

    async def until(self, kind: str, count: int) -> None:
        """Wait until `count` messages of this kind have come."""
        async with asyncio.timeout(60):
            while sum(kind in message for message in self.messages) < count:
                await self.came.wait()
                self.came.clear()


@pytest.fixture
async def traffic(monkeypatch: pytest.MonkeyPatch) -> Traffic:
    return Traffic(monkeypatch)


def user(text: str) -> Json:
    return {"role": "user", "content": text}


async def text_of(session: Session, *messages: Json, keep: int = 0, max_tokens: int = 16) -> str:
    return await collect(session, Prompt(messages, keep=keep, max_tokens=max_tokens))


async def collect(session: Session, prompt: Prompt) -> str:
    return "".join([str(piece) async for piece in session.generate(prompt)])


async def test_it_knows_something_and_says_it_like_speech() -> None:
    llm = llama.LLM()
    await llm.start()
    await llm.warm("You're a helpful voice assistant.")
    asked = LLMRequest("You're a helpful voice assistant.", (Message(Role.USER, "What's the capital of France?"),))
    answer = "".join([piece async for piece in llm.respond(asked)])
    await llm.close()
    assert "Paris" in answer
    assert not set(answer) & set("*#\n")


async def test_a_greedy_model_says_the_same_twice_and_reads_the_prompt_once(session: Session) -> None:
    first = await text_of(session, user("Why is the sky blue?"))
    assert session.last is not None
    assert session.last.cached_tokens == 0
    assert await text_of(session, user("Why is the sky blue?")) == first
    assert session.last.cached_tokens == session.last.prompt_tokens - 1
    assert session.last.reason == "length"


def test_characters_of_several_tokens_come_whole(engine: Engine) -> None:
    body = {"messages": [user("say")], "grammar": 'root ::= "é漢字😀🎉 ok"'}
    asked = Asked(engine.running(), body)
    assert "".join(asked.texts) == "é漢字😀🎉 ok"
    assert "😀" in asked.texts


async def test_leaving_a_reply_stops_the_model(session: Session, traffic: Traffic) -> None:
    async with aclosing(session.generate(Prompt([user("Count to one thousand.")], max_tokens=400))) as pieces:
        async for _ in pieces:
            if sum("text" in message for message in traffic.messages) >= 3:
                break
    written = sum("text" in message for message in traffic.messages)
    await session.stopped()
    assert sum("text" in message for message in traffic.messages) <= written + 3
    assert traffic.messages[-1]["done"]["reason"] == "cancelled"


async def test_a_cancel_before_the_first_token_stops_the_reading_and_frees_the_model(
    session: Session, traffic: Traffic
) -> None:
    reply = asyncio.create_task(text_of(session, user(LONG)))
    await traffic.until("progress", 2)
    session.cancel()
    assert await reply == ""
    await session.stopped()
    done = traffic.messages[-1]["done"]
    read = max(message["progress"] for message in traffic.messages if "progress" in message)
    assert done["reason"] == "cancelled"
    assert read < done["prompt_tokens"] / 2
    assert await text_of(session, user("Hi!")) != ""
    assert await text_of(session, user(LONG)) != ""
    assert session.last is not None
    assert session.last.cached_tokens < session.last.prompt_tokens / 2  # it had indeed not read on behind our back


async def test_an_interruption_reaches_the_model(traffic: Traffic) -> None:
    llm = llama.LLM(examples=())
    reply = llm.respond(LLMRequest("", (Message(Role.USER, "Count to one thousand."),)))
    await anext(reply)
    confirmed = llm.interrupt()
    assert [piece async for piece in reply] == []
    await confirmed
    assert traffic.messages[-1]["done"]["reason"] == "cancelled"
    await llm.close()


async def test_a_long_talk_goes_on_without_its_oldest_turns(session: Session) -> None:
    system = {"role": "system", "content": "You are a friendly voice."}
    talk: list[Json] = []
    dropped = cached = 0
    for number in range(14):
        talk.append(user(f"Tell me about the number {number}. " + "I like all numbers that are not too large. " * 4))
        talk.append({"role": "assistant", "content": await text_of(session, system, *talk, keep=1, max_tokens=6)})
        assert session.last is not None
        assert session.last.prompt_tokens + 6 <= CONTEXT
        if session.last.dropped > dropped and dropped:
            cached += session.last.cached_tokens > session.last.prompt_tokens / 2
        dropped = session.last.dropped
    assert dropped > 0
    assert cached > 0  # what is left is moved in the cache, not read again


async def test_a_message_that_cannot_fit_is_an_error_and_the_next_is_answered(session: Session) -> None:
    with pytest.raises(llama.LlamaError, match="raise `context`"):
        await text_of(session, user("word " * 2000))
    assert await text_of(session, user("Hi!")) != ""


async def test_sessions_answer_side_by_side_as_they_would_alone(engine: Engine) -> None:
    questions = [f"What comes after the number {number}?" for number in ("two", "five", "nine")]
    sessions = [Session(lambda: engine) for _ in questions]
    alone = [await text_of(one, user(asked)) for one, asked in zip(sessions, questions, strict=True)]
    together = await asyncio.gather(
        *(text_of(one, user(asked)) for one, asked in zip(sessions, questions, strict=True))
    )
    assert len(set(alone)) == 3
    # The arithmetic of a batch is rounded in another order, so that now and then another word is the likeliest.
    assert [text.split()[:2] for text in together] == [text.split()[:2] for text in alone]
    assert all(one.last is not None and one.last.cached_tokens == one.last.prompt_tokens - 1 for one in sessions)


async def test_what_paused_for_others_goes_on_as_if_it_had_not(engine: Engine, traffic: Traffic) -> None:
    alone, first, other = (Session(lambda: engine) for _ in range(3))
    question = user("Tell me about the ocean.")
    whole = await text_of(alone, question, max_tokens=60)
    paused = Prompt([question], max_tokens=60, pausable=True)
    reply = asyncio.create_task(collect(first, paused))
    await traffic.until("text", 60 + 10)
    assert await text_of(other, user("Tell me about the moon."), max_tokens=40)
    text = await reply
    assert text.split()[:8] == whole.split()[:8]
    assert len(text.split()) > 20
    assert "  " not in text
    assert first.last is not None
    assert first.last.prompt_tokens < 50


async def test_cancelling_one_session_leaves_the_others_writing(engine: Engine) -> None:
    mine, other = Session(lambda: engine), Session(lambda: engine)
    replies = [
        asyncio.create_task(text_of(one, user("Count to one thousand."), max_tokens=40)) for one in (mine, other)
    ]
    while not mine._replies or not next(iter(mine._replies)).begun:
        await asyncio.sleep(0.01)
    mine.cancel()
    await mine.stopped()
    assert not replies[1].done()
    assert len((await replies[1]).split()) > 10


async def test_a_beginning_is_read_once_and_a_callers_words_reach_nobody_else(engine: Engine) -> None:
    first = [{"role": "system", "content": "You are a friendly voice. " * 20}]
    warm = Prompt([*first, user("Hi!")], keep=1, max_tokens=1, warm=True)
    secret = "My name is Aloysius. Remember it."
    sessions = [Session(lambda: engine) for _ in range(3)]
    for number, one in enumerate(sessions):
        await one.warm(warm)
        assert one.last is not None
        assert (one.last.cached_tokens > 0) == (number > 0)
    await text_of(sessions[0], *first, user(secret), keep=1)
    answer = await text_of(sessions[1], *first, user("What is my name?"), keep=1, max_tokens=30)
    assert sessions[1].last is not None
    assert sessions[1].last.cached_tokens > 100
    assert "Aloysius" not in answer
    for one in sessions:
        one.close()


async def test_more_sessions_than_the_memory_holds_are_all_answered(model: Path) -> None:
    engine = Engine(model, EngineOptions(context=128, cells=128))
    sessions = [Session(lambda: engine) for _ in range(5)]
    for _ in range(2):
        asked = [
            text_of(one, user(f"{number} " + "and so on " * 10), max_tokens=8) for number, one in enumerate(sessions)
        ]
        assert all(await asyncio.gather(*asked))
    assert engine.stats().done == 10
    engine.close()


async def test_llms_share_one_process_which_is_let_go_when_told(model: Path) -> None:
    llms = [llama.LLM(context=256, shared_context=256) for _ in range(2)]
    for llm in llms:
        await llm.start()
        await llm.simple_response("Hi!")
    engine = llms[0]._network.network
    assert llms[1]._network.network is engine
    process = engine.running()
    for llm in llms:
        await llm.close()
    assert process._process.returncode is None
    await asyncio.to_thread(unload, "smollm2-135m")
    assert process._process.returncode is not None
    assert "smollm2-135m" not in {entry.name for entry in loaded_models()}


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
async def test_a_signal_to_the_whole_group_does_not_take_the_model_from_who_still_speaks(session: Session) -> None:
    assert await text_of(session, user("Hi!"))
    process = session._engine().running()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        os.kill(process._process.pid, getattr(signal, name))
    assert await text_of(session, user("Hi again!"))
    assert not process.failure


@pytest.mark.real_time
def test_the_end_of_the_parent_ends_the_worker_and_removes_what_it_kept(model: Path) -> None:
    running = ModelProcess.start({"model": str(model), "context": 128, "cells": 128, "n_threads": 1, "n_gpu_layers": 0})
    running._outgoing.put(None)
    running._threads[1].join(10)
    running._stdin.close()
    assert running._process.wait(10) == 0
    assert not os.path.exists(running._folder)
    running.stop()


def test_a_truncated_model_is_an_error_that_names_it(model: Path, tmp_path: Path) -> None:
    half = Path(shutil.copy(model, tmp_path / "half.gguf"))
    os.truncate(half, 50_000_000)
    with pytest.raises(llama.LlamaError, match=r"half\.gguf.*corrupted or incomplete"):
        Engine(half, EngineOptions()).running()


async def test_llama_cpp_is_silent(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    engine = Engine(model, EngineOptions())
    await text_of(Session(lambda: engine), user("Hi!"))
    engine.close()
    assert capfd.readouterr() == ("", "")
