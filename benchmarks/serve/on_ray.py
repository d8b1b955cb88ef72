"""Calls under Ray Serve: what a core takes, what joining costs, and what is lost when processes go.

A cluster on this machine; the hosts of the first rows are pinned to one core and have real Silero and Smart Turn and
scripted cloud parts, with a caller of `benchmarks.sessions` in each call, as in `benchmarks.serve`. Those of the other
rows have scripted parts alone: what is measured there is who is told what, and when.

    join           starts one after the other, warm: p50/p95
    limit          a start each 50 ms until one is refused: how many calls run then, on one core, and how they are
    exact          100 starts at once on 3 hosts of 10 places: how many run, how many are refused
    full           a start each 50 ms while all places are taken: how soon they are refused
    releases       --calls calls, a few at a time, each --seconds long, with a new release in each lot: how many are
                   lost
    kill -9        of a host: its calls, how long until they are told or have another host, starts meanwhile
    hangs          the same for a host that is stopped (SIGSTOP)

    python -m benchmarks.serve.on_ray

Wants an idle machine: run it alone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import ray
from ray import serve
from ray.cluster_utils import Cluster
from ray.serve.config import HTTPOptions, ProxyLocation

from vision_agents.core import Agent, AgentLauncher, Runner, ServeOptions, User
from vision_agents.serving import Limits
from vision_agents.serving.ray import Fleet, cluster
from vision_agents.serving.ray.app import QUIET
from vision_agents.serving.ray.client import NAMESPACE
from vision_agents.serving.server import Address
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS

from ..sessions.load import Load
from .crowd import Asked, crowd
from .server import Calls, percentiles

HOSTS, PLACES = 3, 10

# Calls where a host goes, and starts meanwhile: the other hosts have places for all of them.
RUNNING, MEANWHILE = 14, 6
OPTIONS = ServeOptions(secret="", starts_per_second=1e6, start_burst=10**6)


# The programs.


def with_ears(load: Path, core: int) -> Runner:
    """Agents with real ears; whatever process makes one is pinned to the core."""
    floor: list[Calls] = []

    async def create_agent() -> Any:
        if not floor:
            os.sched_setaffinity(0, {core})
            floor.append(Calls(Load.open(load), core))
        return await floor[0].create_agent()

    return Runner(AgentLauncher(create_agent, agent_idle_timeout=None), OPTIONS)


def scripted() -> Runner:
    """Agents that cost little, on hosts of so many places, whatever the machine does."""

    def create_agent(edge: Any = None) -> Agent:
        parts: dict[str, Any] = {"llm": ScriptedLLM(["One."]), "stt": ScriptedSTT(), "tts": ToneTTS()}
        return Agent(edge=LoopEdge(), agent_user=User("agent"), turn_detection=ScriptedDetector(), **parts)

    limits = Limits(lateness=9.0, loop_lag=9.0, cpu=99.0, memory=9.0, starting=1000)
    launcher = AgentLauncher(
        lambda: create_agent(), agent_idle_timeout=None, max_concurrent_sessions=PLACES, participant_wait_timeout=0.0
    )
    return Runner(launcher, ServeOptions(secret="", starts_per_second=1e6, start_burst=10**6, limits=limits))


# Whoever asks.


class Client:
    """Starts and ends sessions, and notes what becomes of them."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url
        self._number = 0
        self.joins: list[float] = []

    async def start(self) -> str | None:
        self._number += 1
        sessions = f"{self._url}/calls/call-{self._number}/sessions"
        began = time.perf_counter()
        async with self._http.post(sessions) as answer:
            body = await answer.json()
        took = time.perf_counter() - began
        if answer.status != 201:
            assert answer.status == 503, body
            return None
        self.joins.append(took)
        return f"{sessions}/{body['session_id']}"

    async def end(self, one: str) -> int:
        async with self._http.delete(one) as answer:
            return answer.status

    async def there(self, one: str) -> bool:
        async with self._http.get(one) as answer:
            return answer.status == 200

    async def told(self, one: str) -> float:
        """When the end of a session was told, by this process's clock."""
        while True:
            async with self._http.get(f"{one}/end") as answer:
                if answer.status != 200 or (await answer.json())["over"]:
                    return time.perf_counter()

    async def figures(self, name: str) -> dict[str, float]:
        async with self._http.get(f"{self._url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        found = [line for line in lines if line.startswith(f"vision_agents_{name}{{")]
        return {line.split('host="')[1].split('"')[0]: float(line.split()[-1]) for line in found}

    async def until(self, count: int, hosts: int | None = None, *, at_least: bool = False) -> dict[str, float]:
        """Wait until the hosts have so many sessions, and there are so many hosts."""
        async with asyncio.timeout(120):
            while True:
                sessions = await self.figures("sessions")
                there = sum(sessions.values())
                if (there == count or (at_least and there > count)) and hosts in (None, len(sessions)):
                    return sessions
                await asyncio.sleep(0.02)

    async def gone(self, host: str) -> None:
        """Wait until the host is none any more."""
        while host in await self.figures("sessions"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@asynccontextmanager
async def served(load: Any, hosts: int) -> AsyncIterator[Client]:
    await cluster.deploy(load, Fleet(hosts, hosts, private=True))
    timeout = aiohttp.ClientTimeout(total=180)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http:
        client = Client(http, URL[0])
        await client.until(0, hosts)
        yield client


URL: list[str] = []


async def on_one_core(options: argparse.Namespace, load: Path) -> None:
    async with served(partial(with_ears, load, options.core), 1) as client:
        while len(client.joins) < 30:
            one = await client.start()
            assert one is not None
            await client.end(one)
            await client.until(0)
        row("join", f"p50/p95 {'/'.join(f'{value:.0f}' for value in percentiles(client.joins)[:2])} ms")
        asked = await ask(options, "--every", 0.05, "--seconds", options.fill)
        late = max((await client.figures("pull_lateness_p99_seconds")).values()) * 1000
        rss = max((await client.figures("resident_memory_bytes")).values()) / 1e6
        row("limit", f"{len(asked.sessions)} calls, frames late p99 {late:.1f} ms; {rss:.0f} MB, {refused(asked)}")
        await asyncio.gather(*map(client.end, asked.sessions))


async def when_processes_go(options: argparse.Namespace) -> None:
    async with served(scripted, HOSTS) as client:
        asked = await ask(options, "--at-once", 100)
        sessions = await client.until(len(asked.sessions))
        row(
            "exact",
            f"{len(asked.sessions)} of 100 run on {HOSTS} × {PLACES} places ({_counts(sessions)}), {refused(asked)}",
        )
        again = await ask(options, "--every", 0.05, "--seconds", options.full)
        row("full", f"{len(again.sessions)} more run, {refused(again)}")
        await asyncio.gather(*map(client.end, asked.sessions))
        await client.until(0)
        await releases(client, options)
        for name, number in (("kill -9", signal.SIGKILL), ("hangs", signal.SIGSTOP)):
            await client.until(0, HOSTS)
            await one_goes(client, name, number)


async def ask(options: argparse.Namespace, *arguments: object) -> Asked:
    """Have a crowd ask for sessions. This process would be late: a round of its garbage collector takes 100 ms."""
    return await asyncio.to_thread(crowd, URL[0], options.core, *arguments)


def refused(asked: Asked) -> str:
    """The refusals of a crowd, in words."""
    if not asked.refusals:
        return "none refused"
    return f"{len(asked.refusals)} refused in p50/p95/p99/max {_slash(percentiles(asked.refusals))} ms"


async def releases(client: Client, options: argparse.Namespace) -> None:
    """Lots of calls; while each runs, all hosts are replaced."""
    calls = lost = lots = 0
    while calls < options.calls:
        lot = [one for one in [await client.start() for _ in range(options.lot)] if one is not None]
        began = time.perf_counter()
        await cluster.deploy(scripted, Fleet(HOSTS, HOSTS, private=True))
        await asyncio.sleep(max(0.0, options.seconds - (time.perf_counter() - began)))
        ends = [await client.end(one) for one in lot]
        calls, lost, lots = calls + len(lot), lost + sum(status != 204 for status in ends), lots + 1
        await client.until(0, HOSTS)
    row("releases", f"{lost} of {calls} calls lost, each {options.seconds:.0f} s or longer, by {lots} releases")


async def one_goes(client: Client, name: str, number: signal.Signals) -> None:
    running = [one for one in [await client.start() for _ in range(RUNNING)] if one is not None]
    sessions = await client.until(len(running))
    victim = max(sessions, key=lambda host: sessions[host])
    process = await asyncio.to_thread(process_of, victim)
    began = time.perf_counter()
    os.kill(process, number)
    starts = asyncio.create_task(meanwhile(client, began))
    async with asyncio.timeout(60):
        await client.gone(victim)
        known = time.perf_counter() - began
        await client.until(len(running), at_least=True)
    moved = time.perf_counter() - began
    new, refused = await starts
    kept = sum([await client.there(one) for one in running])
    row(
        name,
        f"{sessions[victim]:.0f} of {len(running)} calls hit; told after {known:.2f} s, all on other hosts after "
        f"{moved:.2f} s, {kept} go on; meanwhile {len(new)} starts ran, {refused} were refused",
    )
    await asyncio.gather(*map(client.end, [*running, *new]))


async def meanwhile(client: Client, began: float) -> tuple[list[str], int]:
    made = []
    for _ in range(MEANWHILE):
        made.append(await client.start())
        await asyncio.sleep(0.1)
    new = [one for one in made if one is not None]
    return new, len(made) - len(new)


def process_of(replica: str) -> int:
    actors = ray.util.list_named_actors(all_namespaces=True)
    (name,) = (actor["name"] for actor in actors if actor["name"].endswith(f"#CallHost#{replica}"))
    process: int = ray.get(ray.get_actor(name, namespace="serve").__ray_call__.remote(_pid))
    return process


def _pid(_: Any) -> int:
    return os.getpid()


def _slash(values: list[float]) -> str:
    return "/".join(f"{value:.0f}" for value in values)


def _counts(sessions: dict[str, float]) -> str:
    return " + ".join(f"{count:.0f}" for count in sessions.values())


def row(name: str, text: str) -> None:
    print(f"{name:12} {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fill", type=float, default=60.0, help="how long starts are asked for to find the limit")
    parser.add_argument("--full", type=float, default=30.0, help="how long starts are asked for where all is full")
    parser.add_argument("--calls", type=int, default=200, help="held over releases, in all")
    parser.add_argument("--lot", type=int, default=25, help="so many of them at a time")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each of them, at least")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--only", choices=["core", "processes"], help="the first rows, or the others")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    os.environ.update(cluster.ENVIRONMENT)
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    made.add_node(num_cpus=4 * HOSTS)
    ray.init(address=made.address, namespace=NAMESPACE, log_to_driver=False, logging_level="ERROR")
    try:
        with Address(port=0).bind() as bound:
            port = bound.getsockname()[1]
        serve.start(ProxyLocation.HeadOnly, HTTPOptions(port=port), logging_config=QUIET)
        URL.append(f"http://127.0.0.1:{port}")
        if options.only != "processes":
            with tempfile.TemporaryDirectory() as folder:
                load = Path(folder, "load.npz")
                from ..sessions.speech import build  # deferred: --help needs no models

                build(None, False).save(load)
                asyncio.run(on_one_core(options, load))
        if options.only != "core":
            asyncio.run(when_processes_go(options))
    finally:
        ray.shutdown()
        for node in made.list_all_nodes():
            node.kill_all_processes(check_alive=False, allow_graceful=False)


if __name__ == "__main__":
    main()
