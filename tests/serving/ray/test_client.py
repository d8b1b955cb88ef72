"""The way to the registry, without Ray: whose it is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray")

from vision_agents.core.distribution import version
from vision_agents.serving.ray import Fleet, client, cluster
from vision_agents.serving.ray.spoken import _digest, spoken

pytestmark = pytest.mark.virtual_time


def actor(*said: str) -> Any:
    """A registry's actor, that says what its version is, if it knows how to."""

    async def remote() -> str:
        return said[0]

    return SimpleNamespace(version=SimpleNamespace(remote=remote)) if said else SimpleNamespace()


@pytest.mark.parametrize(
    ("said", "same"), [((spoken(),), True), ((version(),), False), (("0.0.1",), False), ((), False)]
)
async def test_a_registry_is_of_this_version_if_it_says_so(
    monkeypatch: pytest.MonkeyPatch, said: tuple[str, ...], same: bool
) -> None:
    monkeypatch.setattr(client, "_actor", lambda: actor(*said))
    assert await client.RegistryClient().is_of_this_version() is same


def test_two_states_of_one_version_are_not_the_same(tmp_path: Path) -> None:
    def state(name: str, **files: str) -> str:
        for file, code in files.items():
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_text(code)
        return _digest(tmp_path / name)

    states = [
        state("first", **{"book.py": "a = 1", "ray/host.py": ""}),
        state("edited", **{"book.py": "a = 2", "ray/host.py": ""}),
        state("renamed", **{"page.py": "a = 1", "ray/host.py": ""}),
        state("moved", **{"book.py": "", "ray/host.py": "a = 1"}),
    ]
    assert len(set(states)) == 4
    # Wherever it is installed, and whatever lies beside it.
    assert state("elsewhere", **{"book.py": "a = 1", "ray/host.py": "", "ray/host.pyc": "x"}) == states[0]
    assert spoken().startswith(f"{version()}+")


async def test_nothing_is_deployed_on_a_cluster_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_actor", actor)

    def load() -> Any:
        raise AssertionError("it is deployed")

    with pytest.raises(cluster.ClusterError, match=r"another version of vision_agents, .*: start a new cluster"):
        await cluster.deploy(load, Fleet())
