import asyncio
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from vision_agents.plugins.llama import process
from vision_agents.plugins.llama.engine import Engine, EngineOptions, Prompt, check_model
from vision_agents.plugins.llama.process import LlamaError, ModelProcess
from vision_agents.testing.virtual_time import VirtualTimeLoop

Json = dict[str, Any]

# Stands in for worker.py: the first message of a request tells it what to do.
STAND_IN = """
import json, os, sys

def send(**message):
    print(json.dumps(message), flush=True)

def done(number, reason="stop"):
    send(id=number, done={"reason": reason, "prompt_tokens": 1, "cached_tokens": 0, "dropped": 0})

settings = json.loads(sys.stdin.readline())
with open(settings["model"], "a") as starts:
    starts.write(".")
send(ready=True)
hanging, cancelled = set(), []
for line in sys.stdin:
    message = json.loads(line)
    if "cancel" in message:
        cancelled += message["cancel"]
        continue
    number, order = message["id"], message["body"]["messages"][0]
    for piece in order.get("say", ()):
        send(id=number, text=piece)
    if "hang" in order:
        hanging.add(number)
    elif "release" in order:  # only now it has "really stopped" what was cancelled
        for other in cancelled:
            done(other, "cancelled")
        done(number)
    elif "cancelled" in order:
        send(id=number, text=json.dumps(cancelled))
        done(number)
    elif "die" in order:
        sys.stderr.write("0.01.002 E some: noise\\n0.01.003 E ggml: error: " + order["die"] + "\\n")
        sys.stderr.flush()
        os._exit(3)
    elif "raw" in order:
        print(order["raw"], flush=True)
    else:
        done(number)
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model file for the stand-in, which notes its starts behind the magic bytes."""
    stand_in(tmp_path, monkeypatch, STAND_IN)
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    return path


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    (folder / "stand_in.py").write_text(script)
    monkeypatch.setattr(process, "WORKER", folder / "stand_in.py")


@pytest.fixture
async def running(model: Path) -> AsyncIterator[ModelProcess]:
    running = await ModelProcess.start({"model": str(model)})
    yield running
    await running.stop()
    assert len(asyncio.all_tasks()) == 1


def ask(running: ModelProcess, **order: Any) -> AsyncGenerator[Json, None]:
    return running.ask(Prompt([order]).request())


async def texts(messages: AsyncIterator[Json]) -> list[str]:
    return [message["text"] async for message in messages if "text" in message]


async def test_replies_go_to_whom_they_are_for(running: ModelProcess) -> None:
    replies = await asyncio.gather(*(texts(ask(running, say=[f"{n}a", f"{n}b"])) for n in range(5)))
    assert replies == [[f"{n}a", f"{n}b"] for n in range(5)]


async def test_leaving_a_reply_cancels_it_and_no_other(running: ModelProcess) -> None:
    other = asyncio.create_task(texts(ask(running, hang=1)))
    await asyncio.sleep(0)
    async with aclosing(ask(running, say=["x"], hang=1)) as messages:
        async for message in messages:
            assert message["text"] == "x"
            break
    assert await texts(ask(running, cancelled=1)) == ["[2]"]
    assert not other.done()
    running.cancel()
    assert await other == []


async def test_a_reply_that_was_read_to_its_end_is_not_cancelled(running: ModelProcess) -> None:
    await texts(ask(running, say=["x"]))
    assert await texts(ask(running, cancelled=1)) == ["[]"]


async def test_cancel_ends_all_replies_at_once_and_spares_the_next(running: ModelProcess) -> None:
    waiting = [asyncio.create_task(texts(ask(running, hang=1))) for _ in range(3)]
    await asyncio.sleep(0)
    running.cancel()
    next_one = asyncio.create_task(texts(ask(running, cancelled=1)))
    assert await asyncio.gather(*waiting) == [[], [], []]
    assert await next_one == ["[1, 2, 3]"]


async def test_what_was_written_before_a_cancel_but_not_read_is_gone(running: ModelProcess) -> None:
    messages = ask(running, say=["a", "b", "c"], hang=1)
    assert (await anext(messages))["text"] == "a"
    await texts(ask(running))  # by its answer, "b" and "c" have come too
    running.cancel()
    assert await texts(messages) == []


async def test_stopped_waits_for_what_was_cancelled_only(running: ModelProcess) -> None:
    waiting = asyncio.create_task(texts(ask(running, hang=1)))
    await asyncio.sleep(0)
    running.cancel()
    assert await waiting == []
    later = asyncio.create_task(texts(ask(running, hang=1)))
    await asyncio.sleep(0)
    stopped = asyncio.create_task(running.stopped())
    await texts(ask(running))
    assert not stopped.done()
    await texts(ask(running, release=1))
    await asyncio.wait_for(stopped, 10)
    assert not later.done()
    running.cancel()
    await later


async def test_one_request_too_many_is_refused(running: ModelProcess) -> None:
    waiting = [asyncio.create_task(texts(ask(running, hang=1))) for _ in range(process.MOST_WAITING + 1)]
    await asyncio.sleep(0)
    with pytest.raises(LlamaError, match="waiting for this model already"):
        await texts(ask(running))
    running.cancel()
    await asyncio.gather(*waiting)


# --- a process that fails


async def test_a_crash_ends_every_reply_with_its_reason(running: ModelProcess) -> None:
    waiting = asyncio.create_task(texts(ask(running, hang=1)))
    with pytest.raises(LlamaError, match="process ended: ggml: error: out of memory"):
        await texts(ask(running, say=["x"], die="out of memory"))
    with pytest.raises(LlamaError, match="out of memory"):
        await waiting
    with pytest.raises(LlamaError, match="out of memory"):
        await texts(ask(running))
    await running.stopped()


@pytest.mark.parametrize("raw", ["no json", '{"id": 1}extra', "[1]", '{"id": 99, "done": {}}', "x" * (2 << 20)])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_nonsense_ends_the_process_and_not_us(running: ModelProcess, raw: str) -> None:
    with pytest.raises(LlamaError, match="nonsense"):
        await texts(ask(running, raw=raw))


async def test_a_flood_of_text_ends_the_process(running: ModelProcess) -> None:
    with pytest.raises(LlamaError, match=r"nonsense \(QueueFull"):
        await texts(ask(running, say=["x"] * 1000))


@pytest.mark.virtual_time
async def test_no_sign_of_life_is_noticed_when_there_is_work_to_do(model: Path) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    with loop.real_work():
        running = await ModelProcess.start({"model": str(model)})
    await asyncio.sleep(10 * process.STALL_TIMEOUT)
    with loop.real_work():
        assert await texts(ask(running, say=["still there"])) == ["still there"]
    before = loop.time()
    with pytest.raises(LlamaError, match="no sign of life"):
        await texts(ask(running, hang=1))
    assert process.STALL_TIMEOUT <= loop.time() - before <= 2 * process.STALL_TIMEOUT
    with loop.real_work():
        await running.stop()


async def test_stopping_ends_the_process_and_what_waits_for_it(running: ModelProcess) -> None:
    waiting = asyncio.create_task(texts(ask(running, hang=1)))
    await asyncio.sleep(0)
    await running.stop()
    with pytest.raises(LlamaError, match="closed"):
        await waiting
    assert running._process.returncode is not None


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("import sys; sys.exit('the wrong error: kind')", "the wrong error: kind"),
        ("import os; os.abort()", "exit status -6"),
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ('print(\'{"failed": "why"}\')', "cannot load"),
    ],
)
async def test_a_failing_start_says_why(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, complaint: str
) -> None:
    stand_in(tmp_path, monkeypatch, script)
    with pytest.raises(LlamaError, match=complaint):
        await ModelProcess.start({"model": str(model)})
    assert len(asyncio.all_tasks()) == 1


async def test_a_start_that_takes_for_ever_is_given_up(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(process, "LOAD_TIMEOUT", 0.1)
    with pytest.raises(LlamaError, match="was not loaded within"):
        await ModelProcess.start({"model": str(model)})


async def test_a_cancelled_start_leaves_no_process(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(
        tmp_path,
        monkeypatch,
        "import os, sys, time\n"
        "path = sys.stdin.readline() and os.path.join(os.path.dirname(__file__), 'pid')\n"
        "open(path + '.new', 'w').write(str(os.getpid())); os.rename(path + '.new', path); time.sleep(60)",
    )
    starting = asyncio.create_task(ModelProcess.start({"model": str(model)}))
    async with asyncio.timeout(10):
        while not (tmp_path / "pid").exists():
            await asyncio.sleep(0.01)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


# --- the engine on top of it


def starts(model: Path) -> int:
    return len(model.read_bytes()) - len(b"GGUF")


async def generate(engine: Engine, **order: Any) -> list[Any]:
    return [piece async for piece in engine.generate(Prompt([order]))]


async def test_an_engine_loads_once_however_many_ask(model: Path) -> None:
    engine = Engine(EngineOptions(model))
    replies = await asyncio.gather(*(generate(engine, say=["x"]) for _ in range(5)))
    assert replies == [["x"]] * 5
    assert starts(model) == 1
    assert engine.last is not None
    assert engine.last.reason == "stop"
    await engine.close()


async def test_after_a_crash_the_next_request_starts_it_again(model: Path) -> None:
    engine = Engine(EngineOptions(model))
    with pytest.raises(LlamaError, match="bad luck"):
        await generate(engine, die="bad luck")
    assert await generate(engine, say=["back"]) == ["back"]
    assert starts(model) == 2
    await engine.close()


async def test_a_closed_engine_does_not_start_again(model: Path) -> None:
    engine = Engine(EngineOptions(model))
    await engine.start()
    await engine.close()
    await engine.close()
    with pytest.raises(LlamaError, match="closed"):
        await generate(engine)
    assert starts(model) == 1


SLOW = STAND_IN.replace("send(ready=True)", "sys.stdin.readline()\nsend(ready=True)")


async def test_closing_ends_a_load_that_takes_long(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, SLOW)
    engine = Engine(EngineOptions(model))
    waiting = asyncio.create_task(generate(engine))
    await asyncio.sleep(0)
    await engine.close()
    with pytest.raises(LlamaError, match="closed"):
        await waiting
    assert len(asyncio.all_tasks()) == 1


async def test_what_is_cancelled_while_the_model_loads_never_reaches_it(model: Path) -> None:
    engine = Engine(EngineOptions(model))
    waiting = asyncio.create_task(generate(engine, say=["x"]))
    await asyncio.sleep(0)
    engine.cancel()
    assert await waiting == []
    assert engine.last is None
    assert await generate(engine, say=["y"]) == ["y"]
    await engine.close()


async def test_one_who_stops_waiting_does_not_stop_the_load(model: Path) -> None:
    engine = Engine(EngineOptions(model))
    waiting = [asyncio.create_task(generate(engine, say=["x"])) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    assert await waiting[1] == ["x"]
    assert waiting[0].cancelled()
    assert starts(model) == 1
    await engine.close()


async def test_a_failed_load_is_tried_again(model: Path) -> None:
    engine = Engine(EngineOptions(model))
    model.rename(away := model.with_name("away"))
    with pytest.raises(FileNotFoundError):
        await engine.start()
    away.rename(model)
    await engine.start()
    await engine.close()


async def test_cancelling_and_closing_before_anything_began(model: Path) -> None:
    engine = Engine(EngineOptions(model))
    engine.cancel()
    await engine.stopped()
    await engine.close()
    assert starts(model) == 0


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ({"id": "1", "name": "f", "arguments": '{"a": 1}'}, {"a": 1}),
        ({"id": "1", "name": "f", "arguments": ""}, {}),
        ({"id": "1", "name": "f", "arguments": '{"a": '}, {}),
        ({"id": "1", "name": "f", "arguments": "[1]"}, {}),
    ],
)
async def test_function_calls_are_decoded(model: Path, call: Json, arguments: Json) -> None:
    engine = Engine(EngineOptions(model))
    done = {"reason": "tool_calls", "prompt_tokens": 1, "cached_tokens": 0, "dropped": 0}
    raw = "\n".join(json.dumps({"id": 1} | message) for message in ({"call": call}, {"done": done}))
    (reply,) = await generate(engine, raw=raw)
    assert (reply.name, reply.arguments) == ("f", arguments)
    await engine.close()


def test_a_file_that_is_no_model_is_refused_before_it_reaches_native_code(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    with pytest.raises(FileNotFoundError, match=r"there is no model .*model\.gguf"):
        check_model(path)
    for content in (b"", b"GGU", b"<!DOCTYPE html>", b"\0" * 100):
        path.write_bytes(content)
        with pytest.raises(LlamaError, match="is no GGUF file"):
            check_model(path)
    path.write_bytes(b"GGUF\x03")
    check_model(path)
    with pytest.raises(LlamaError, match="cannot read"):
        check_model(tmp_path)


def test_without_xllamacpp_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision_agents.plugins.llama.engine.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "vision-agents\[llama\]"'):
        Engine(EngineOptions(Path("any.gguf")))
