"""A server under load: how many calls it takes, and what those calls, and those it refuses, notice of it.

The server is a process of its own, pinned to one core: `CallHost` behind HTTP, agents with real Silero and Smart Turn
and scripted cloud parts. Each session that is started has a caller of `benchmarks.sessions`, who speaks for 40 % of the
time and interrupts each ten seconds. Whoever asks for sessions runs beside it.

    alone          one call: from the onset of speech to silence, p50/p95
    join           starts one after the other, warm: p50/p95
    exact          100 starts at once on 30 places: how many run, how many are refused
    limit          a start each 50 ms until one is refused: how many calls run then, and how late their frames are
    overload       so many starts for --overload seconds, twice what fits: the latest frame, the slowest refusal
    at 80 %        silence and lateness with so many calls
    one by one     --calls calls one after the other: memory, tasks, files and threads before and after

    python -m benchmarks.serve

Wants an idle machine: run it alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from .sessions.load import CYCLE, Caller, Load

ROOT = Path(__file__).parents[1]


# The server's process.


class Calls:
    """The calls of the server, each with a caller, and what their frames were like since they were last asked about."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.lines: list[Any] = []
        self._number = 0
        self._begins: dict[int, int] = {}

    async def create_agent(self) -> Any:
        from .sessions.on_vision_agents import Call, Edge

        floor, number = self, self._number
        self._number += 1

        class Called(Edge):
            """A caller begins to talk as soon as the agent is there."""

            async def join(self, agent_user: Any, call: Any, sink: Any) -> None:
                from .sessions.on_vision_agents import CALLER
                from .sessions.run import Line

                await super().join(agent_user, call, sink)
                sink.participant_joined(CALLER)
                self.line = Line(made, Caller(floor.load, number), asyncio.get_running_loop().time())
                floor.lines.append(self.line)

            async def leave(self) -> None:
                line = getattr(self, "line", None)
                if line is not None and line in floor.lines:
                    line.stop()
                    floor.lines.remove(line)

        made = Call(self.load, Called())
        return made.agent

    def look(self) -> dict[str, Any]:
        """What the frames were like since the last look."""
        late: list[float] = []
        stops: list[float | None] = []
        for line in self.lines:
            begin = self._begins.get(id(line), 0)
            late += line.late[begin:]
            stops += line.stops(begin)
            self._begins[id(line)] = len(line.late)
        return {
            "late_ms": percentiles(late),
            "missed": float((np.array(late or [0.0]) > 0.02).mean()),
            "stop_ms": percentiles([stop for stop in stops if stop is not None]),
            "stops": len(stops),
            "tasks": len(asyncio.all_tasks()),
            "files": len(os.listdir("/proc/self/fd")),
            "threads": threading.active_count(),
        }


async def serve(options: argparse.Namespace) -> None:
    from vision_agents.serving import AgentLauncher, CallHost, ServeOptions
    from vision_agents.serving.http import make_app
    from vision_agents.serving.server import Address
    from vision_agents.serving.server import serve as run

    floor = Calls(Load.open(options.load))
    launcher = AgentLauncher(floor.create_agent, max_concurrent_sessions=options.places, agent_idle_timeout=None)
    host = CallHost(launcher)
    address = Address(port=0)
    bound = address.bind()
    app = make_app(host, ServeOptions(secret="", starts_per_second=1e6, start_burst=10**6))

    async def look() -> dict[str, Any]:
        return floor.look() | {"rss_mb": host.load.rss / 1e6}

    app.add_api_route("/look", look, methods=["GET"])
    await host.start()
    floor.lines.clear()
    await run(app, host, bound, address=address, started=lambda: print(address.url(bound), flush=True))


# Whoever asks.


class Client:
    """Starts and ends sessions of one server, and notes how long the answers took."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url
        self._calls = 0
        self.open: list[str] = []
        self.joins: list[float] = []
        self.refusals: list[float] = []

    async def start(self) -> bool:
        self._calls += 1
        sessions = f"{self._url}/calls/call-{self._calls}/sessions"
        began = time.perf_counter()
        async with self._http.post(sessions) as answer:
            body = await answer.json()
            took = time.perf_counter() - began
        if answer.status == 201:
            self.open.append(f"{sessions}/{body['session_id']}")
            self.joins.append(took)
            return True
        assert answer.status == 503, body
        self.refusals.append(took)
        return False

    async def end(self, count: int | None = None) -> None:
        ending, self.open = self.open[:count], self.open[count:] if count is not None else []
        for one in ending:
            async with self._http.delete(one) as answer:
                assert answer.status == 204
        while await self.sessions() > len(self.open):  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    async def look(self) -> dict[str, Any]:
        async with self._http.get(f"{self._url}/look") as answer:
            looked: dict[str, Any] = await answer.json()
            return looked

    async def sessions(self) -> int:
        async with self._http.get(f"{self._url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return int(float(next(line.split()[1] for line in lines if line.startswith("vision_agents_sessions "))))

    async def measured(self, seconds: float) -> dict[str, Any]:
        """What the frames are like from now on, once the callers have had a cycle."""
        await asyncio.sleep(CYCLE)
        await self.look()
        await asyncio.sleep(seconds)
        return await self.look()

    async def fill(self, seconds: float, every: float) -> int:
        """Ask for a session each `every` seconds; returns the most that ran at a time."""
        most, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            await self.start()
            most = max(most, len(self.open))
            await asyncio.sleep(every)
        return most


@contextlib.contextmanager
def server(options: argparse.Namespace, load: Path, places: int | None) -> Iterator[str]:
    """A server on the core; yields its address."""
    command = [sys.executable, "-m", "benchmarks.serve", "--serve", "--load", str(load), "--core", str(options.core)]
    process = subprocess.Popen(
        [*command, *(["--places", str(places)] if places else [])], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


async def ask(options: argparse.Namespace, load: Path) -> None:
    timeout = aiohttp.ClientTimeout(total=120)
    with server(options, load, None) as url:
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http:
            client = Client(http, url)
            await client.start()
            show("alone", await client.measured(options.seconds))
            await client.end()
            client.joins.clear()
            while len(client.joins) < 30:
                await client.start()
                await client.end()
            print(f"{'join':12} p50/p95 {_slash(percentiles(client.joins)[:2])} ms", flush=True)
            most = await client.fill(options.fill, 0.05)
            print(f"{'limit':12} {most} calls at most, {len(client.refusals)} refused", flush=True)
            show("", await client.measured(options.seconds), client)
            client.refusals.clear()
            await client.look()
            await client.fill(options.overload, max(0.01, options.overload / (2 * most) / 4))
            show("overload", await client.look(), client)
            kept = max(1, round(0.8 * most))
            await client.end(max(0, len(client.open) - kept))
            show(f"at {len(client.open)}", await client.measured(options.seconds), client)
            await client.end()
            await one_by_one(client, options.calls)
    with server(options, load, 30) as url:
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http:
            client = Client(http, url)
            started = await asyncio.gather(*(client.start() for _ in range(100)))
            slow = percentiles(client.refusals)
            print(
                f"{'exact':12} {sum(started)} of 100 run on 30 places, {len(client.refusals)} refused in at most "
                f"{slow[3]:.0f} ms, {await client.sessions()} have a place",
                flush=True,
            )


async def one_by_one(client: Client, calls: int) -> None:
    async def some(count: int) -> None:
        while count:
            count -= await client.start()
            await client.end()

    await some(50)  # What is made once is made by then.
    before = await client.look()
    await some(calls)
    after = await client.look()
    parts = ", ".join(
        f"{name} {before[name]:.0f} → {after[name]:.0f}" for name in ("rss_mb", "tasks", "files", "threads")
    )
    print(f"{'one by one':12} {calls} calls: {parts}", flush=True)


def show(name: str, row: dict[str, Any], client: Client | None = None) -> None:
    """A row of the table."""
    refusals = f", refused in at most {max(client.refusals) * 1000:.0f} ms" if client and client.refusals else ""
    print(
        f"{name:12} frames late p50/p95/p99/max {_slash(row['late_ms'])} ms, {row['missed']:.2%} above 20 ms; silence "
        f"p50/p95 {_slash(row['stop_ms'][:2])} ms of {row['stops']}; {row['rss_mb']:.0f} MB{refusals}",
        flush=True,
    )


def percentiles(seconds: Any) -> list[float]:
    """p50, p95, p99 and the largest, in milliseconds."""
    if not len(seconds):
        return [float("nan")] * 4
    return [float(value) * 1000 for value in np.percentile(seconds, [50, 95, 99, 100])]


def _slash(values: Sequence[float | None]) -> str:
    return "/".join("–" if value is None else f"{value:.1f}" for value in values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="measured in each row")
    parser.add_argument("--fill", type=float, default=60.0, help="how long starts are asked for to find the limit")
    parser.add_argument("--overload", type=float, default=60.0)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--places", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        os.sched_setaffinity(0, {options.core})
        asyncio.run(serve(options))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        load = Path(folder, "load.npz")
        from .sessions.speech import build  # deferred: --help needs no models

        build(None, False).save(load)
        asyncio.run(ask(options, load))


if __name__ == "__main__":
    main()
