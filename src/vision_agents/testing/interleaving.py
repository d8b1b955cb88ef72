"""A call with hostile parts, driven operation by operation, by a random number generator or by a test.

Everything happens in virtual time and follows from the seed. What is held up to it is the first law: once an
interruption has returned, no sample of an older epoch is ever pulled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from vision_agents.core import Agent, InterruptionPolicy, Participant, User
from vision_agents.core.llm import LLM, Realtime
from vision_agents.core.tts import TTS

from .hostile import HostileLLM, HostileRealtime, HostileTTS, Mischief, ProvingEdge
from .parts import ScriptedDetector, ScriptedSTT

PEOPLE = (Participant("anna"), Participant("bert"))


@dataclass(slots=True)
class Tally:
    """Counts over a number of interleavings."""

    interleavings: int = 0
    operations: int = 0
    interrupts: int = 0
    pulled: int = 0
    sounding: int = 0
    stale: int = 0

    def add(self, other: Tally) -> None:
        """Count `other` in."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class HostileCall:
    """One agent in one call. Each operation is one thing that happens; what else can happen then, happens."""

    def __init__(self, rng: Random, realtime: bool) -> None:
        self.rng = rng
        self.mischief = Mischief(rng, evil=rng.choice((0.05, 0.2, 0.5)))
        self.edge = _Edge(self)
        self.model = HostileRealtime(self.mischief) if realtime else None
        self.tts = HostileTTS(self.mischief)
        self.detector = ScriptedDetector()
        self.stt = ScriptedSTT()
        self.agent = self._make_agent()
        self.tally = Tally(interleavings=1)
        # Who speaks, and the seconds of it.
        self._voiced: dict[Participant, float] = {}
        self._tasks: list[asyncio.Task[Any]] = []

    def _make_agent(self) -> Agent:
        policy = InterruptionPolicy(
            hold=self.rng.random() < 0.8,
            rewind=self.rng.choice(("word", "exact")),
            resume_after=self.rng.choice((0, 0.2)),
        )
        user = User("agent")
        if self.model is not None:
            return Agent(self.edge, self.model, user, interruption=policy)
        return Agent(
            self.edge,
            HostileLLM(self.mischief),
            user,
            stt=self.stt,
            tts=self.tts,
            turn_detection=self.detector,
            interruption=policy,
        )

    async def begin(self) -> None:
        """Join the call."""
        await self.agent.join()
        for person in PEOPLE:
            self._sink.participant_joined(person)

    async def end(self) -> set[asyncio.Task[Any]]:
        """Leave it, give the stubborn a minute, return the tasks that are still alive then."""
        self._count(self.agent.epoch)
        await self.agent.close()
        for _ in range(10):
            alive = asyncio.all_tasks() - {asyncio.current_task()}
            if not alive:
                break
            await asyncio.sleep(10.0)
        else:
            alive = asyncio.all_tasks() - {asyncio.current_task()}
        return {task for task in alive if task is not None}

    async def operate(self, operation: str) -> None:
        """Do one of `OPERATIONS`, and let what follows from it at once happen."""
        self.tally.operations += 1
        _OPERATIONS[operation](self)
        # Everything that can happen now, or only its first step, or more than that.
        await asyncio.sleep(self.rng.choice(_TIMES) if operation == "wait" else self.rng.choice((0, 1e-6)))

    # Operations.

    def say(self) -> None:
        number = self.agent._joined().floor.last_reply + 1
        self._run(self.agent.say(f"s{number} one. s{number} two.", interruptible=self.rng.random() < 0.8))

    def ask(self) -> None:
        self._run(self.agent.simple_response("Go on.", interrupt=False))

    def provider(self) -> None:
        """The model of a realtime agent acts; a cascade's providers act by themselves, as time passes."""
        if self.model is not None:
            self.model.act()
        else:
            self.pull()

    def pull(self) -> None:
        for _ in range(self.rng.choice((1, 1, 2, 5, 10))):
            self.edge.pull(self.agent.epoch)

    def interrupt(self) -> None:
        parts: list[Agent | LLM | Realtime | TTS] = [self.agent, self.agent.llm]
        self.rng.choice(parts if self.model is not None else [*parts, self.tts]).interrupt()
        # At once, before anything else can run.
        self.edge.pull(self.agent.epoch)

    def speech_starts(self) -> None:
        person = self._someone()
        self._voiced[person] = 0.03
        self._ear.report_speech_started(person, 0.9, 0.03)
        self.edge.pull(self.agent.epoch)

    def speech_goes_on(self) -> None:
        person = self._speaker()
        self._voiced[person] = self._voiced.get(person, 0.0) + self.rng.choice((0.03, 0.1, 0.4))
        self._ear.report_speech_continued(person, 0.9, self._voiced[person])
        self.edge.pull(self.agent.epoch)

    def speech_ends(self) -> None:
        person = self._speaker()
        self._ear.report_speech_ended(person, self._voiced.pop(person, 0.5), 0.1)

    def turn_starts(self) -> None:
        self._ear.report_turn_started(self._someone(), 0.9)
        self.edge.pull(self.agent.epoch)

    def turn_ends(self) -> None:
        self.stt.pending.append("and so on")
        self._ear.report_turn_ended(self._speaker(), 0.9)

    def coming_and_going(self) -> None:
        person = self._someone()
        self._sink.participant_left(person)
        self._sink.participant_joined(person)

    def wait(self) -> None:
        """Time passes: `operate` lets it."""

    # Inside.

    @property
    def _sink(self) -> Any:
        assert self.edge.sink is not None
        return self.edge.sink

    @property
    def _ear(self) -> ScriptedDetector | HostileRealtime:
        return self.model if self.model is not None else self.detector

    def _someone(self) -> Participant:
        return self.rng.choice((PEOPLE[0], *PEOPLE))

    def _speaker(self) -> Participant:
        """Mostly somebody who speaks."""
        return self.rng.choice((*self._voiced, *self._voiced, *self._voiced, *PEOPLE))

    def _run(self, work: Any) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    def _count(self, interrupts: int) -> None:
        self.tally.interrupts = interrupts
        self.tally.pulled, self.tally.sounding, self.tally.stale = (
            self.edge.pulled,
            self.edge.sounding,
            self.edge.stale,
        )


class _Edge(ProvingEdge):
    """Learns from the trace in which epoch each reply was begun, and what is said again."""

    def __init__(self, call: HostileCall) -> None:
        super().__init__()
        self._call = call
        self._unheard: dict[int, str] = {}

    def observe(self, record: Mapping[str, Any]) -> None:
        if record.get("note") == "AgentTranscript":
            self._unheard[record["reply"]] = record["unheard"]
        if record.get("effect") == "BeginReply":
            self._call.tts.begun[f"s{record['reply']}"] = record["epoch"]
            self._call.tts.rests[record["epoch"]] = self._unheard.get(record["continues"], "")


_OPERATIONS: dict[str, Callable[[HostileCall], None]] = {
    "say": HostileCall.say,
    "ask": HostileCall.ask,
    "provider": HostileCall.provider,
    "pull": HostileCall.pull,
    "interrupt": HostileCall.interrupt,
    "speech starts": HostileCall.speech_starts,
    "speech goes on": HostileCall.speech_goes_on,
    "speech ends": HostileCall.speech_ends,
    "turn starts": HostileCall.turn_starts,
    "turn ends": HostileCall.turn_ends,
    "coming and going": HostileCall.coming_and_going,
    "wait": HostileCall.wait,
}

OPERATIONS = tuple(_OPERATIONS)

# How often each is done by `interleave`: a voice, its being pulled, and interruptions make up most of it.
_WEIGHTS = (4, 3, 10, 16, 4, 1.5, 3, 3, 0.5, 1.5, 0.2, 6)

_TIMES = (0.0, 0.001, 0.02, 0.06, 0.06, 0.25, 0.5, 2.5)


async def interleave(rng: Random, length: int) -> Tally:
    """One random interleaving of `length` operations, on an event loop of virtual time."""
    call = HostileCall(rng, realtime=rng.random() < 0.5)
    await call.begin()
    for operation in ("say", *rng.choices(OPERATIONS, _WEIGHTS, k=length - 1)):
        await call.operate(operation)
    alive = await call.end()
    if alive:
        raise RuntimeError(f"the call left tasks behind: {sorted(task.get_name() for task in alive)}")
    return call.tally


async def interleave_many(seeds: Iterable[int], shortest: int = 10, longest: int = 30) -> Tally:
    """An interleaving for each seed, on an event loop of virtual time; what providers do wrong is not logged."""
    total = Tally()
    logging.disable(logging.CRITICAL)
    try:
        for seed in seeds:
            rng = Random(seed)
            tally = await interleave(rng, rng.randint(shortest, longest))
            if tally.stale:
                logging.disable(logging.NOTSET)
                logging.getLogger(__name__).error("seed %d let %d stale samples through", seed, tally.stale)
                logging.disable(logging.CRITICAL)
            total.add(tally)
    finally:
        logging.disable(logging.NOTSET)
    return total
