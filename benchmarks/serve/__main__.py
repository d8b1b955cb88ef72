"""A server under load: how many calls it takes, and what those calls, and those it refuses, notice of it.

The server is a process of its own, pinned to one core (`benchmarks.serve.server`); whoever asks it for sessions is
another (`benchmarks.serve.crowd`).

    few            8 calls, one for each voice: from the onset of speech to silence, p50/p95
    join           starts one after the other, warm: p50/p95
    limit          starts until one is refused, and on: how many calls run then, and how late their frames are
    overload       as many again ask each two seconds, for --overload seconds: the latest frame, the slowest refusal
    at 80 %        silence and lateness with so many calls; and how many run when starts are asked for again
    one by one     --calls calls one after the other: memory, tasks, files and threads before and after
    exact          100 starts at once on 30 places: how many run, how many are refused, and how soon

Where nothing else is at work, the limit is `Limits.cpu`, 0.85 of the core, over what a call takes of it. That is hardly
more than in `benchmarks.sessions`: to measure frames and load is 3 % of the event loop's work. Nearly two thirds of a
call are that loop's (a third of it Silero, a sixth resampling), the rest Smart Turn's thread, which goes behind the
frames': on a fuller core frames are in time for some calls more, and pauses are judged late. So a row has the
judgements, too, and `--cpu 1` shows what becomes of both beyond the limit.

    python -m benchmarks.serve                               all of it, about five minutes
    python -m benchmarks.serve --only one-by-one --calls 10000
    python -m benchmarks.serve.on_ray                        under Ray Serve: processes that go, too

Wants an idle machine of two cores or more: run it alone. A row says how much of the server's core others had all the
same: some per cent of it, and what it says of lateness is not the server's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from ..sessions.load import CYCLE
from .crowd import Asked, crowd, keep_off
from .server import percentiles, running

PARTS = ("few", "join", "limit", "overload", "at-80", "one-by-one", "exact")

FEW = 8
JOINS = 30
PLACES, AT_ONCE = 30, 100

# Each of those who are refused asks again after what the server tells them: two seconds.
AGAIN = 2.0

# Seconds after a look until frames are as they were: to look at all of them takes a moment of the server's own loop.
SETTLE = 1.0

# Calls after which nothing is made any more that is made once.
WARM = 50


class Client:
    """The sessions of one server. `core`: the server's, of which whoever asks keeps off."""

    def __init__(self, http: aiohttp.ClientSession, url: str, core: int) -> None:
        self._http, self.url, self._core = http, url, core
        self.open: list[str] = []

    async def ask(self, *arguments: object) -> Asked:
        """Have a crowd ask for sessions."""
        asked = await asyncio.to_thread(crowd, self.url, self._core, *arguments)
        self.open += asked.sessions
        return asked

    async def end(self, count: int | None = None) -> None:
        """End so many sessions, or all; wait until they are over."""
        ending, self.open = self.open[:count], self.open[count:] if count is not None else []
        for one in ending:
            async with self._http.delete(one) as answer:
                assert answer.status in (204, 404)
        for one in ending:
            async with self._http.get(f"{one}/end") as answer:
                assert answer.status in (200, 404)

    async def sessions(self) -> int:
        """Sessions that have a place."""
        return int((await self._figures())["vision_agents_sessions"])

    async def reasons(self) -> str:
        """The reasons for which starts were refused so far, in words."""
        figures = await self._figures()
        counts = {name.split('"')[1]: count for name, count in figures.items() if "refused_total{" in name}
        return ", ".join(f"{reason} {count:.0f}" for reason, count in counts.items())

    async def _figures(self) -> dict[str, float]:
        async with self._http.get(f"{self.url}/metrics") as answer:
            lines = (line.rpartition(" ") for line in (await answer.text()).splitlines() if not line.startswith("#"))
            return {name: float(value) for name, _, value in lines}

    async def begin(self) -> None:
        """Look at frames from now on; not at those that the last look made late."""
        await asyncio.sleep(SETTLE)
        async with self._http.get(f"{self.url}/begin") as answer:
            assert answer.status == 200

    async def look(self) -> dict[str, Any]:
        """What the frames were like since `begin`."""
        async with self._http.get(f"{self.url}/look") as answer:
            looked: dict[str, Any] = await answer.json()
            return looked

    async def measured(self, seconds: float) -> dict[str, Any]:
        """What the frames are like from now on, once the callers have had a cycle."""
        await asyncio.sleep(CYCLE)
        await self.begin()
        await asyncio.sleep(seconds)
        return await self.look()

    async def one_by_one(self, calls: int) -> list[float]:
        """So many calls, one after the other; returns how long their starts took."""
        joins: list[float] = []
        clock = asyncio.get_running_loop().time
        while len(joins) < calls:
            began = clock()
            async with self._http.post(f"{self.url}/calls/one-by-one/sessions") as answer:
                body = await answer.json()
            if answer.status == 201:
                joins.append(clock() - began)
                self.open.append(f"{self.url}/calls/one-by-one/sessions/{body['session_id']}")
                await self.end()
            else:
                await asyncio.sleep(0.1)
        return joins


async def few(client: Client, options: argparse.Namespace) -> None:
    await client.ask("--every", 0.3, "--seconds", FEW * 0.3)
    show(f"{len(client.open)} calls", await client.measured(options.seconds))
    await client.end()


async def join(client: Client, options: argparse.Namespace) -> None:
    joins = await client.one_by_one(JOINS + 5)
    print(f"{'join':12} p50/p95 {_slash(percentiles(joins[5:])[:2])} ms", flush=True)


async def limit(client: Client, options: argparse.Namespace) -> None:
    asked = await client.ask("--every", 0.1, "--seconds", options.fill)
    refusals = f"{len(asked.refusals)} refused ({await client.reasons()})" if asked.refusals else "none refused"
    print(f"{'limit':12} {len(client.open)} calls, {refusals}", flush=True)
    show("", await client.measured(options.seconds))


async def overload(client: Client, options: argparse.Namespace) -> None:
    await client.begin()
    asked = await client.ask("--every", AGAIN / max(1, len(client.open)), "--seconds", options.overload)
    show("overload", await client.look())
    print(f"{'':12} {refused(asked)}; {len(client.open)} calls at the end", flush=True)


async def at_80(client: Client, options: argparse.Namespace) -> None:
    most = len(client.open)
    await client.end(max(0, most - max(1, round(0.8 * most))))
    show(f"at {len(client.open)}", await client.measured(options.seconds))
    await client.ask("--every", 0.1, "--seconds", options.fill / 2)
    print(f"{'again':12} {len(client.open)} calls run, {most} before", flush=True)
    await client.end()


async def one_by_one(client: Client, options: argparse.Namespace) -> None:
    await client.one_by_one(WARM)
    before = await client.look()
    joins = await client.one_by_one(options.calls)
    after = await client.look()
    parts = ", ".join(
        f"{name} {before[name]:.0f} → {after[name]:.0f}" for name in ("rss_mb", "tasks", "files", "threads")
    )
    print(f"{'one by one':12} {options.calls} calls, join p95 {percentiles(joins)[1]:.1f} ms: {parts}", flush=True)


async def exact(client: Client, options: argparse.Namespace) -> None:
    await client.one_by_one(3)
    asked = await client.ask("--at-once", AT_ONCE)
    print(
        f"{'exact':12} {len(asked.sessions)} of {AT_ONCE} run on {PLACES} places ({await client.sessions()} have one), "
        f"{refused(asked)}",
        flush=True,
    )
    await client.end()
    again = await client.ask("--at-once", AT_ONCE)
    print(f"{'':12} once more: {len(again.sessions)} run, {refused(again)}", flush=True)


DOING = {"few": few, "join": join, "limit": limit, "overload": overload, "at-80": at_80, "one-by-one": one_by_one}


async def measure(options: argparse.Namespace, load: Path) -> None:
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http:
        if set(options.only) - {"exact"}:
            with running(load, options.core, cpu=options.cpu) as url:
                client = Client(http, url, options.core)
                for name, do in DOING.items():
                    if name in options.only:
                        await do(client, options)
        if "exact" in options.only:
            with running(load, options.core, PLACES) as url:
                await exact(Client(http, url, options.core), options)


def refused(asked: Asked) -> str:
    """The refusals of a crowd, in words."""
    if not asked.refusals:
        return "none refused"
    p50, _, _, most = percentiles(asked.refusals)
    return f"{len(asked.refusals)} refused in p50 {p50:.0f} ms, at most {most:.0f} ms"


def show(name: str, row: dict[str, Any]) -> None:
    """A row of the table."""
    print(
        f"{name:12} frames late p50/p95/p99/max {_slash(row['late_ms'])} ms, {row['missed']:.2%} above 20 ms; silence "
        f"p50/p95 {_slash(row['stop_ms'][:2])} ms of {row['stops']}; {row['judged']} pauses judged in p50/p95 "
        f"{'/'.join(f'{value:.0f}' for value in row['judged_ms'])} ms, {row['given_up']} not in time; "
        f"{row['rss_mb']:.0f} MB; others had {row['others']:.0%} of the core",
        flush=True,
    )


def _slash(values: Sequence[float | None]) -> str:
    return "/".join("–" if value is None else f"{value:.1f}" for value in values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="overload and at-80 want limit before")
    parser.add_argument("--seconds", type=float, default=20.0, help="measured in each row")
    parser.add_argument("--fill", type=float, default=40.0, help="how long starts are asked for to find the limit")
    parser.add_argument("--overload", type=float, default=60.0)
    parser.add_argument("--calls", type=int, default=500, help="one by one")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--cpu", type=float, help="share of the core up to which calls are taken; Limits() by default")
    options = parser.parse_args()
    if {"overload", "at-80"} & set(options.only) and "limit" not in options.only:
        parser.error("overload and at-80 begin with as many calls as fit: name limit, too")
    keep_off(options.core)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        load = Path(folder, "load.npz")
        from ..sessions.speech import build  # deferred: --help needs no models

        build(None, False).save(load)
        asyncio.run(measure(options, load))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
