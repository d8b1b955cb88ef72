"""One row: so many sessions of one framework in this process, pinned to one core. Prints the row as JSON.

python -m benchmarks.sessions.run --on vision_agents --load LOAD.npz --sessions 50
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .load import CYCLE, CYCLE_FRAMES, FRAME, Caller, Load, Samples

# A frame that is pulled later than this is missed.
TOO_LATE = 0.02

# Around each onset, in frames, it is noted how far a pulled frame is audible: the agent must have been speaking
# before, and is silent once it is for so long.
BEFORE, AFTER, SILENT_FOR = 10, 100, 15

# The probe of the event loop.
PROBE = 0.01


class Call(Protocol):
    """A session of whatever framework, before and after it is joined."""

    async def start(self) -> None:
        """Join."""

    def push(self, frame: Samples) -> None:
        """Take the caller's next 20 ms, at 48 kHz."""

    def pull(self) -> Samples:
        """The agent's next 20 ms, at any rate."""

    async def close(self) -> None:
        """Leave."""


class Line:
    """A real edge's work for one call: a frame in and a frame out each 20 ms, each in its time, and late ones too."""

    def __init__(self, call: Call, caller: Caller, start: float) -> None:
        self._call = call
        self._caller = caller
        self._loop = asyncio.get_running_loop()
        self._first = caller.place
        self._start = start + caller.phase
        # For each frame how late it was pulled, and around onsets how much of it was audible, as a share.
        self.late: list[float] = []
        self.audible: dict[int, float] = {}
        self._timer = self._loop.call_at(self._start, self._tick)

    def stop(self) -> None:
        self._timer.cancel()

    def _tick(self) -> None:
        number = len(self.late)
        self.late.append(self._loop.time() - self._due(number))
        place = self._caller.place % CYCLE_FRAMES
        self._call.push(self._caller.frame())
        frame = self._call.pull()
        if place < AFTER or place >= CYCLE_FRAMES - BEFORE:
            sound = np.flatnonzero(frame)
            self.audible[self._first + number] = (sound[-1] + 1) / len(frame) if len(sound) else 0.0
        self._timer = self._loop.call_at(self._due(number + 1), self._tick)

    def _due(self, number: int) -> float:
        return self._start + number * FRAME

    def stops(self, begin: int) -> list[float | None]:
        """For each interruption since frame `begin` the seconds from its onset to silence; None if it never came."""
        found: list[float | None] = []
        for cycle in range(
            -(-(self._first + begin) // CYCLE_FRAMES), (self._first + len(self.late)) // CYCLE_FRAMES + 1
        ):
            zero = cycle * CYCLE_FRAMES
            window = [self.audible.get(zero + place) for place in range(-BEFORE, AFTER)]
            if any(share is None for share in window) or not window[BEFORE - 1]:
                continue
            found.append(self._stop([share or 0.0 for share in window[BEFORE:]], zero, self._caller.onset(cycle)))
        return found

    def _stop(self, shares: list[float], zero: int, onset: float) -> float | None:
        for place in range(round(onset / FRAME), AFTER - SILENT_FOR):
            if not any(shares[place + 1 : place + 1 + SILENT_FOR]):
                late = self.late[zero + place - self._first]
                return place * FRAME + late + shares[place] * FRAME - onset
        return None


async def probe(lags: list[float]) -> None:
    """Note how late the event loop wakes up what it owes a wake-up."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + PROBE
        await asyncio.sleep(PROBE)
        lags.append(loop.time() - due)


async def measure(on: Any, load: Load, sessions: int, seconds: float) -> dict[str, Any]:
    """Join, let a cycle pass, measure for so many seconds, leave."""
    await on.warm_up()
    loop = asyncio.get_running_loop()
    calls: list[Call] = []
    lines: list[Line] = []
    joins: list[float] = []
    for number in range(sessions):
        began = time.perf_counter()
        call = on.call(load, number)
        await call.start()
        joins.append(time.perf_counter() - began)
        calls.append(call)
        lines.append(Line(call, Caller(load, number), loop.time()))
    await asyncio.sleep(CYCLE)
    begins = [len(line.late) for line in lines]
    lags: list[float] = []
    probing = asyncio.create_task(probe(lags))
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    rss = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    probing.cancel()
    for line in lines:
        line.stop()
    late = np.concatenate([line.late[begin:] for line, begin in zip(lines, begins, strict=True)] or [np.zeros(1)])
    stops = [stop for line, begin in zip(lines, begins, strict=True) for stop in line.stops(begin)]
    await asyncio.wait([asyncio.ensure_future(call.close()) for call in calls], timeout=10.0)
    return {
        "cpu_ms": 1000 * cpu / wall / sessions,
        "late_ms": _percentiles(late),
        "missed": float((late > TOO_LATE).mean()),
        "stop_ms": _percentiles([stop for stop in stops if stop is not None]),
        "stops": len(stops),
        "unheard": sum(stop is None for stop in stops),
        "lag_ms": _percentiles(lags),
        "rss_mb": rss / 1e6,
        "join_ms": _percentiles(joins),
    }


def _percentiles(seconds: Any) -> list[float]:
    """p50, p95, p99 and the largest, in milliseconds."""
    if not len(seconds):
        return [float("nan")] * 4
    return [float(value) * 1000 for value in np.percentile(seconds, [50, 95, 99, 100])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", required=True, choices=["vision_agents", "livekit", "pipecat"])
    parser.add_argument("--load", type=Path, required=True)
    parser.add_argument("--sessions", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    options = parser.parse_args()
    # Before anything makes a thread, and before networks choose how many they want.
    os.sched_setaffinity(0, {options.core})
    on = importlib.import_module(f"benchmarks.sessions.on_{options.on}")
    row = asyncio.run(measure(on, Load.open(options.load), options.sessions, options.seconds))
    print(json.dumps(row), flush=True)
    # Whatever a framework left running is not waited for.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
