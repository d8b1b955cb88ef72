"""Snapshots: everything gets back what it held, and stays the object that it was."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from vision_agents.core.floor import Floor
from vision_agents.core.floor import events as ev

from .essence import essence
from .snapshot import Snapshot


@dataclass(slots=True)
class Leaf:
    value: int = 0


@dataclass(slots=True)
class Both(Leaf):
    """It has the slots of its base besides its own."""

    more: Any = None


class Tree:
    def __init__(self) -> None:
        self.leaf = Leaf(1)
        self.both = Both(2, ["a"])
        self.all: dict[str, Any] = {"leaf": self.leaf, "nested": ({"key": [1, 2]},)}
        self.line = deque([Leaf(3), Leaf(4)])
        self.known = {1, 2}


def test_all_contents_come_back_as_often_as_wanted():
    tree = Tree()
    before = Snapshot(tree)
    parts = (tree.leaf, tree.both, tree.all, tree.line, tree.line[0], tree.known, tree.all["nested"][0]["key"])
    for _ in range(2):
        tree.leaf.value = tree.both.value = tree.line[0].value = 9
        tree.both.more.append("b")
        tree.both.more = None
        tree.all["nested"][0]["key"].clear()
        tree.all["new"] = tree.all.pop("leaf")
        tree.line.popleft()
        tree.known.add(3)
        tree.leaf = Leaf(7)
        before.restore()
        assert parts == (Leaf(1), Both(2, ["a"]), tree.all, deque([Leaf(3), Leaf(4)]), Leaf(3), {1, 2}, [1, 2])
        assert tree.all == {"leaf": Leaf(1), "nested": ({"key": [1, 2]},)}
        now = (tree.leaf, tree.both, tree.all, tree.line, tree.line[0], tree.known, tree.all["nested"][0]["key"])
        assert [id(part) for part in now] == [id(part) for part in parts]
        assert tree.all["leaf"] is tree.leaf


@dataclass(frozen=True, slots=True)
class Fact:
    tree: Tree = field(default_factory=Tree)


def test_what_a_frozen_object_holds_comes_back():
    fact = Fact()
    before = Snapshot(fact)
    fact.tree.leaf.value = 5
    before.restore()
    assert fact.tree.leaf == Leaf(1)


def test_a_floor_goes_another_way_from_where_it_was():
    floor = Floor()
    floor.handle(ev.ReplyRequested(0.0, 1))
    floor.handle(ev.AudioStarted(0.1, 1))
    was, before = essence(floor, 0.1), Snapshot(floor)
    held = floor.handle(ev.SpeechStarted(0.2, "ann", 1.0))
    assert essence(floor, 0.1) != was
    before.restore()
    assert essence(floor, 0.1) == was
    assert floor.handle(ev.SpeechStarted(0.2, "ann", 1.0)) == held
