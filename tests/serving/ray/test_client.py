"""The way to the registry, without Ray: whose it is."""

from __future__ import annotations

import gc
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


async def registry(monkeypatch: pytest.MonkeyPatch, made_for: str, loaded: str) -> Any:
    """The registry that is started from a state of the code, for processes that have another one, or the same."""
    monkeypatch.setattr(client, "spoken", lambda: loaded)
    actor = client.RegistryActor.__new__(client.RegistryActor)
    await actor.__init__(made_for)  # type: ignore[misc]
    await actor.close()
    # As Ray's handle of it.
    return SimpleNamespace(version=SimpleNamespace(remote=actor.version))


async def test_a_registry_says_by_what_code_it_runs_whatever_files_are_there_when_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = await registry(monkeypatch, "old", "old")
    monkeypatch.setattr(client, "_actor", lambda: there)
    for files, same in (("old", True), ("new", False)):
        monkeypatch.setattr(client, "spoken", lambda files=files: files)
        assert await client.RegistryClient().is_of_this_version() is same


async def test_a_registry_keeps_nobody_waiting_for_a_round_of_the_garbage_collector_over_its_modules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gc.unfreeze()
    try:
        await registry(monkeypatch, "old", "old")
        assert gc.get_freeze_count() > 10 * len(gc.get_objects())
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("asking", ["old", "new"])
async def test_a_registry_that_is_started_again_from_other_files_is_of_nobody_s_version(
    monkeypatch: pytest.MonkeyPatch, asking: str
) -> None:
    # Its hosts are still the old ones.
    again = await registry(monkeypatch, "old", "new")
    monkeypatch.setattr(client, "_actor", lambda: again)
    monkeypatch.setattr(client, "spoken", lambda: asking)
    assert not await client.RegistryClient().is_of_this_version()


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
