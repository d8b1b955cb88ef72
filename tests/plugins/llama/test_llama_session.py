import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from vision_agents.core.models import unload
from vision_agents.plugins import llama
from vision_agents.plugins.llama import process
from vision_agents.plugins.llama.engine import Engine, EngineOptions
from vision_agents.plugins.llama.process import LlamaError
from vision_agents.plugins.llama.session import Prompt, Session
from vision_agents.testing.virtual_time import VirtualTimeLoop

from .stand_in import stand_in, starts

Json = dict[str, Any]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return stand_in(tmp_path, monkeypatch)


@pytest.fixture
async def engine(model: Path) -> AsyncIterator[Engine]:
    engine = Engine(model, EngineOptions())
    yield engine
    await asyncio.to_thread(engine.close)


async def generate(session: Session, **order: Any) -> list[Any]:
    return [piece async for piece in session.generate(Prompt([order]))]


def begin(session: Session, **order: Any) -> asyncio.Task[list[Any]]:
    return asyncio.create_task(generate(session, **order))


async def until_asked(session: Session, times: int = 1) -> None:
    """Wait until what was begun has been asked of the process."""
    while len(session._replies) < times:
        await asyncio.sleep(0)


async def test_sessions_share_a_process_and_get_their_own(engine: Engine, model: Path) -> None:
    sessions = [Session(lambda: engine) for _ in range(5)]
    replies = await asyncio.gather(*(generate(s, say=[str(n), "x"]) for n, s in enumerate(sessions)))
    assert replies == [[str(n), "x"] for n in range(5)]
    assert starts(model) == 1
    assert sessions[0].last is not None
    assert sessions[0].last.reason == "stop"


async def test_cancelling_ends_all_of_one_session_at_once_and_nothing_of_another(engine: Engine) -> None:
    mine, other = Session(lambda: engine), Session(lambda: engine)
    waiting = [begin(mine, hang=1) for _ in range(3)]
    others = begin(other, hang=1)
    await until_asked(mine, 3)
    await until_asked(other)
    mine.cancel()
    following = begin(mine, cancelled=1)
    assert await asyncio.gather(*waiting) == [[], [], []]
    assert len(json.loads((await following)[0])) == 3
    assert not others.done()
    other.cancel()
    assert await others == []


async def test_leaving_a_reply_cancels_it(engine: Engine) -> None:
    session = Session(lambda: engine)
    async with aclosing(session.generate(Prompt([{"say": ["x"], "hang": 1}]))) as pieces:
        async for piece in pieces:
            assert piece == "x"
            break
    assert await generate(session, cancelled=1) == ["[1]"]


async def test_a_reply_that_was_read_to_its_end_is_not_cancelled(engine: Engine) -> None:
    session = Session(lambda: engine)
    await generate(session, say=["x"])
    assert await generate(session, cancelled=1) == ["[]"]


async def test_what_was_written_before_a_cancel_but_not_read_is_gone(engine: Engine) -> None:
    session = Session(lambda: engine)
    pieces = session.generate(Prompt([{"say": ["a", "b", "c"], "hang": 1}]))
    assert await anext(pieces) == "a"
    await generate(session)  # by its answer, "b" and "c" have come too
    session.cancel()
    assert [piece async for piece in pieces] == []


async def test_stopped_waits_for_what_was_cancelled_only(engine: Engine) -> None:
    session = Session(lambda: engine)
    waiting = begin(session, hang=1)
    await until_asked(session)
    session.cancel()
    assert await waiting == []
    later = begin(session, hang=1)
    stopped = asyncio.create_task(session.stopped())
    await generate(session)
    assert not stopped.done()
    await generate(session, release=1)
    await asyncio.wait_for(stopped, 60)
    assert not later.done()
    session.cancel()
    await later


async def test_what_is_cancelled_while_the_model_loads_never_reaches_it(engine: Engine) -> None:
    session = Session(lambda: engine)
    waiting = begin(session, say=["x"])
    await asyncio.sleep(0)
    session.cancel()
    assert await waiting == []
    assert session.last is None
    assert await generate(session, say=["y"]) == ["y"]


async def test_a_session_that_is_closed_is_forgotten_and_may_begin_anew(engine: Engine) -> None:
    session, other = Session(lambda: engine), Session(lambda: engine)
    await generate(session)
    number = session._number
    session.close()
    assert json.loads((await generate(other, cancelled=1))[0]) == [-number]
    session.close()
    assert await generate(session, say=["again"]) == ["again"]


def test_closing_before_anything_began() -> None:
    def nothing() -> Engine:
        raise RuntimeError("not started")

    session = Session(nothing)
    session.cancel()
    session.close()


# --- what goes wrong


async def test_a_crash_is_told_to_every_session_and_the_next_request_starts_it_again(
    engine: Engine, model: Path
) -> None:
    sessions = [Session(lambda: engine) for _ in range(50)]
    waiting = [begin(session, hang=1) for session in sessions]
    for session in sessions:
        await until_asked(session)
    with pytest.raises(LlamaError, match="bad luck"):
        await generate(Session(lambda: engine), die="bad luck")
    for error in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(error, LlamaError)
        assert "bad luck" in str(error)
    replies = await asyncio.gather(*(generate(session, say=["back"]) for session in sessions))
    assert replies == [["back"]] * 50
    assert starts(model) == 2


@pytest.mark.virtual_time
async def test_a_request_without_a_sign_of_life_ends_the_process_however_many_others_ask(
    engine: Engine, model: Path
) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    hung, others = Session(lambda: engine), Session(lambda: engine)
    with loop.real_work():
        assert await generate(others, say=["well"]) == ["well"]
        waiting = begin(hung, hang=1)
        await until_asked(hung)
        while not all(reply.begun for reply in hung._replies):
            await asyncio.sleep(0)
    before = loop.time()
    while not waiting.done():
        assert loop.time() - before < 2 * process.STALL_TIMEOUT
        with loop.real_work():
            assert await generate(others, say=["still there"]) == ["still there"]
        await asyncio.sleep(process.STALL_TIMEOUT / 10)
    assert loop.time() - before >= process.STALL_TIMEOUT
    with pytest.raises(LlamaError, match="no sign of life"):
        await waiting
    with loop.real_work():
        assert await generate(hung, say=["back"]) == ["back"]
    assert starts(model) == 2


@pytest.mark.virtual_time
@pytest.mark.parametrize("answers_others", [True, False])
async def test_nobody_waits_for_a_turn_without_bound(engine: Engine, model: Path, answers_others: bool) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    session, others = Session(lambda: engine), Session(lambda: engine)
    with loop.real_work():
        await generate(others)
        waiting = begin(session, wait=1)
        await until_asked(session)
        before = loop.time()
    if answers_others:
        await asyncio.sleep(process.WAIT_TIMEOUT / 2)
        with loop.real_work():
            await generate(others)
    complaint = "busy with other sessions" if answers_others else "no sign of life"
    with pytest.raises(LlamaError, match=complaint):
        await waiting
    assert loop.time() - before == pytest.approx(process.WAIT_TIMEOUT, abs=1)
    with loop.real_work():
        assert await generate(session, say=["well"]) == ["well"]
    assert starts(model) == (1 if answers_others else 2)


def test_a_session_in_use_on_another_event_loop_is_refused(model: Path) -> None:
    engine = Engine(model, EngineOptions())
    session = Session(lambda: engine)

    async def elsewhere() -> None:
        await generate(session, say=["x"])

    async def first() -> None:
        assert await generate(session, say=["mine"]) == ["mine"]
        with pytest.raises(LlamaError, match="on another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(elsewhere()))

    asyncio.run(first())
    asyncio.run(elsewhere())  # the first loop is over
    engine.close()


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ({"id": "1", "name": "f", "arguments": '{"a": 1}'}, {"a": 1}),
        ({"id": "1", "name": "f", "arguments": ""}, {}),
        ({"id": "1", "name": "f", "arguments": '{"a": '}, {}),
        ({"id": "1", "name": "f", "arguments": "[1]"}, {}),
    ],
)
async def test_function_calls_are_decoded(engine: Engine, call: Json, arguments: Json) -> None:
    done = {"reason": "tool_calls", "prompt_tokens": 1, "cached_tokens": 0, "written_tokens": 0, "dropped": 0}
    raw = "\n".join(json.dumps({"id": 1} | message) for message in ({"call": call}, {"done": done}))
    (reply,) = await generate(Session(lambda: engine), raw=raw)
    assert (reply.name, reply.arguments) == ("f", arguments)


# --- an LLM on top of it


async def answered(llm: llama.LLM) -> str:
    return await llm.simple_response("Hi!")


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch, model: Path) -> Iterator[Path]:
    """The model file of LLMs whose prompts are orders to the stand-in."""
    monkeypatch.setattr("vision_agents.plugins.llama.llm.history", lambda messages, cut: [{"say": ["Hello."]}])
    monkeypatch.setattr("vision_agents.plugins.llama.llm.prefix", lambda instructions, examples: [])
    yield model
    unload(str(model))


async def test_a_closed_llm_may_be_used_again(spoken: Path) -> None:
    llm = llama.LLM(spoken)
    assert await answered(llm) == "Hello."
    await llm.close()
    assert await answered(llm) == "Hello."
    await llm.close()
    assert starts(spoken) == 1


async def test_an_llm_that_is_closed_while_it_loads_says_so_and_the_others_get_their_model(spoken: Path) -> None:
    first, second = llama.LLM(spoken), llama.LLM(spoken)
    starting = [asyncio.create_task(llm.start()) for llm in (first, second)]
    await asyncio.sleep(0)
    await first.close()
    with pytest.raises(RuntimeError, match="was closed while it was loading"):
        await starting[0]
    await starting[1]
    assert await answered(second) == "Hello."
    await second.close()
    assert starts(spoken) == 1


async def test_a_start_that_was_cancelled_may_be_made_again(spoken: Path) -> None:
    llm = llama.LLM(spoken)
    starting = asyncio.create_task(llm.start())
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert await answered(llm) == "Hello."
    await llm.close()


async def test_an_llm_in_use_on_another_event_loop_is_refused_until_it_is_closed_there(spoken: Path) -> None:
    llm = llama.LLM(spoken)
    assert await answered(llm) == "Hello."
    with pytest.raises(LlamaError, match="on another event loop"):
        await asyncio.to_thread(lambda: asyncio.run(answered(llm)))
    await llm.close()

    async def elsewhere() -> str:
        said = await answered(llm)
        await llm.close()
        return said

    assert await asyncio.to_thread(lambda: asyncio.run(elsewhere())) == "Hello."


async def test_a_request_waits_for_the_slot_of_one_that_was_left_half_read(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(lambda: engine)
    left = session.generate(Prompt([{"say": ["a"], "hang": 1}]))
    assert await anext(left) == "a"
    await left.aclose()  # the stand-in goes on for all that
    monkeypatch.setattr("vision_agents.plugins.llama.session.STOPS_WITHIN", 60.0)
    waiting = begin(session, say=["b"])
    await asyncio.sleep(0.05)
    assert len(session._replies) == 1  # it has not asked
    await generate(Session(lambda: engine), release=1)
    assert await waiting == ["b"]


async def test_it_does_not_wait_for_one_that_does_not_stop(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision_agents.plugins.llama.session.STOPS_WITHIN", 0.0)
    session = Session(lambda: engine)
    left = session.generate(Prompt([{"say": ["a"], "hang": 1}]))
    assert await anext(left) == "a"
    await left.aclose()
    assert await generate(session, say=["b"]) == ["b"]
