"""Serves a program on a Ray cluster from the command line: connects, deploys, and ends it as it is told to."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray import serve as ray_serve
from ray.exceptions import RayError
from ray.serve import RunTarget
from ray.serve.config import HTTPOptions, ProxyLocation
from ray.serve.schema import ApplicationStatus, DeploymentStatusOverview

from vision_agents.core.loopback import is_loopback
from vision_agents.core.observability.explain import counted

from ..runner import Runner
from ..server import Address, signals
from ..usage import processors
from .app import QUIET, Fleet, application, hosts_of
from .book import Release
from .client import NAMESPACE, ClusterError, RegistryClient
from .host import Load
from .registry import Registry
from .releases import new_release

logger = logging.getLogger(__name__)

APP = "vision_agents"

# The environment that all processes of the cluster want, unless it is set otherwise. A hanging host is killed, whatever
# calls it has; and load is counted where calls are, also of those whose front is dead.
ENVIRONMENT = {
    "RAY_SERVE_FORCE_STOP_UNHEALTHY_REPLICAS": "1",
    "RAY_SERVE_COLLECT_AUTOSCALING_METRICS_ON_HANDLE": "0",
}

# And whatever it is set to: who is believed to be a proxy is said by the program alone.
BELIEVED = {"FORWARDED_ALLOW_IPS": ""}

# What would have calls die with the front that started them.
FORBIDDEN = ("RAY_SERVE_USE_GRPC_BY_DEFAULT", "RAY_SERVE_THROUGHPUT_OPTIMIZED")

# Seconds in which a cluster's address has to answer.
CONNECT_TIMEOUT = 15.0

# Seconds that new hosts are waited for where others serve meanwhile.
REPLACED = 120.0

# Seconds between two looks at how many sessions there are; for the farewell at the end.
LOOK = 1.0
FAREWELL = 15.0

# Seconds in which calls end where all is to end at once, and a registry that has just died has come back before it; and
# between two looks whether they have.
AT_ONCE = 10.0
ENDED = 0.1

# Seconds after which the registry is told once more what a command is at: one that was started again asks nobody, and
# answers after `LEARN`.
TOLD = 0.4


def serve(load: Load, program: Runner, site: Address, *, hosts: str | None = None, address: str | None = None) -> None:
    """Serve until SIGTERM, and then until the calls are over; or until Ctrl-C.

    Args:
        load: makes the program again in each process.
        program: the program here.
        site: where each node answers HTTP.
        hosts: N or LEAST:MOST; one for each processor of this machine by default.
        address: of a cluster that runs; None for one of our own.

    Raises ClusterError for what keeps it from starting, and ValueError for a number that cannot be one.
    """
    whole = max(1, int(processors()))
    least, most = hosts_of(hosts) if hosts is not None else (whole, whole)
    # On a cluster of our own they are all here.
    each = _shared(whole, most) if address is None else 1.0
    fleet = Fleet(least, most, processors=each, private=address is None and is_loopback(site.host))
    if address is None:
        site.bind().close()  # Before anything is started.
    with _connected(address), _served(site) as served:
        release = asyncio.run(deploy(load, fleet))
        print(f"Serving at {served.url} (Ctrl-C ends it)", flush=True)
        if address is None:
            # Its end is the cluster's: whoever has been released on it later is drained, too.
            release = replace(release, number=math.inf)
        if not asyncio.run(_until_told(release, program.options.drain, program.options.farewell)):
            served.ours = False
            print("A later release has taken over; nothing is ended", file=sys.stderr)


def _shared(processors: int, hosts: int) -> float:
    """The processors of each of so many hosts on one node, as Ray counts them: a whole number, or a part of one."""
    return float(processors // hosts) if processors >= hosts else math.floor(1e4 * processors / hosts) / 1e4


async def deploy(load: Load, fleet: Fleet) -> Release:
    """Deploy the program; where one is served already, this one takes its place, and its calls go on.

    Returns when the new hosts are there. Raises ClusterError if they do not come, or another version of the framework
    has the cluster.
    """
    registry = RegistryClient()
    if not await registry.is_of_this_version():
        raise ClusterError(
            "the cluster serves with another version of vision_agents, or another state of its code: start a new "
            "cluster for this one"
        )
    # From now on the command of the release before, told to end, leaves everything to this one.
    release = new_release(fleet.least)
    try:
        await registry.ask(Registry.coming, release)
        target = RunTarget(application(load, fleet, release), name=APP, route_prefix="/")
        async with _told(registry, Registry.still_coming, release):
            # Serve itself would wait until the last call of the hosts before is over.
            await asyncio.to_thread(ray_serve.run_many, [target], wait_for_applications_running=False)
            await _replaced(registry, release)
    except BaseException:  # Ctrl-C, too.
        await registry.ask(Registry.failed, release)
        raise
    return release


@asynccontextmanager
async def _told(
    registry: RegistryClient, what: Callable[[Registry, Release], Awaitable[None]], release: Release
) -> AsyncIterator[None]:
    """Have the registry know what a command is at while this is open, also one that is started again meanwhile."""
    over = asyncio.Event()

    async def tell() -> None:
        while not over.is_set():
            with suppress(RayError):
                await registry.ask(what, release)
            with suppress(TimeoutError):
                async with asyncio.timeout(TOLD):
                    await over.wait()

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        # What is on its way has to arrive first: what is told next is that it is over.
        over.set()
        await asyncio.wait([telling], timeout=AT_ONCE)
        telling.cancel()


async def _replaced(registry: RegistryClient, release: Release) -> None:
    """Wait until the hosts of the release are there, or come when there is room. Raises ClusterError."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + REPLACED
    while True:
        status = (await asyncio.to_thread(ray_serve.status)).applications[APP]
        if status.status is ApplicationStatus.DEPLOY_FAILED:
            raise ClusterError(_failure(status.message + "".join(each.message for each in status.deployments.values())))
        running = {name: _running(deployment) for name, deployment in status.deployments.items()}
        if running.get("Front") and await registry.ask(Registry.coming, release) >= release.hosts:
            return
        if all(running.values()) and running and clock() > deadline:
            logger.warning(
                "the hosts before are not replaced yet: they are when there is room, or their calls are over"
            )
            return
        await asyncio.sleep(LOOK)


def _running(deployment: DeploymentStatusOverview) -> int:
    return sum(number for state, number in deployment.replica_states.items() if state == "RUNNING")


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    for name in FORBIDDEN:
        if os.environ.get(name, "0") not in ("", "0"):
            raise ClusterError(f"with {name} calls die with the process that started them: unset it, on all nodes")
    os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()} | BELIEVED)
    if address is not None:
        _check_answers(address)
    own: dict[str, Any] = {"address": "local", "include_dashboard": False} if address is None else {"address": address}
    try:
        ray.init(namespace=NAMESPACE, logging_level=logging.WARNING, **own)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ClusterError(_explained(address, str(error))) from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Ask whether a cluster is there, in a process that can be given up: `ray.init` tries for minutes."""
    host, _, port = address.rpartition(":")
    if address != "auto" and (not host or not port.isdigit() or "://" in address):
        raise ClusterError(
            f"the address of a cluster is auto, or HOST:PORT of its head, not {address!r}: run this on a node of it"
        )
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check"]
    command += [] if address == "auto" else ["--address", address]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=CONNECT_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise ClusterError(_explained(address, f"nothing answered within {CONNECT_TIMEOUT:.0f} s")) from None
    if answer.returncode:
        raise ClusterError(_explained(address, (answer.stderr.strip() or "it does not answer").splitlines()[-1]))


def _explained(address: str | None, error: str) -> str:
    text = " ".join(error.split())
    if "ersion mismatch" in text:
        return f"the cluster at {address} runs other versions than this environment; install the same in both: {text}"
    if address is None:
        return f"Ray could not be started here: {text}"
    todo = "start one with `ray start --head`, or leave --address out"
    return f"there is no Ray cluster at {address}: {todo} ({text})"


@dataclass(slots=True)
class _Served:
    """Serve's proxies, where they answer. `ours`: they end with this command."""

    url: str
    ours: bool


@contextmanager
def _served(site: Address) -> Iterator[_Served]:
    """Serve's proxies on all nodes: those that there are, or ones at `site`. Raises AddressError if that is taken."""
    http: Any  # What is fetched from an actor has no type.
    try:
        controller = ray.get_actor("SERVE_CONTROLLER_ACTOR", namespace="serve")
    except ValueError:
        with site.bind() as bound:
            http, ours = HTTPOptions(host=site.host, port=bound.getsockname()[1], **site.tls), True
    else:
        http, ours = ray.get(controller.get_http_config.remote()), False
    ray_serve.start(ProxyLocation.EveryNode, http, logging_config=QUIET)
    served = _Served(_url(http), ours)
    if not ours and (http.host, http.port) != (site.host, site.port):
        logger.warning(
            "on this cluster Serve answers at %s already: --host, --port and --tls-… are ignored", served.url
        )
    try:
        yield served
    finally:
        if served.ours:
            with suppress(RayError, RuntimeError):
                ray_serve.shutdown()  # type: ignore[no-untyped-call]


def _url(http: HTTPOptions) -> str:
    name = f"[{http.host}]" if ":" in (http.host or "") else http.host
    return f"{'https' if http.ssl_certfile else 'http'}://{name}:{http.port}"


def _failure(text: str) -> str:
    """The last error of a deployment that failed, as a sentence."""
    raised = re.findall(r"^\s*(?:[\w.]+\.)?(\w*(?:Error|Exception)\w*: .+)$", text, re.MULTILINE)
    return f"the agent could not be served: {raised[-1] if raised else ' '.join(text.split())[:400]}"


async def _until_told(release: Release, drain: float, farewell: str) -> bool:
    """Wait for SIGTERM, and then until the calls are over; a second one, or Ctrl-C, ends them now.

    Returns whether they are ended: not if a later release has them.
    """
    gently, now = asyncio.Event(), asyncio.Event()
    with signals(gently, now):
        await gently.wait()
        draining = asyncio.ensure_future(_drained(release, drain, farewell))
        at_once = asyncio.ensure_future(now.wait())
        await asyncio.wait([draining, at_once], return_when=asyncio.FIRST_COMPLETED)
        at_once.cancel()
        if draining.done() and not draining.result():
            return False
        draining.cancel()
    return await _end_calls(release) and await _deleted(release)


async def _end_calls(release: Release) -> bool:
    """Have hosts end the calls that there are still, and wait a moment for it: Serve would let them go on.

    Returns whether the release is still the latest; True if the registry does not say.
    """
    with suppress(TimeoutError, RayError):
        async with asyncio.timeout(AT_ONCE):
            return await _until_over(release, AT_ONCE, ENDED, "") is not None
    return True


async def _deleted(release: Release) -> bool:
    """Delete the application, unless a later release has it by now; one that comes meanwhile waits for that.

    Returns whether it is deleted. It is, too, if the registry does not say.
    """
    registry, may = RegistryClient(), True
    with suppress(TimeoutError, RayError):
        async with asyncio.timeout(AT_ONCE):
            may = await registry.ask(Registry.leave, release)
    if may:
        try:
            async with _told(registry, Registry.still_leaving, release):
                await asyncio.to_thread(ray_serve.delete, APP)
        finally:
            with suppress(TimeoutError, RayError):
                async with asyncio.timeout(AT_ONCE):
                    await registry.ask(Registry.left)
    return may


async def _drained(release: Release, seconds: float, farewell: str) -> bool:
    """Have calls end by themselves for up to `seconds`. Returns whether the release is still the latest."""
    left = await _until_over(release, 0.0, LOOK)
    if left:
        logger.warning("draining: %s may go on for up to %.0f s", counted(left, "call"), seconds)
        left = await _until_over(release, seconds, LOOK)
    if left:
        left = await _until_over(release, FAREWELL, LOOK, farewell)
    return left is not None


async def _until_over(release: Release, seconds: float, look: float, farewell: str | None = None) -> int | None:
    """Take no more calls, and wait up to `seconds` until those that there are have ended; see `Registry.drain`.

    `look`: seconds between two questions; each tells the farewell, if there is one, to hosts that have come since, and
    to a registry that knows nothing of the one before.
    """
    registry = RegistryClient()
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    while True:
        left = await registry.ask(Registry.drain, release, farewell)
        if not left or clock() >= deadline:
            return left
        await asyncio.sleep(look)
