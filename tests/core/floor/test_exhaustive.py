"""Every order of events up to a depth, on small alphabets: every law holds at every step, every state comes to rest.

States that differ only in how long the clock has run, in numbers counted on, or in what only labels an effect are one
state. Time passes in two ways: to the next deadline, and halfway there.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from vision_agents.core.floor import Floor, FloorState, InterruptionPolicy
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.turn import Turn, TurnPhase

from .laws import STEPS_TO_REST, step

ANN, BOB = "ann", "bob"

# One more takes some five times as long.
DEEPER = int(os.environ.get("FLOOR_DEEPER", "0"))

# One of these is less than an interruption needs, two are more.
GROWTH = 0.2

Move = Callable[[Floor, float], Iterator[ev.FloorEvent]]


def hearing(participant: str) -> list[Move]:
    """What may be heard of one participant."""

    def grows(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
        turn = floor._turns.get(participant)
        counted = turn.speech.counted if turn else 0.0
        yield ev.SpeechContinued(now, participant, 1.0, counted + GROWTH)

    def words_known(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
        turn = floor._turns.get(participant)
        if turn is not None:
            yield ev.WordsComplete(now, participant, turn.request)
            yield ev.WordsComplete(now, participant, turn.request - 1)

    return [
        lambda floor, now: iter([ev.SpeechStarted(now, participant)]),
        grows,
        lambda floor, now: iter([ev.SpeechEnded(now, participant)]),
        lambda floor, now: iter([ev.TurnStarted(now, participant)]),
        lambda floor, now: iter([ev.TurnEnded(now, participant), ev.TurnEnded(now, participant, trailing_silence=9.0)]),
        lambda floor, now: iter([ev.WordsHeard(now, participant, "yes", True)]),
        words_known,
        lambda floor, now: iter([ev.ParticipantLeft(now, participant)]),
    ]


def voice(*, realtime: bool = False) -> list[Move]:
    """What may become of the agent's voice."""

    def of_a_reply(kind: type[ev.ReplyEvent]) -> Move:
        def happens(floor: Floor, now: float) -> Iterator[ev.FloorEvent]:
            numbers = {floor.reply, *(waiting.number for waiting in floor._voice.queue), 0}
            yield from (kind(now, number) for number in numbers if number is not None)

        return happens

    moves: list[Move] = [of_a_reply(kind) for kind in (ev.AudioStarted, ev.AudioDrained, ev.ReplyFailed)]
    moves.append(lambda floor, now: iter([ev.ReplyRequested(now, floor.last_reply + 1)]))
    moves.append(lambda floor, now: iter([ev.ReplyRequested(now, floor.last_reply + 1, interruptible=False)]))
    moves.append(lambda floor, now: iter([ev.InterruptRequested(now)]))
    if realtime:
        moves.append(lambda floor, now: iter([ev.ReplyStarted(now, floor.last_reply + 1)]))
    return moves


@dataclass(frozen=True)
class World:
    """An alphabet, how deep to go, and the floor to begin with."""

    name: str
    moves: list[Move]
    depth: int
    policy: InterruptionPolicy
    answers: bool = True


# One waits beside the one that speaks: more of them add states but no behaviour.
POLICY = InterruptionPolicy(queue_limit=1)
UNHELD = InterruptionPolicy(queue_limit=1, hold=False)

WORLDS = [
    World("one person", hearing(ANN) + voice(), 6, POLICY),
    World("one person, no hold", hearing(ANN) + voice(), 5, UNHELD),
    World("two people", hearing(ANN) + hearing(BOB) + voice(), 4, POLICY),
    World("realtime", hearing(ANN) + voice(realtime=True), 5, POLICY, answers=False),
]


def essence(floor: Floor, now: float) -> tuple[object, ...]:
    """What a floor's future depends on: times as ages, numbers as distances."""
    challenge, reply, queue = floor._challenge, floor._voice.reply, floor._voice.queue
    last = floor.last_reply

    def age(when: float | None) -> float | None:
        return None if when is None else round(now - when, 6)

    def of_turn(turn: Turn) -> tuple[object, ...]:
        quiet = turn.phase is TurnPhase.QUIET
        challenger = challenge.challengers.get(turn.participant) if challenge else None
        before = challenger.voiced if challenger else 0.0
        enough = floor.policy.commit_speech + GROWTH
        return (
            turn.participant,
            turn.phase,
            turn.lapsed,
            None if quiet else age(turn.since),
            None if quiet else age(turn.speech.began),
            min(round(turn.speech.voiced, 6), enough),
            min(round(turn.speech.voiced - before, 6), enough),
            challenger.fresh if challenger else None,
            turn.speech.windows,
            turn.claimed,
            turn.announced,
            turn.unanswered,
            bool(turn.words.text),
        )

    return (
        tuple(of_turn(turn) for turn in floor._turns.values()),
        floor._detected,
        age(floor._owed_since),
        (reply.interruptible, reply.answer, reply.phase, age(reply.since), last - reply.number) if reply else None,
        (age(challenge.held_since), age(challenge.quiet_since)) if challenge else None,
        tuple((age(w.since), w.interruptible, w.started, w.number is None) for w in queue),
    )


def freeze(floor: Floor) -> bytes:
    """A copy of the state; not of the policy, which takes the longest and never changes."""
    policy = floor.policy
    floor.__dict__["policy"] = None
    frozen = pickle.dumps(floor)
    floor.policy = policy
    return frozen


class Explorer:
    """Breadth first from a new floor."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.states = 0
        self.steps = 0
        # Deadlines from a state to rest, of the states where that is known.
        self._to_rest: dict[tuple[object, ...], int] = {}

    def explore(self) -> None:
        floor = Floor(self.world.policy, answers=self.world.answers)
        frontier = [(floor, 0.0)]
        seen = {essence(floor, 0.0)}
        for _ in range(self.world.depth + DEEPER):
            following: list[tuple[Floor, float]] = []
            for floor, now in frontier:
                for state in self._next(floor, now):
                    key = essence(*state)
                    if key not in seen:
                        seen.add(key)
                        self._rest(*state, key)
                        following.append(state)
            frontier = following
        self.states = len(seen)

    def _next(self, floor: Floor, now: float) -> Iterator[tuple[Floor, float]]:
        frozen = freeze(floor)
        for move in self.world.moves:
            for event in move(floor, now):
                yield self._after(frozen, event)
        if floor.deadline is not None:
            yield self._after(frozen, ev.TimePassed(max(now, floor.deadline)))
            yield self._after(frozen, ev.TimePassed((now + max(now, floor.deadline)) / 2))

    def _after(self, frozen: bytes, event: ev.FloorEvent) -> tuple[Floor, float]:
        floor: Floor = pickle.loads(frozen)
        floor.policy = self.world.policy
        step(floor, event)
        self.steps += 1
        return floor, event.at

    def _rest(self, floor: Floor, now: float, key: tuple[object, ...]) -> None:
        """From here, deadlines alone lead to IDLE, in a bounded number of steps."""
        path = []
        while key not in self._to_rest:
            path.append(key)
            assert len(path) <= STEPS_TO_REST, f"the floor never rests: {floor.state}"
            if floor.deadline is None:
                assert floor.state is FloorState.IDLE
                break
            floor, now = self._after(freeze(floor), ev.TimePassed(max(now, floor.deadline)))
            key = essence(floor, now)
        steps = self._to_rest.get(key, -1)
        for key in reversed(path):
            steps += 1
            self._to_rest[key] = steps

    @property
    def longest_way_to_rest(self) -> int:
        return max(self._to_rest.values())


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_every_order_of_events(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    explorer = Explorer(world)
    began = time.perf_counter()
    explorer.explore()
    with capsys.disabled():
        print(
            f"\n{world.name}, depth {world.depth + DEEPER}: {explorer.states:,} states, {explorer.steps:,} steps, "
            f"at most {explorer.longest_way_to_rest} deadlines to rest, {time.perf_counter() - began:.1f} s"
        )
    # Fewer would mean that the alphabet no longer reaches what it is here for.
    assert explorer.states > 1_000
