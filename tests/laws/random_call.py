"""A call in which random things happen, and a witness of it: the frame of the laws of certainty.

The seed decides everything, and time is virtual. Each call has a clock of its own, which begins where the seed says:
what falls into one instant depends on that, since seconds are rounded.
"""

from __future__ import annotations

import abc
import argparse
import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, ClassVar

import numpy as np

from vision_agents.core import Agent, Participant
from vision_agents.core.conversation import Message, Role
from vision_agents.core.floor import FloorState
from vision_agents.core.llm.llm import LIMIT_PROMPT
from vision_agents.core.voice import CONTINUE_PROMPT
from vision_agents.testing import virtual_time
from vision_agents.testing.hostile import ProvingEdge

PEOPLE = (Participant("anna"), Participant("bert"))
FRAME = 960

# Samples of what is made for request n are all of one level. A fade has its first or its last sample at that level.
BASE, STEP = 200, 12

# So many fifths of a second without anything to do are rest; it must come within so many.
RESTFUL, PATIENCE = 40, 900


@dataclass(slots=True)
class Tally:
    """Counts over a number of interleavings: what happened, so that it is known that something did, and the faults."""

    interleavings: int = 0
    operations: int = 0
    prepared: int = 0
    thrown_away: int = 0
    begun_prepared: int = 0
    called: int = 0
    waited: int = 0
    not_called: int = 0
    sounding: int = 0
    renewed: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def plain(text: str) -> str:
    return text.replace(".", "")


class Witness:
    """Knows what was said for certain, independently of the floor, and what each request was asked with."""

    def __init__(self) -> None:
        self.certain = {plain(CONTINUE_PROMPT), plain(LIMIT_PROMPT)}
        # What the floor has taken for overheard: that may be written down as such, and nobody answers it.
        self.overheard: set[str] = set()
        self.requests: list[frozenset[str]] = []
        self.tally = Tally(interleavings=1)

    def asked(self, texts: frozenset[str]) -> int:
        self.requests.append(texts)
        return len(self.requests) - 1

    def said(self, text: str) -> bool:
        """Return whether somebody has said it for certain: in one turn, or one after the other in what became one."""
        words = plain(text)
        if words in self.certain:
            return True
        return any(words.startswith(f"{first} ") and self.said(words[len(first) + 1 :]) for first in self.certain)

    def check_message(self, message: Message) -> None:
        """Check that what the history has of a user was said."""
        if message.role is not Role.USER or (message.overheard and plain(message.text) in self.overheard):
            return
        if not self.said(message.text):
            self.fault(f"{message.text!r} in the history")

    def check(self, request: int, what: str) -> None:
        for text in self.requests[request]:
            if self.said(text):
                continue
            self.fault(f"{what} of {text!r}, which nobody has said for certain")

    def fault(self, what: str) -> None:
        if what not in self.tally.faults:
            self.tally.faults.append(what)


class WitnessEdge(ProvingEdge):
    """Knows by their level of which request samples are; counts what the floor has prepared."""

    sink: Any

    def __init__(self, witness: Witness) -> None:
        super().__init__()
        self.witness = witness

    def check(self, samples: Any, what: str) -> int | None:
        """Return the number of the request that samples were made for, if they tell."""
        loudest = int(np.abs(samples.astype(np.int32)).max()) if len(samples) else 0
        if loudest < BASE:
            return None
        self.witness.tally.sounding += 1
        request, rest = divmod(loudest - BASE, STEP)
        if not request or rest or request > len(self.witness.requests):
            return None
        self.witness.check(request - 1, what)
        return request - 1

    def observe(self, record: Mapping[str, Any]) -> None:
        tally = self.witness.tally
        tally.prepared += record.get("effect") == "PrepareReply"
        tally.thrown_away += record.get("effect") == "DiscardReply"
        tally.begun_prepared += bool(record.get("prepared"))
        tally.waited += record.get("event") == "CallsWait" and record["count"] > 0
        if record.get("effect") == "RecordOverheard":
            self.witness.overheard.add(plain(record["text"]))


class RandomCall(abc.ABC):
    """One agent in one call; each operation is one thing that happens.

    `ears`: what reports speech. `model`: what answers. `weights`: how often each operation is done.
    """

    agent: Agent
    ears: Any
    model: Any
    weights: ClassVar[dict[Any, float]]

    def __init__(self, rng: Random, witness: Any) -> None:
        self.rng, self.witness = rng, witness
        self.edge = WitnessEdge(witness)
        # The turns that are open, and what is known of each.
        self.open: dict[Participant, Any] = {}
        self.numbers = count()
        self.tasks: list[asyncio.Future[Any]] = []

    @property
    def over(self) -> bool:
        """True from the moment at which the agent has left. That it is told to leave is a step earlier."""
        return self.agent._joined().over.is_set()

    # Life.

    async def begin(self) -> None:
        await self.agent.join()
        for person in PEOPLE:
            self.edge.sink.participant_joined(person)

    async def operate(self) -> None:
        self.witness.tally.operations += 1
        self.rng.choices(list(self.weights), list(self.weights.values()))[0](self)
        self.look()
        await asyncio.sleep(self.rng.choice((0.0, 0.0, 1e-6, 0.02, 0.1, 0.3, 0.8)))
        self.look()

    async def end(self) -> None:
        """Whoever speaks is done; then everything comes to rest, and nothing waits any more."""
        if self.rng.random() < 0.8:
            for person in list(self.open):
                self.turn_ends(person)
            await self._rest()
            self.look_at_rest()
        for person in list(self.open):
            self.says_no_more(person)
        await self.agent.close()
        before = self.witness.tally.called
        await asyncio.sleep(60.0)
        self.look()
        if self.witness.tally.called > before:
            self.witness.fault("an effect after the call")
        if not all(task.done() for task in self.tasks):
            self.witness.fault("who asked for something is never answered")

    def says_no_more(self, who: Participant) -> None:
        """The call is about to end while they have a turn."""
        del self.open[who]

    async def _rest(self) -> None:
        """What an interruption leaves running ends meanwhile, and is told in an answer of its own."""
        rest = 0
        for _ in range(PATIENCE):
            await asyncio.sleep(0.2)
            self.pull(10)
            rest = rest + 1 if self.agent.state is FloorState.IDLE else 0
            if rest == RESTFUL:
                break
        else:
            self.witness.fault(f"no rest: {self.agent.state}")
        self.look()
        if self.agent._joined().barrier._waiting:
            self.witness.fault("a function waits for ever")

    @abc.abstractmethod
    def look(self) -> None:
        """Check what can be seen at any moment."""

    @abc.abstractmethod
    def look_at_rest(self) -> None:
        """Check what has become of everything."""

    # Operations.

    @abc.abstractmethod
    def turn_ends(self, who: Participant | None = None) -> None: ...

    @abc.abstractmethod
    def pull(self, frames: int | None = None) -> None: ...

    def noise(self) -> None:
        """Speech that a detector hears, and nothing more."""
        who = self.rng.choice(PEOPLE)
        if who not in self.open:
            self.ears.report_speech_started(who, 0.9, 0.03)
            if self.rng.random() < 0.5:
                self.ears.report_speech_continued(who, 0.9, 0.2)
            self.ears.report_speech_ended(who, 0.2, 0.16)

    def speech(self) -> None:
        self.ears.report_speech_started(self.rng.choice(PEOPLE), 0.9, 0.03)

    def interrupt(self) -> None:
        self.rng.choice((self.agent, self.model)).interrupt()

    def ask(self) -> None:
        text = f"t{next(self.numbers)}"
        self.witness.certain.add(text)
        self.run(self.agent.simple_response(text, interrupt=self.rng.random() < 0.5))

    # Inside.

    def speaker(self) -> Participant | None:
        return self.rng.choice(list(self.open)) if self.open else None

    def run(self, work: Any) -> None:
        self.tasks.append(asyncio.ensure_future(work))


Kind = Callable[[Random], RandomCall]


async def interleave(seed: int, kind: Kind) -> Tally:
    """One random interleaving, on an event loop of its own."""
    await asyncio.sleep(seed)
    rng = Random(seed)
    call = kind(rng)
    await call.begin()
    for _ in range(rng.randint(10, 30)):
        await call.operate()
    await call.end()
    tally: Tally = call.witness.tally
    return tally


def run(kind: Kind, count: int, seed: int = 0) -> Tally:
    """`count` interleavings, the first of them with `seed`."""
    total = Tally()
    logging.disable(logging.CRITICAL)
    try:
        for number in range(seed, seed + count):
            try:
                tally = virtual_time.run(interleave(number, kind), timeout=float("inf"))
            except virtual_time.VirtualTimeError as error:
                tally = Tally(faults=[str(error)])
            tally.faults = [f"seed {number}: {fault}" for fault in tally.faults]
            total.add(tally)
    finally:
        logging.disable(logging.NOTSET)
    return total


def command(kind: Kind, name: str) -> int:
    """The command line of a module with random calls."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description="Random turns and functions.")
    parser.add_argument("count", nargs="?", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    begin = time.process_time()
    tally = run(kind, options.count, options.seed)
    for name in tally.__slots__:
        value = getattr(tally, name)
        print(f"{name.replace('_', ' '):<16} {len(value) if isinstance(value, list) else value:>12,}")
    print(f"CPU time         {time.process_time() - begin:>10,.0f} s")
    for fault in tally.faults[:40]:
        print(fault)
    return 1 if tally.faults else 0
