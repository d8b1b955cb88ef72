"""A thousand interruptions in a row of every provider's parts: what stays behind.

    python -m benchmarks.rapid_interruptions [--count N] [--deaf SECONDS] [NAME …]

In the repository's root; aws needs Python 3.12. Each part talks to its stand-in from `tests/standins` in a process of
its own, in real time. A third of the answers is interrupted before it begins, the others while they come; of an STT it
is turns that are taken back. Counted after a tenth, after half and at the end, each time when all is quiet: asyncio
tasks, threads, open files, connections at the stand-in, requests that it still works on, resident memory. With `--deaf`
the stand-in ignores each cancellation for so long, and goes on sending.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from vision_agents.core import Participant, PcmData
from vision_agents.core.conversation import Message, Role
from vision_agents.core.llm import LLM, LLMRequest, Realtime
from vision_agents.core.part import Attachment
from vision_agents.core.stt import STT
from vision_agents.core.tts import TTS
from vision_agents.testing.contract import Consumer, HearingLog, Player, until
from vision_agents.testing.contract.harness import frames
from vision_agents.testing.parts import tone

from .providers import PROVIDERS, Provider, chosen, deafen

ANNA = Participant("anna")
TEXT = "One two three four five six seven eight nine ten."
REQUEST = LLMRequest("Be brief.", (Message(Role.USER, "Count."),))
# Seconds that a stand-in takes for a piece, so that interruptions meet answers in the midst.
PACE = 0.002
SPEECH = list(frames(tone(0.4, 16_000)))
SILENCE = list(frames(PcmData.silence(1.2, 16_000)))
# Seconds without any change after which all is quiet, beyond those for which the stand-in is deaf and does nothing but
# wait; and the longest that is waited for it.
QUIET, LONGEST = 1.5, 60.0


class Part:
    """One part of a provider's, whatever its kind, and the ways to interrupt it."""

    def __init__(self, part: Any, service: Any) -> None:
        self.part = part
        self._service = service
        self._player: Player | None = None

    async def start(self) -> None:
        """Connect."""
        if isinstance(self.part, Realtime):
            self._player = Player(self.part)
            await self.part.connect("Be brief.")
        elif isinstance(self.part, TTS | STT):
            await self.part.start()

    async def interrupt(self, number: int) -> None:
        """Begin something and interrupt it, each third time before anything has come of it."""
        if isinstance(self.part, Realtime):
            await self._interrupt_realtime(self.part, number)
        elif isinstance(self.part, STT):
            await self._take_back(self.part, number)
        else:
            await self._interrupt_stream(self.part, number)
        self._forget()

    async def _interrupt_realtime(self, model: Realtime, number: int) -> None:
        assert self._player is not None
        player = self._player
        self._service.will_say(TEXT)
        await model.send_text("Say something.")
        if number % 3:
            await until(lambda: player.responses and player.last.audio, "the first audio")
        player.interrupt()
        player.responses.clear()
        player.facts.clear()

    async def _interrupt_stream(self, part: TTS | LLM, number: int) -> None:
        self._service.will_say(TEXT)
        answer: Consumer[Any] = Consumer(part.synthesize(TEXT) if isinstance(part, TTS) else part.respond(REQUEST))
        await answer.some(number % 3)
        part.interrupt()
        await answer.leave()

    async def _take_back(self, stt: STT, number: int) -> None:
        log: Any = HearingLog()
        stt.attach(Attachment(hearing=log))
        self._service.will_hear(TEXT)
        stt.begin_turn(ANNA)
        for piece in SPEECH:
            await stt.process_audio(piece, ANNA)
        if number % 3:
            await until(lambda: log.of("partial", "final"), "the first words")
        stt.discard_turn(ANNA)
        for piece in SILENCE:
            await stt.process_audio(piece, ANNA)

    def _forget(self) -> None:
        """What the stand-in writes down is no leak of the part."""
        service = self._service
        for name in ("said", "bodies", "refused"):
            if isinstance(getattr(service, name, None), list):
                getattr(service, name).clear()
        if hasattr(service, "forget") and service.sessions:
            service.forget()
        if hasattr(service, "sessions"):
            service.sessions[:-1] = []
        for session in getattr(service, "sessions", ()):
            for name in ("received", "refused", "asked", "history"):
                if isinstance(getattr(session, name, None), list):
                    getattr(session, name).clear()
            if hasattr(session, "generations"):
                session.generations[:] = [one for one in session.generations if one.running]
            if hasattr(getattr(session, "conversation", None), "items"):
                session.conversation.items.clear()


def held(service: Any) -> dict[str, Any]:
    """What this process holds now."""
    gc.collect()
    megabytes = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return {
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
        "files": len(os.listdir("/proc/self/fd")),
        "sockets": service.open_connections,
        "active": service.active,
        "MB": round(megabytes, 1),
    }


async def settled(service: Any, quiet: float) -> dict[str, Any]:
    """What is held when nothing happens any more."""
    loop = asyncio.get_running_loop()
    begun = since = loop.time()
    before: Any = None
    while loop.time() - since < quiet and loop.time() - begun < LONGEST:
        now = (len(asyncio.all_tasks()), service.open_connections, service.active)
        if now != before:
            before, since = now, loop.time()
        await asyncio.sleep(0.1)
    return held(service)


async def measure(provider: Provider, count: int, deaf: float) -> dict[str, Any]:
    async with provider.serve() as service:
        deafen(service, deaf, PACE)
        if provider.kind == "llm":
            await service.stall(after=3)
        part = Part(provider.make(service), service)
        await part.start()
        counts, seconds = [], 0.0
        for number in range(count + 1):
            if number in (count // 10, count // 2, count):
                counts.append(await settled(service, deaf + QUIET))
                names = Counter(task.get_name().rstrip("0123456789") for task in asyncio.all_tasks())
            begun = time.perf_counter()
            if number < count:
                await part.interrupt(number)
            seconds += time.perf_counter() - begun
        most = {
            name: getattr(service, name) for name in ("most_connections", "most_contexts") if hasattr(service, name)
        }
        await part.part.close()
        return {"counts": counts, "ms": seconds / count * 1000, "names": names, "most": most, "end": held(service)}


def child(name: str, count: int, deaf: float) -> None:
    logging.disable(logging.ERROR)
    provider = next(provider for provider in PROVIDERS if provider.name == name)
    print(json.dumps(asyncio.run(measure(provider, count, deaf))))


def show(name: str, result: dict[str, Any]) -> None:
    columns = [
        " ".join(f"{one[key]:>{6 if key == 'MB' else 3}}" for one in result["counts"]) for key in result["counts"][0]
    ]
    most = ", ".join(f"{value} {key.removeprefix('most_')} at most" for key, value in result["most"].items())
    print(f"{name:26} {result['ms']:5.1f}  {'  '.join(f'{column:12}' for column in columns)}  {most}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--deaf", type=float, default=0.0)
    parser.add_argument("--names", dest="tasks", action="store_true", help="print the names of the tasks in the end")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.count, options.deaf)
        return
    counted = "/".join(str(number) for number in (options.count // 10, options.count // 2, options.count))
    print(f"after {counted} interruptions{f', deaf for {options.deaf:g} s' if options.deaf else ''}")
    heads = ("tasks", "threads", "files", "sockets", "active", "resident MB")
    print(f"{'':26}    ms  {'  '.join(f'{head:12}' for head in heads)}", flush=True)
    for provider in chosen(options.names):
        command = [sys.executable, "-m", "benchmarks.rapid_interruptions", "--child", provider.name]
        command += ["--count", str(options.count), "--deaf", str(options.deaf)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
        if done.returncode:
            print(f"{provider.name:26} failed: {done.stderr.strip().splitlines()[-1]}", flush=True)
            continue
        result = json.loads(done.stdout.strip().splitlines()[-1])
        show(provider.name, result)
        if options.tasks:
            print(f"{'':26} {result['names']}")


if __name__ == "__main__":
    main()
