"""A thousand interruptions in a row of the voices that speak over websockets: what stays behind.

    python benchmarks/provider_interruptions.py [COUNT]

Each voice talks to its stand-in from `tests/standins`, in this process and in real time; then, a tenth as often, to one
that ignores interruptions for 5 s. Printed for each, after the first tenth and at the end: asyncio tasks, open files,
resident memory; and the most connections (and contexts) at once.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.standins.deepgram.server import KEY as DEEPGRAM_KEY
from tests.standins.deepgram.server import DeepgramServer
from tests.standins.elevenlabs.server import KEY as ELEVENLABS_KEY
from tests.standins.elevenlabs.server import ElevenLabsServer

from vision_agents.core.tts import TTS
from vision_agents.plugins import deepgram, elevenlabs
from vision_agents.testing.contract import Consumer

# Seconds that a stand-in takes for a piece of speech, so that interruptions meet texts in the midst.
PACE = 0.002

TEXT = "One two three four five six seven eight nine ten."


async def interrupt(tts: TTS, server: Any, number: int) -> None:
    """Interrupt a text before its first piece, after it, or after the second."""
    speaking = Consumer(tts.synthesize(TEXT))
    await speaking.some(number % 3)
    tts.interrupt()
    await speaking.leave()
    server.said.clear()


async def settle(server: Any) -> str:
    """Wait until nothing happens any more, and count."""
    for _ in range(100):
        await asyncio.sleep(0.1)
        late = any(task.get_name().startswith("stand-in's stop") for task in asyncio.all_tasks())
        if not late and not server.active and server.open_connections <= 1:
            break
    await asyncio.sleep(1.5)
    gc.collect()
    return f"{len(asyncio.all_tasks())} tasks, {len(os.listdir('/proc/self/fd'))} files, {resident():.1f} MB"


def resident() -> float:
    """The memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


async def measure(
    name: str, serving: AbstractAsyncContextManager[Any], make: Callable[[Any], TTS], count: int, stubborn: float
) -> None:
    async with serving as server:
        server.pace = PACE
        server.stubborn = stubborn
        tts = make(server)
        await tts.start()
        for number in range(count // 10):
            await interrupt(tts, server, number)
        first = await settle(server)
        begun = time.perf_counter()
        for number in range(count):
            await interrupt(tts, server, number)
        seconds = time.perf_counter() - begun
        last = await settle(server)
        contexts = f", {server.most_contexts} contexts" if hasattr(server, "most_contexts") else ""
        print(f"{name}: {count} interruptions in {seconds:.1f} s; {first} -> {last}")
        print(f"    most at once: {server.most_connections} connections{contexts}; made: {server.connections_made}")
        await tts.close()


def aura(server: DeepgramServer) -> TTS:
    return deepgram.TTS(api_key=DEEPGRAM_KEY, environment=server.environment)


def flux(server: DeepgramServer) -> TTS:
    return deepgram.TTS(api_key=DEEPGRAM_KEY, environment=server.environment, model="flux-alexis-en")


def eleven(server: ElevenLabsServer) -> TTS:
    return elevenlabs.TTS(api_key=ELEVENLABS_KEY, base_url=server.url)


async def main(count: int) -> None:
    for stubborn, share in ((0.0, 1), (5.0, 10)):
        for name, server, make in (
            ("Deepgram Aura", DeepgramServer(), aura),
            ("Deepgram Flux", DeepgramServer(), flux),
            ("ElevenLabs", ElevenLabsServer(), eleven),
        ):
            title = f"{name}, which ignores it for {stubborn:.0f} s" if stubborn else name
            await measure(title, server, make, count // share, stubborn)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
