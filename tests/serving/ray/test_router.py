"""The choice of the host that a start is offered to, by the router that Serve makes of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray")

from ray.serve._private.common import DeploymentHandleSource, DeploymentID, RequestMetadata
from ray.serve.request_router import PendingRequest, ReplicaID

from vision_agents.serving import CallRequest
from vision_agents.serving.ray.router import Router

DEPLOYMENT = DeploymentID("CallHost", "vision_agents")


class Replica(SimpleNamespace):
    """A host as Serve knows it: what it said of itself a while ago is kept."""

    def __init__(self, name: str, zone: str) -> None:
        super().__init__(replica_id=ReplicaID(name, DEPLOYMENT), node_id="", availability_zone=zone)


async def chosen(takers: set[str], hosts: str = "abc", near: str = "") -> set[frozenset[str]]:
    """The hosts that 200 requests are offered to. `near`: those in the zone of who asks."""
    router: Any = Router(
        deployment_id=DEPLOYMENT,
        handle_source=DeploymentHandleSource.REPLICA,
        prefer_local_az_routing=True,
        self_availability_zone="here",
    )
    replicas = [Replica(name, "here" if name in near else "there") for name in hosts]
    router._replica_id_set = {each.replica_id for each in replicas}
    router._update_colocated_replica_ids_with_replicas(replicas)
    found = set()
    for _ in range(200):
        request = PendingRequest([CallRequest("table"), frozenset(takers)], {}, RequestMetadata("1", "1"))
        (first,) = await router.choose_replicas(replicas, request)
        found.add(frozenset(each.replica_id.unique_id for each in first))
        # Where both are full, Serve asks once more: first for any zone, and from then on not without a pause.
        assert request.routing_context.should_backoff is not bool(near)
    return found


def pairs(*names: str) -> set[frozenset[str]]:
    return {frozenset(each) for each in names}


async def test_two_are_chosen_of_the_hosts_that_are_named_and_of_no_others() -> None:
    assert await chosen({"a", "b", "c"}) == pairs("ab", "bc", "ac")
    assert await chosen({"a", "b"}) == pairs("ab")
    assert await chosen({"c"}) == pairs("c")
    assert await chosen({"c", "gone"}, "abcd") == pairs("c")


@pytest.mark.parametrize("takers", [set(), {"of the release before"}])
async def test_where_none_of_them_is_there_any_is_chosen(takers: set[str]) -> None:
    assert await chosen(takers) == pairs("ab", "bc", "ac")


async def test_one_host_is_the_choice() -> None:
    assert await chosen({"a"}, "a") == await chosen(set(), "a") == pairs("a")


async def test_hosts_of_the_same_zone_come_first_but_not_before_those_that_are_named() -> None:
    assert await chosen({"a", "b", "c"}, near="ab") == pairs("ab")
    assert await chosen({"b", "c"}, near="ab") == pairs("b")
    assert await chosen({"b", "c"}, near="a") == pairs("bc")
    assert await chosen(set(), near="a") == pairs("a")
