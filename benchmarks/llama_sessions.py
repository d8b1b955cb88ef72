"""What a further session of the local language model costs: slots of one worker, beside a worker for each session.

All sessions ask at the same moment, each its own question, after their instructions and examples were read. Printed are
the time to the first token (median and last), tokens a second of all together, memory of the workers, and how long the
last session took to be ready.

Then questions come at random, so many a second, as those of many calls do, and the time to a first sentence (12 pieces)
is taken: with all answers written side by side to their ends, and with those that are ahead of their voice pausing.

    python -m benchmarks.llama_sessions [--sessions 1 2 4 8 16] [--rate 1.0] [--seconds 30]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from pathlib import Path

import numpy as np

from vision_agents.core.models import ModelStore
from vision_agents.plugins.llama import SMOLLM2_EXAMPLES
from vision_agents.plugins.llama.engine import Engine, EngineOptions
from vision_agents.plugins.llama.llm import DEFAULT_CELLS, DEFAULT_MODEL
from vision_agents.plugins.llama.prompt import prefix
from vision_agents.plugins.llama.session import Prompt, Session

CONTEXT = 2048
FIRST = prefix("You're a helpful voice assistant.", SMOLLM2_EXAMPLES)


async def answer(session: Session, number: int) -> tuple[float, int]:
    """Ask, and return the seconds to the first token and the number of pieces of text."""
    question = {"role": "user", "content": f"Tell me something about the number {number + 2}, please."}
    began, first, pieces = time.perf_counter(), 0.0, 0
    async for _ in session.generate(Prompt([*FIRST, question], keep=len(FIRST), max_tokens=40, pausable=True)):
        first = first or time.perf_counter() - began
        pieces += 1
    return first, pieces


async def row(name: str, engines: list[Engine], sessions: list[Session]) -> None:
    """Make all sessions ready, have them ask at once, print, and end the workers."""
    warm = Prompt([*FIRST, {"role": "user", "content": "Hi!"}], keep=len(FIRST), max_tokens=1, warm=True)
    for session in sessions:
        began = time.perf_counter()
        await session.warm(warm)
        ready = time.perf_counter() - began
    began = time.perf_counter()
    answers = await asyncio.gather(*(answer(session, number) for number, session in enumerate(sessions)))
    took = time.perf_counter() - began
    firsts, pieces = zip(*answers, strict=True)
    memory = sum(_resident(engine.running()._process.pid) for engine in engines) / 1e6
    print(
        f"{len(sessions):3} sessions, {name}: first token p50 {np.median(firsts):.2f} last {max(firsts):.2f} s, "
        f"{sum(pieces) / took:5.1f} tokens/s, {memory:5.0f} MB, the last was ready after {ready:.3f} s",
        flush=True,
    )
    for engine in engines:
        engine.close()


async def arrivals(rate: float, seconds: float) -> None:
    """Questions of 16 sessions at random moments, the same ones for both ways, in turns."""
    model = ModelStore().files(DEFAULT_MODEL)["model"]
    engine = Engine(model, EngineOptions(CONTEXT, DEFAULT_CELLS))
    sessions = [Session(lambda: engine) for _ in range(16)]
    warm = Prompt([*FIRST, {"role": "user", "content": "Hi!"}], keep=len(FIRST), max_tokens=1, warm=True)
    for session in sessions:
        await session.warm(warm)
    taken: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(4):
        moments = np.cumsum(np.random.default_rng(turn // 2).exponential(1 / rate, round(rate * seconds / 2)))
        asked = [
            sentence(sessions[number % len(sessions)], number, moment, bool(turn % 2))
            for number, moment in enumerate(moments)
        ]
        taken[bool(turn % 2)] += await asyncio.gather(*asked)
    for pausable, times in taken.items():
        how = "pausing when ahead" if pausable else "side by side      "
        p50, p95 = np.percentile(times, [50, 95])
        print(f"{rate:.1f} questions a second, {how}: first sentence p50 {p50:.2f} p95 {p95:.2f} s ({len(times)})")
    engine.close()


async def sentence(session: Session, number: int, wait: float, pausable: bool) -> float:
    """Ask after a while, and return the seconds to the first 12 pieces of an answer that is read to its end."""
    await asyncio.sleep(wait)
    question = {"role": "user", "content": f"Tell me a story about the number {number + 2}, please."}
    began, pieces, first = time.perf_counter(), 0, 0.0
    async for _ in session.generate(Prompt([*FIRST, question], len(FIRST), max_tokens=60, pausable=pausable)):
        pieces += 1
        if pieces == 12:
            first = time.perf_counter() - began
    return first or time.perf_counter() - began


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def run(numbers: list[int]) -> None:
    model = ModelStore().files(DEFAULT_MODEL)["model"]
    for number in numbers:
        shared = Engine(model, EngineOptions(CONTEXT, DEFAULT_CELLS))
        await row("one worker  ", [shared], [Session(lambda: shared) for _ in range(number)])  # noqa: B023
        own = [Engine(model, EngineOptions(CONTEXT, CONTEXT)) for _ in range(number)]
        await row("a worker each", own, [Session(lambda engine=engine: engine) for engine in own])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, nargs="*", default=[1, 2, 4, 8, 16])
    parser.add_argument("--rate", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    asyncio.run(run(options.sessions))
    if options.rate * options.seconds >= 2:
        asyncio.run(arrivals(options.rate, options.seconds))


if __name__ == "__main__":
    main()
