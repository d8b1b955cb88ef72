"""The server under test: `CallHost` behind HTTP on one core, and a caller for each session that is started.

Agents have real Silero and Smart Turn and scripted cloud parts. Callers are those of `benchmarks.sessions`: they speak
for 40 % of the time and interrupt each ten seconds.

    python -m benchmarks.serve.server --load LOAD.npz --core 1
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vision_agents.core.models import WorkerStats, loaded_models

from ..sessions.load import Caller, Load

ROOT = Path(__file__).parents[2]


class Calls:
    """The calls of the server, each with a caller, and what their frames are like."""

    def __init__(self, load: Load, core: int) -> None:
        self.load = load
        self._core = core
        self.lines: list[Any] = []
        self._number = 0
        self._begins: dict[int, int] = {}
        self._judged, self._given_up = 0, 0
        self._times = times(core)

    async def create_agent(self) -> Any:
        from ..sessions.on_vision_agents import Call, Edge

        floor, number = self, self._number
        self._number += 1

        class Called(Edge):
            """A caller begins to talk as soon as the agent is there."""

            async def join(self, agent_user: Any, call: Any, sink: Any) -> None:
                from ..sessions.on_vision_agents import CALLER
                from ..sessions.run import Line

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

    def begin(self) -> None:
        """Look at frames from now on."""
        self._begins = {id(line): len(line.late) for line in self.lines}
        stats = judgements()
        self._judged, self._given_up = stats.done, stats.cancelled
        self._times = times(self._core)

    def look(self) -> dict[str, Any]:
        """What the frames were like since `begin`. While this looks at them, frames are late that are none of these."""
        late: list[float] = []
        stops: list[float | None] = []
        for line in self.lines:
            begin = self._begins.get(id(line), 0)
            late += line.late[begin:]
            stops += line.stops(begin)
        turns = judgements()
        passed, busy, own = (now - then for now, then in zip(times(self._core), self._times, strict=True))
        return {
            "late_ms": percentiles(late),
            "missed": float((np.array(late or [0.0]) > 0.02).mean()),
            "stop_ms": percentiles([stop for stop in stops if stop is not None]),
            "stops": len(stops),
            "others": max(0.0, busy - own) / passed,
            "judged": turns.done - self._judged,
            "given_up": turns.cancelled - self._given_up,
            "judged_ms": [1000 * (turns.wait_p50 + turns.run_p50), 1000 * (turns.wait_p95 + turns.run_p95)],
            "tasks": len(asyncio.all_tasks()),
            "files": len(os.listdir("/proc/self/fd")),
            "threads": threading.active_count(),
        }


def times(core: int) -> tuple[float, float, float]:
    """Seconds until now: by the clock, those in which the core was busy, and what this process had of them."""
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, _, _, *interrupts = map(int, line.split()[1:9])
    busy = (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
    return time.perf_counter(), busy, time.process_time()


def judgements() -> WorkerStats:
    """The work of Smart Turn, whose thread goes behind the frames': on a core that is full it comes too late."""
    return next(model.worker for model in loaded_models() if model.name == "smart-turn")


async def serve(options: argparse.Namespace) -> None:
    from vision_agents.serving import AgentLauncher, CallHost, Limits, ServeOptions
    from vision_agents.serving.http import make_app
    from vision_agents.serving.server import Address
    from vision_agents.serving.server import serve as run

    floor = Calls(Load.open(options.load), options.core)
    launcher = AgentLauncher(floor.create_agent, max_concurrent_sessions=options.places, agent_idle_timeout=None)
    host = CallHost(launcher, Limits() if options.cpu is None else Limits(cpu=options.cpu))
    address = Address(port=0)
    bound = address.bind()
    app = make_app(host, ServeOptions(secret="", starts_per_second=1e6, start_burst=10**6))

    async def look() -> dict[str, Any]:
        return floor.look() | {"rss_mb": host.load.rss / 1e6}

    async def begin() -> None:
        floor.begin()

    app.add_api_route("/begin", begin, methods=["GET"])
    app.add_api_route("/look", look, methods=["GET"])
    await host.start()
    floor.lines.clear()
    await run(app, host, bound, address=address, started=lambda: print(address.url(bound), flush=True))


@contextlib.contextmanager
def running(load: Path, core: int, places: int | None = None, cpu: float | None = None) -> Iterator[str]:
    """A server in a process on a core, with as many places as it can keep or `places`; yields its address.

    `cpu`: takes calls up to this share of the core, not the usual one.
    """
    command = [sys.executable, "-m", "benchmarks.serve.server", "--load", str(load), "--core", str(core)]
    given = {"--places": places, "--cpu": cpu}
    command += [str(word) for name, value in given.items() if value is not None for word in (name, value)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError("the server did not start")
        yield url
    finally:
        process.kill()
        process.wait()


def percentiles(seconds: Any) -> list[float]:
    """p50, p95, p99 and the largest, in milliseconds."""
    if not len(seconds):
        return [float("nan")] * 4
    return [float(value) * 1000 for value in np.percentile(seconds, [50, 95, 99, 100])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", type=Path, required=True)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--places", type=int)
    parser.add_argument("--cpu", type=float)
    options = parser.parse_args()
    # Before anything makes a thread, and before networks choose how many they want.
    os.sched_setaffinity(0, {options.core})
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
