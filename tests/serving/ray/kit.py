"""A cluster on this machine, the program that it serves, and clients of it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import ray
from ray import serve
from ray.cluster_utils import Cluster
from ray.exceptions import RayActorError
from ray.serve.config import HTTPOptions, ProxyLocation

from vision_agents.serving import load_runner
from vision_agents.serving.ray import Fleet, cluster
from vision_agents.serving.ray.app import QUIET
from vision_agents.serving.ray.client import NAMESPACE

HERE = Path(__file__).parent
HOSTS = 3

# Nothing here takes longer, unless it hangs.
PATIENCE = 120.0


def environment() -> dict[str, str]:
    """What processes of a cluster get, so that they find the tests' program."""
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**cluster.ENVIRONMENT, **cluster.BELIEVED, "PYTHONPATH": os.pathsep.join(paths), "VISION_AGENTS_SECRET": ""}


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@contextmanager
def local_cluster(processors: int) -> Iterator[Cluster]:
    """A head that runs Serve and no host, and a node of so many processors that does."""
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        made.add_node(num_cpus=processors)
        made.wait_for_nodes()
        ray.init(address=made.address, namespace=NAMESPACE, log_to_driver=False)
        yield made
    finally:
        ray.shutdown()
        for node in made.list_all_nodes():
            node.kill_all_processes(check_alive=False, allow_graceful=False)


@contextmanager
def served(port: int) -> Iterator[str]:
    """Serve on a cluster; yields where it answers."""
    serve.start(ProxyLocation.HeadOnly, HTTPOptions(host="127.0.0.1", port=port), logging_config=QUIET)
    yield f"http://127.0.0.1:{port}"


async def deploy(program: str = "fleet_program:rooms", least: int = HOSTS, most: int = HOSTS) -> None:
    """Have the program served by so many hosts; a second time, by new ones. Returns when they are there."""
    await cluster.deploy(partial(load_runner, program, None, {}), Fleet(least, most, patience=2.0, private=True))


def processes(deployment: str) -> dict[str, int]:
    """The replicas of a deployment by their names, with the ids of their processes."""
    found = {}
    for actor in ray.util.list_named_actors(all_namespaces=True):
        if actor["namespace"] == "serve" and f"#{deployment}#" in actor["name"]:
            with suppress(ValueError, RayActorError):  # Those of a release before may end meanwhile.
                handle = ray.get_actor(actor["name"], namespace="serve")
                found[actor["name"].rpartition("#")[2]] = ray.get(handle.__ray_call__.remote(_pid), timeout=PATIENCE)
    return found


def stopping(deployment: str) -> int:
    """Replicas that end when their last request does."""
    states = serve.status().applications[cluster.APP].deployments[deployment].replica_states
    return sum(number for state, number in states.items() if state == "STOPPING")


def _pid(_: Any) -> int:
    return os.getpid()


def kill(process: int, number: signal.Signals = signal.SIGKILL) -> None:
    os.kill(process, number)


class Client:
    """Starts, sees and ends sessions."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str = "") -> None:
        self._http, self.url = http, url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self._http.request(method, f"{self.url}{path}", json=body, headers=self._headers) as answer:
            json = answer.content_type == "application/json"
            return answer.status, await answer.json() if json else await answer.text()

    async def start(self, call: str, **body: Any) -> tuple[int, Any]:
        return await self.ask("POST", f"/calls/{call}/sessions", body)

    async def started(self, call: str, **body: Any) -> str:
        """The path of a session that has been started."""
        status, made = await self.start(call, **body)
        assert status == 201, made
        return f"/calls/{call}/sessions/{made['session_id']}"

    async def ended(self, one: str) -> Any:
        """What is told of the end of a session, once it has come."""
        async with asyncio.timeout(PATIENCE):
            while True:
                status, told = await self.ask("GET", f"{one}/end")
                if status != 200 or told["over"]:
                    return told

    async def sessions(self) -> dict[str, int]:
        """The sessions of each host, by its name."""
        lines = [line for line in await self._metrics() if line.startswith("vision_agents_sessions{")]
        return {line.split('"')[1]: int(float(line.split()[-1])) for line in lines}

    async def counted(self, name: str, **labels: str) -> int:
        """What is counted of the cluster; 0 of what has not happened."""
        told = ",".join(f'{label}="{value}"' for label, value in labels.items())
        series = f"vision_agents_{name}{{{told}}} " if told else f"vision_agents_{name} "
        return sum(int(float(line.split()[-1])) for line in await self._metrics() if line.startswith(series))

    async def _metrics(self) -> list[str]:
        """The lines of the figures, once they are answered: who answers may just have died."""
        async with asyncio.timeout(PATIENCE):
            while (answer := await self.ask("GET", "/metrics"))[0] != 200:
                await asyncio.sleep(0.2)
        text: str = answer[1]
        return text.splitlines()

    async def until(self, condition: Any) -> dict[str, int]:
        """Wait until the sessions of the hosts are as `condition` wants them."""
        async with asyncio.timeout(PATIENCE):
            while not condition(sessions := await self.sessions()):
                await asyncio.sleep(0.2)
        return sessions


async def until(condition: Callable[[], Awaitable[Any]]) -> None:
    """Ask until it is so."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.2)


async def conversation(one: str) -> list[str]:
    """What was said in a session, as far as the registry knows."""
    call, session = one.split("/")[2], one.split("/")[4]
    actor = ray.get_actor("registry", namespace=NAMESPACE)
    messages = await actor.__ray_call__.remote(_conversation, call, session)
    return [message.text for message in messages]


async def conversations() -> dict[str, list[str]]:
    """What was said in each session that there is, as far as the registry knows."""
    actor = ray.get_actor("registry", namespace=NAMESPACE)
    said = await actor.__ray_call__.remote(_conversations)
    return {session: [message.text for message in messages] for session, messages in said.items()}


def _conversations(registry: Any) -> Any:
    return {session: entry.conversation for session, entry in registry._book.sessions.items()}


def _conversation(registry: Any, call: str, session: str) -> Any:
    return registry._book.find(call, session).conversation


async def kill_registry() -> None:
    actor = ray.get_actor("registry", namespace=NAMESPACE)
    process = await actor.__ray_call__.remote(_pid)
    kill(process)
