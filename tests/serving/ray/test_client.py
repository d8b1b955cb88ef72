"""The way to the registry, without Ray: whose it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray")

from vision_agents.core.distribution import version
from vision_agents.serving.ray import Fleet, client, cluster

pytestmark = pytest.mark.virtual_time


def actor(*said: str) -> Any:
    """A registry's actor, that says what its version is, if it knows how to."""

    async def remote() -> str:
        return said[0]

    return SimpleNamespace(version=SimpleNamespace(remote=remote)) if said else SimpleNamespace()


@pytest.mark.parametrize(("said", "same"), [((version(),), True), (("0.0.1",), False), ((), False)])
async def test_a_registry_is_of_this_version_if_it_says_so(
    monkeypatch: pytest.MonkeyPatch, said: tuple[str, ...], same: bool
) -> None:
    monkeypatch.setattr(client, "_actor", lambda: actor(*said))
    assert await client.RegistryClient().is_of_this_version() is same


async def test_nothing_is_deployed_on_a_cluster_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_actor", actor)

    def load() -> Any:
        raise AssertionError("it is deployed")

    with pytest.raises(cluster.ClusterError, match="another version of vision_agents: start a new cluster"):
        await cluster.deploy(load, Fleet())
