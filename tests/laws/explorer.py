"""An explorer of a world: it takes every step from every state that it reaches, up to a depth.

Time passes in two ways: to the next deadline, and halfway there.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.core.floor.laws import STEPS_TO_REST, look, step

from vision_agents.core.floor import Floor, FloorState
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.vocabulary import Vocabulary

from .essence import Essence, essence
from .snapshot import Snapshot
from .worlds import World

WORDS = Vocabulary.of("en")


class Explorer:
    """Goes breadth first from a new floor, and on from each state once. All laws hold at each step."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.steps = 0
        self.floor = Floor(world.policy, answers=world.answers, vocabulary=WORDS, apology=world.apology)
        self._seen: set[Essence] = set()
        # Deadlines from a state to rest, of the states at a deadline where that is known.
        self._to_rest: dict[Essence, int] = {}

    @property
    def states(self) -> int:
        return len(self._seen)

    @property
    def longest_way_to_rest(self) -> int:
        return max(self._to_rest.values())

    def explore(self) -> None:
        for event in self.world.before:
            step(self.floor, event)
        self._is_new(essence(self.floor, 0.0), 0.0)
        frontier = [(Snapshot(self.floor), 0.0)]
        for left in reversed(range(self.world.depth)):
            frontier = [following for state in frontier for following in self._next(*state, last=left == 0)]

    def _next(self, state: Snapshot, now: float, *, last: bool) -> Iterator[tuple[Snapshot, float]]:
        """Take every step from a state. Yields the new states that they lead to, unless they are the last."""
        state.restore()
        before = look(self.floor)
        for event in self.events(now):
            state.restore()
            step(self.floor, event, before)
            self.steps += 1
            if not self._is_new(essence(self.floor, event.at), event.at):
                continue
            if not last:
                yield Snapshot(self.floor), event.at
            self._rest(event.at)

    def events(self, now: float) -> list[ev.FloorEvent]:
        """Return what may happen to the floor as it is."""
        events = [event for move in self.world.moves for event in move(self.floor, now)]
        if (deadline := self.floor.deadline) is not None:
            due = max(now, deadline)
            events += [ev.TimePassed(due), ev.TimePassed((now + due) / 2)]
        return events

    def _is_new(self, reached: Essence, now: float) -> bool:
        """Take note of the state that the floor is in. Returns False if it was there before."""
        known = len(self._seen)
        self._seen.add(reached)
        return len(self._seen) > known

    def _rest(self, now: float) -> None:
        """From here, deadlines alone lead to IDLE, in a bounded number of steps.

        However long before its deadline a floor is looked at, it is the same at the deadline if nothing happens.
        """
        path, steps = [], 0
        while (deadline := self.floor.deadline) is not None:
            now = max(now, deadline)
            key = essence(self.floor, now)
            if key in self._to_rest:
                steps = self._to_rest[key]
                break
            path.append(key)
            assert len(path) <= STEPS_TO_REST, f"the floor never rests: {self.floor.state}"
            step(self.floor, ev.TimePassed(now))
            self.steps += 1
        else:
            assert self.floor.state is FloorState.IDLE
        self._to_rest.update({key: steps + more for more, key in enumerate(reversed(path), 1)})
