"""A thousand interruptions in a row of Gemini Live and Qwen-Omni on loopback: what stays behind.

    python -m benchmarks.realtime_interruptions [COUNT]

In the repository's root. Each model talks to its stand-in from `tests/standins`, in this process and in real time. A
third of the answers is interrupted before it begins, the others while they are spoken. Printed for each, after the
first tenth and at the end: asyncio tasks, threads, open files, resident memory.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from tests.standins.gemini import server as gemini_server
from tests.standins.qwen import server as qwen_server

from vision_agents.core.llm import Realtime
from vision_agents.plugins import gemini, qwen
from vision_agents.testing.contract import Player, until

TEXT = "One two three four five six seven eight nine ten."


def resources() -> str:
    """What the process holds now."""
    gc.collect()
    megabytes = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    files = len(os.listdir("/proc/self/fd"))
    return f"{len(asyncio.all_tasks())} tasks, {threading.active_count()} threads, {files} files, {megabytes:.1f} MB"


async def interrupt(model: Realtime, player: Player, service: Any, count: int) -> None:
    """Interrupt `count` answers."""
    for number in range(count):
        service.will_say(TEXT)
        await model.send_text("Say something.")
        if number % 3:
            await until(lambda: player.responses and player.last.audio, "the first audio")
        player.interrupt()
        # What the player and the stand-in write down is no leak of the model.
        player.responses.clear()
        player.facts.clear()
        service.forget()


async def measure(name: str, serving: AbstractAsyncContextManager[Any], make: Any, count: int) -> None:
    async with serving as service:
        await service.stall(after=3)
        model = make(service)
        player = Player(model)
        await model.connect("Be brief.", ())
        await interrupt(model, player, service, count // 10)
        await until(lambda: not service.active, "the end of the work")
        first, began = resources(), time.perf_counter()
        await interrupt(model, player, service, count)
        seconds = time.perf_counter() - began
        await until(lambda: not service.active, "the end of the work")
        print(f"{name}: {count} interruptions, {seconds / count * 1000:.1f} ms each; {first} -> {resources()}")
        print(f"    {len(service.sessions)} sessions, {service.open_connections} open; failures: {player.failures}")
        await model.close()


async def main(count: int) -> None:
    await measure(
        "Gemini Live",
        gemini_server.StandIn(),
        lambda service: gemini.Realtime(api_key=gemini_server.KEY, http_options=service.http_options),
        count,
    )
    await measure(
        "Qwen-Omni",
        qwen_server.StandIn(),
        lambda service: qwen.Realtime(api_key=qwen_server.KEY, url=service.url),
        count,
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
