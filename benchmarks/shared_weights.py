"""What sharing the weights of the process gives: the memory of a further session, and the time to join a warm process.

    python -m benchmarks.shared_weights memory [PART …]   # RSS of the first and of each further instance of each part
    python -m benchmarks.shared_weights join [N]          # N joins of the local agent in a warm process
    python -m benchmarks.shared_weights pause             # a full round of the garbage collector, and after a freeze

Each part is measured in a process of its own, so that one's memory does not hide another's.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from vision_agents.core import Agent, Participant, PcmData, User
from vision_agents.testing.parts import LoopEdge, ScriptedLLM

FURTHER = 10
"""Instances after the first over which the memory of one is averaged."""
SETTLE = 6
"""Times that the first one is used before its memory counts: onnxruntime keeps what the largest run needed."""
CALL = "a call with all of them"
PARTS = (
    "silero.VAD",
    "smart_turn.TurnDetection",
    "moonshine.STT",
    "piper.TTS",
    "resemblyzer.Voiceprint",
    "llama.LLM",
    CALL,
)
CALLER = Participant("caller")
NOISE = np.random.default_rng(1).normal(0, 2000, 2 * 16_000).astype(np.int16)


def main(arguments: list[str]) -> None:
    """Run the measurement that is asked for."""
    what, *rest = arguments or ["join"]
    if what == "memory":
        print(f"{'part':26} {'first':>9} {'each further':>13}   MB of RSS, children included; {FURTHER} further")
        for part in rest or PARTS:
            subprocess.run([sys.executable, "-m", "benchmarks.shared_weights", "one", part], check=True)
    elif what == "one":
        asyncio.run(memory(rest[0]))
    elif what == "pause":
        asyncio.run(pause())
    else:
        asyncio.run(join(int(rest[0]) if rest else 30))


async def memory(name: str) -> None:
    """The memory of a part: loaded, run once, and kept."""
    if name == CALL:
        make: Callable[[], Any] = local_agent
    else:
        plugin, _, kind = name.partition(".")
        make = getattr(import_module(f"vision_agents.plugins.{plugin}"), kind)
    parts, sizes = [], [rss()]
    for _ in range(1 + FURTHER):
        parts.append(part := make())
        await (part.join() if name == CALL else part.start())
        for _ in range(SETTLE if len(parts) == 1 else 1):
            await use(name, part)
        sizes.append(rss())
    first, further = sizes[1] - sizes[0], (sizes[-1] - sizes[1]) / FURTHER
    print(f"{name:26} {first:9.1f} {further:13.2f}", flush=True)
    for part in parts:
        await part.close()


async def use(name: str, part: Any) -> None:
    """Have the part do its work once, so that what it needs to run counts too."""
    if name == CALL:
        for start in range(0, len(NOISE), 320):
            part.edge.sink.audio(PcmData(NOISE[start : start + 320], 16_000), CALLER)
            await asyncio.sleep(0)
        await part.say("Hello.")
    elif name == "silero.VAD":
        part.stream().feed(NOISE)
    elif name == "resemblyzer.Voiceprint":
        await part.embed(NOISE)
    elif name == "piper.TTS":
        async for _ in part.stream_audio("One sentence of some words."):
            pass
    elif name == "llama.LLM":
        await part.warm("Be brief.")
    else:
        for start in range(0, len(NOISE), 320):
            taken = part.process_audio(PcmData(NOISE[start : start + 320], 16_000), CALLER)
            if inspect.isawaitable(taken):  # a recogniser's; a detector judges at once
                await taken


def rss() -> float:
    """Resident megabytes of this process and its children."""
    page = os.sysconf("SC_PAGE_SIZE") / 1e6
    mine = os.getpid()
    total = 0.0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal():
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if mine in (int(entry.name), parent):
                    total += int((entry / "statm").read_text().split()[1]) * page
        except OSError:  # it has ended
            continue
    return total


def local_agent(llm: Any = None) -> Agent:
    """The agent of the commands, on an edge without sound."""
    from vision_agents.plugins import llama, moonshine, piper, smart_turn

    return Agent(
        edge=LoopEdge(),
        llm=llm or llama.LLM(),
        agent_user=User("agent"),
        instructions="You are a friendly voice assistant.",
        stt=moonshine.STT(),
        tts=piper.TTS(),
        turn_detection=smart_turn.TurnDetection(),
    )


def scripted_agent() -> Agent:
    """The same without a language model."""
    return local_agent(ScriptedLLM())


async def join(count: int) -> None:
    """The time to join a warm process, all parts local; and how long the loop of a running call stands still."""
    from vision_agents.core import warm_up

    for label, make in (("llm scripted", scripted_agent), ("all local", local_agent)):
        times: list[float] = []
        late_warming: list[float] = [0.0]
        late_joining: list[float] = [0.0]
        agents: list[Agent] = []
        watch = asyncio.create_task(lag(late_warming))
        begun = time.perf_counter()
        await warm_up(make)
        warming = time.perf_counter() - begun
        watch.cancel()
        late_idle: list[float] = [0.0]
        watch = asyncio.create_task(lag(late_idle))
        await asyncio.sleep(2.0)
        watch.cancel()
        watch = asyncio.create_task(lag(late_joining))
        for _ in range(count):
            agents.append(agent := make())
            begun = time.perf_counter()
            await agent.join()
            times.append(time.perf_counter() - begun)
            if len(agents) == 4:
                await agents.pop(0).close()
        watch.cancel()
        for agent in agents:
            await agent.close()
        print(
            f"{label:12} warm_up {warming:5.2f} s   join p50 {1e3 * np.percentile(times, 50):5.0f}  "
            f"p95 {1e3 * np.percentile(times, 95):5.0f}  max {1e3 * max(times):5.0f} ms over {count}   "
            f"loop late, max: warming {1e3 * max(late_warming):.0f}, joining {1e3 * max(late_joining):.0f}, "
            f"idle {1e3 * max(late_idle):.0f} ms"
        )


async def lag(late: list[float]) -> None:
    """How much later than asked for a timer of 5 ms fires, again and again."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + 0.005
        await asyncio.sleep(0.005)
        late.append(loop.time() - due)


async def pause() -> None:
    """A full round of the garbage collector in a warm process: before and after all that lives is frozen."""
    from vision_agents.core import warm_up

    await warm_up(scripted_agent)
    before = collections()
    await warm_up(scripted_agent, freeze=True)
    after = collections()
    print(f"full collection p50 {np.median(before):.1f} ms, max {max(before):.1f}; ", end="")
    print(f"frozen p50 {np.median(after):.2f} ms, max {max(after):.2f} ({np.median(before) / np.median(after):.0f}×)")


def collections() -> list[float]:
    """Milliseconds of ten full rounds."""
    times = []
    for _ in range(10):
        begun = time.perf_counter()
        gc.collect()
        times.append(1e3 * (time.perf_counter() - begun))
    return times


if __name__ == "__main__":
    main(sys.argv[1:])
