"""The order of a cluster's releases, with a store in this process: no clock has a part in it."""

from __future__ import annotations

import itertools
import sys
import time
from typing import Any

import pytest

pytest.importorskip("ray")

from ray.experimental import internal_kv

from vision_agents.serving.ray.client import ClusterError
from vision_agents.serving.ray.releases import new_release


class Store:
    """Ray's store. `meanwhile`: another machine puts a key between a look at it and the next put."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys: set[str] = set()
        self.meanwhile: list[str] = []
        for name in ("put", "list", "initialized"):
            monkeypatch.setattr(internal_kv, f"_internal_kv_{name}", getattr(self, name))

    def initialized(self) -> bool:
        return True

    def list(self, prefix: str, *, namespace: str) -> list[bytes]:
        found = [key.encode() for key in self.keys if key.startswith(prefix)]
        self.keys.update(self.meanwhile)
        return found

    def put(self, key: str, _: bytes, overwrite: bool, *, namespace: str) -> bool:
        there = key in self.keys
        self.keys.add(key)
        return there


def test_a_later_release_is_later_whatever_clocks_say(monkeypatch: pytest.MonkeyPatch) -> None:
    Store(monkeypatch)
    backwards = itertools.count(2e9, -3600.0)
    monkeypatch.setattr(time, "time", lambda: next(backwards))
    made = [new_release(1) for _ in range(12)]
    assert made == sorted(made)
    assert len({release.number for release in made}) == 12


def test_of_two_that_are_made_at_once_each_has_a_number_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(monkeypatch)
    first = new_release(1)
    store.meanwhile = ["release-2", "release-3"]
    assert new_release(1).number == 4.0 > first.number


def test_what_is_built_outside_of_a_cluster_is_before_all(monkeypatch: pytest.MonkeyPatch) -> None:
    store: Any = Store(monkeypatch)
    monkeypatch.setattr(internal_kv, "_internal_kv_initialized", lambda: False)
    assert (new_release(2).number, new_release(2).hosts, store.keys) == (0, 2, set())


@pytest.mark.parametrize("gone", ["names", "module"])
def test_a_ray_whose_store_is_elsewhere_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch, gone: str) -> None:
    if gone == "names":
        monkeypatch.delattr(internal_kv, "_internal_kv_list")
    else:
        monkeypatch.setitem(sys.modules, "ray.experimental.internal_kv", None)
    with pytest.raises(ClusterError, match=r"so nobody can say which release is the latest: install the Ray"):
        new_release(1)
