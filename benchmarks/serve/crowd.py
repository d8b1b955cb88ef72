"""Whoever asks a server for sessions, in a process of its own: what is measured of an answer is the server's alone.

    python -m benchmarks.serve.crowd URL --at-once 100
    python -m benchmarks.serve.crowd URL --every 0.02 --seconds 60

Prints JSON: the addresses of the sessions that were started, and how long starts and refusals took, in seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]


@dataclass
class Asked:
    """The answers to starts."""

    sessions: list[str] = field(default_factory=list)
    joins: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


def crowd(url: str, core: int, *arguments: object) -> Asked:
    """Have a crowd ask, which keeps off `core`. Blocks until it has all answers."""
    keep_off(core)
    command = [sys.executable, "-m", "benchmarks.serve.crowd", url, *map(str, arguments)]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    asked = Asked(**json.loads(run.stdout))
    if asked.unexpected:
        raise RuntimeError(f"{len(asked.unexpected)} answers are none that was expected: {asked.unexpected[0]}")
    return asked


def keep_off(core: int) -> None:
    """Have this thread, and the processes that it starts, run on other cores than `core`, if there are any."""
    os.sched_setaffinity(0, os.sched_getaffinity(0) - {core} or {core})


class Connection:
    """One connection to the server, kept open; requests of one line, answers as they come."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._host = urlsplit(url).netloc

    async def open(self) -> Connection:
        name, _, port = self._host.rpartition(":")
        self._reader, self._writer = await asyncio.open_connection(name, int(port))
        return self

    async def start(self, asked: Asked) -> None:
        """Ask for a session, and note the answer."""
        path = f"/calls/call-{uuid.uuid4().hex}/sessions"
        began = time.perf_counter()
        self._writer.write(f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: 0\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        took = time.perf_counter() - began
        body = await self._reader.readexactly(int(head.lower().split(b"content-length:")[1].split()[0]))
        match status := int(head.split()[1]):
            case 201:
                asked.sessions.append(f"{self._url}{path}/{json.loads(body)['session_id']}")
                asked.joins.append(took)
            case 503:
                asked.refusals.append(took)
            case _:
                asked.unexpected.append(f"{status} {body.decode()}")


async def at_once(url: str, count: int) -> Asked:
    """So many starts at the same moment, on connections that are open."""
    asked = Asked()
    connections = [await Connection(url).open() for _ in range(count)]
    await asyncio.gather(*(connection.start(asked) for connection in connections))
    return asked


async def again_and_again(url: str, every: float, seconds: float) -> Asked:
    """A start each `every` seconds, whether the one before has its answer or not."""
    asked, clock = Asked(), asyncio.get_running_loop().time
    free: list[Connection] = []
    tasks: set[asyncio.Task[Any]] = set()

    async def one() -> None:
        connection = free.pop() if free else await Connection(url).open()
        await connection.start(asked)
        free.append(connection)

    began = clock()
    for number in range(int(seconds / every)):
        await asyncio.sleep(max(0.0, began + number * every - clock()))
        task = asyncio.create_task(one())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--at-once", type=int)
    parser.add_argument("--every", type=float, default=0.05)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    if options.at_once:
        asked = asyncio.run(at_once(options.url, options.at_once))
    else:
        asked = asyncio.run(again_and_again(options.url, options.every, options.seconds))
    print(json.dumps(vars(asked)))


if __name__ == "__main__":
    main()
