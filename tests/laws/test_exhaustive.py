"""Every order of events up to a depth, on small alphabets: every law holds at every step, every state comes to rest."""

from __future__ import annotations

import os
import random
import time
from dataclasses import replace

import pytest

from .essence import Essence, essence
from .explorer import Explorer
from .snapshot import Snapshot
from .worlds import WORLDS, World

# One more takes some five times as long.
DEEPER = int(os.environ.get("FLOOR_DEEPER", "0"))

in_each_world = pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)


@pytest.mark.long
@in_each_world
def test_every_order_of_events(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    explorer = Explorer(replace(world, depth=world.depth + DEEPER))
    began = time.process_time()
    explorer.explore()
    with capsys.disabled():
        print(
            f"\n{world.name}, depth {explorer.world.depth}: {explorer.states:,} states, {explorer.steps:,} steps, "
            f"at most {explorer.longest_way_to_rest} deadlines to rest, {time.process_time() - began:.1f} s"
        )
    # Fewer would mean that the alphabet no longer reaches what it is here for.
    assert explorer.states > 1_000


class Sceptic(Explorer):
    """Explores anew from some of the states that are taken for known ones."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.compared = 0
        self._first: dict[Essence, tuple[Snapshot, float]] = {}
        self._chance = random.Random(world.name)

    def _is_new(self, reached: Essence, now: float) -> bool:
        here = (Snapshot(self.floor), now)
        if super()._is_new(reached, now):
            self._first[reached] = here
            return True
        if self._chance.random() < 0.1:
            assert self._futures(*here) == self._futures(*self._first[reached])
            self.compared += 1
        return False

    def _futures(self, state: Snapshot, now: float) -> list[tuple[object, ...]]:
        """What each event would do to a state, and what would become of it."""
        state.restore()
        futures: list[tuple[object, ...]] = []
        for event in self.events(now):
            state.restore()
            effects = [type(effect) for effect in self.floor.handle(event)]
            futures.append((type(event), effects, essence(self.floor, event.at)))
        return futures


@in_each_world
def test_states_of_one_essence_have_one_future(world: World) -> None:
    """It is only for this that a state need not be gone on from twice."""
    sceptic = Sceptic(replace(world, depth=3))
    sceptic.explore()
    assert sceptic.compared > 10
