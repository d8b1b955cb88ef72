"""Hosts that share a node: what each takes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

pytest.importorskip("ray")

from vision_agents.serving.admission import Limits, first_cost
from vision_agents.serving.node import Part
from vision_agents.serving.ray import Fleet, cluster, part
from vision_agents.serving.usage import processors

from . import kit
from .fleet_program import ALL_PARTS

NODE = 2


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in kit.environment().items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(kit.HERE))
        with kit.local_cluster(processors=NODE), kit.served(kit.free_port()) as url:
            asyncio.run(kit.deploy("fleet_program:heavy", 2, 2))
            yield url


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_two_hosts_on_a_node_take_no_more_calls_than_it_has_processors_for(url: str) -> None:
    there = min(NODE, processors())
    fit = int(Limits().cpu / first_cost(ALL_PARTS, there / 2))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=kit.PATIENCE)) as http:
        client = kit.Client(http, url)
        await client.until(lambda hosts: len(hosts) == 2)
        answers = await asyncio.gather(*(client.start(f"call-{number}") for number in range(40)))
        assert {status for status, _ in answers} == {201, 503}
        hosts = await client.until(lambda hosts: sum(hosts.values()) == sum(status == 201 for status, _ in answers))
    # Fewer, if something else is at work on this machine; but one each is always taken.
    assert all(1 <= calls <= fit for calls in hosts.values()), (hosts, fit)


def test_hosts_of_a_cluster_of_our_own_share_its_processors() -> None:
    shared = {(8, 8): 1, (8, 1): 8, (8, 3): 2, (2, 4): 0.5, (2, 8): 0.25, (1, 3): 0.3333, (2, 3): 0.6666}
    assert {given: cluster._shared(*given) for given in shared} == shared
    for each in shared.values():
        assert Fleet(processors=each).processors == each
    for wrong in (0.0, -1.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="a whole number, or a part of one"):
            Fleet(processors=wrong)


@pytest.mark.parametrize(
    ("given", "told", "there", "has"),
    [(1.0, 2.0, 2.0, 1.0), (1.0, 12.0, 2.0, 1 / 6), (2.0, 2.0, 0.5, 0.5), (1.0, 4.0, 64.0, 1.0), (0.0, 4.0, 4.0, None)],
)
def test_a_host_has_what_ray_gave_it_of_what_there_is(
    monkeypatch: pytest.MonkeyPatch, given: float, told: float, there: float, has: float | None
) -> None:
    resources: Any = {"CPU": given} if given else {}
    context = SimpleNamespace(get_assigned_resources=lambda: resources, get_node_id=lambda: "here")
    nodes = [{"NodeID": "other", "Resources": {"CPU": 99.0}}, {"NodeID": "here", "Resources": {"CPU": told}}]
    monkeypatch.setattr(part.ray, "get_runtime_context", lambda: context)
    monkeypatch.setattr(part.ray, "nodes", lambda: nodes)
    monkeypatch.setattr(part, "processors", lambda: there)
    assert part.part_of_node() == (None if has is None else Part(has))
