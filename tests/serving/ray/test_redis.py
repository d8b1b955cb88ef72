"""The head of a cluster dies and comes back: with Redis no call ends."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

pytest.importorskip("ray")

from . import kit

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server"),
]

# Seconds for which the head is away, and for which calls are looked at after: Ray waits a minute for it.
AWAY = 5.0
AFTER = 10.0


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis that keeps nothing on disk; yields its address."""
    port = kit.free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        run.kill()
        run.wait(kit.PATIENCE)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with redis(tmp_path) as address:
        for name, value in (kit.environment() | {"RAY_REDIS_ADDRESS": address}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.syspath_prepend(str(kit.HERE))
        with kit.local_cluster(processors=2) as made:
            yield made


async def test_calls_outlive_the_head(cluster: Any) -> None:
    timeout = aiohttp.ClientTimeout(total=kit.PATIENCE)
    with kit.served(kit.free_port()) as url:
        await kit.deploy(least=1, most=1)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            client = kit.Client(http, url)
            one = await client.started("table")
            ending = asyncio.create_task(client.ended(one))
            await client.until(lambda hosts: sum(hosts.values()) == 1)
            cluster.head_node.kill_gcs_server()
            await asyncio.sleep(AWAY)
            assert not ending.done()
            cluster.head_node.start_gcs_server()
            await asyncio.sleep(AFTER)
            assert not ending.done()
            # New calls are taken again.
            async with asyncio.timeout(kit.PATIENCE):
                while (begun := await client.start("other"))[0] != 201:
                    await asyncio.sleep(0.5)
            other = f"/calls/other/sessions/{begun[1]['session_id']}"
            hosts = await client.until(lambda hosts: sum(hosts.values()) == 2)
            assert not ending.done()
            # The cluster is whole again: who dies is replaced.
            kit.kill((await asyncio.to_thread(kit.processes, "CallHost"))[next(iter(hosts))])
            await client.until(lambda now: not set(now) & set(hosts) and sum(now.values()) == 2)
            for each in (one, other):
                assert (await client.ask("DELETE", each))[0] == 204
            assert (await ending)["why"] == "closed"
