"""The tenth law under random interleavings: nothing comes of a turn that is not certain, and nothing is done in doubt.

    python -m tests.laws.certainty [COUNT] [--seed N]

Each interleaving is a call of 10 to 30 random operations: turns begin, are expected to end, go on, end with the same
or other words, or are none; people and code interrupt; models call functions; time passes. The seed decides everything,
and time is virtual. Exits with 1 if something was heard, written down, told or done that nobody had said for certain,
or done while the voice was held or for an answer that was interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

import numpy as np

from vision_agents.core import Agent, InterruptionPolicy, Participant, User
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.edge import OUTPUT_SAMPLE_RATE
from vision_agents.core.floor import FloorState
from vision_agents.core.llm import LLM, LLMRequest, LLMResponseChunkEvent, ToolStartedEvent
from vision_agents.core.llm.function_call import RUNNING_STILL
from vision_agents.core.stt import STT, STTTranscriptEvent
from vision_agents.core.tts import TTS, TTSAudioEvent
from vision_agents.core.voice import CONTINUE_PROMPT
from vision_agents.testing import virtual_time
from vision_agents.testing.hostile import ProvingEdge
from vision_agents.testing.parts import ScriptedDetector

PEOPLE = (Participant("anna"), Participant("bert"))
FRAME = 960

# Samples of what is made for request n are all of one level. A fade has its first or its last sample at that level.
BASE, STEP = 200, 12


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
        self.certain = {plain(CONTINUE_PROMPT)}
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

    def check(self, request: int, what: str) -> None:
        for text in self.requests[request]:
            if self.said(text):
                continue
            self.fault(f"{what} of {text!r}, which nobody has said for certain")

    def fault(self, what: str) -> None:
        if what not in self.tally.faults:
            self.tally.faults.append(what)


class Model(LLM):
    """Says "r<n>" for its nth request, and calls functions: with what it was asked, so that they tell."""

    def __init__(self, rng: Random, witness: Witness) -> None:
        super().__init__()
        self.rng, self.witness = rng, witness

    async def stream(self, request: LLMRequest) -> AsyncIterator[str | ToolCall]:
        users = frozenset(plain(message.text) for message in request.messages if message.role is Role.USER)
        number = self.witness.asked(users)
        epoch = self.epoch
        for step in range(self.rng.randint(1, 3)):
            await asyncio.sleep(self.rng.choice((0.0, 0.0, 0.1, 0.6)))
            if self.rng.random() < 0.4:
                name = self.rng.choice(("act", "act", "look"))
                yield ToolCall(f"{name} {number} {step}", name, {"request": number, "epoch": epoch})
            else:
                yield f"r{number} one two. "
                yield f"r{number} end. "


class Voice(TTS):
    def __init__(self, rng: Random) -> None:
        super().__init__()
        self.rng = rng

    async def stream_audio(self, text: str) -> AsyncIterator[PcmData]:
        first = text.split()[0]
        level = BASE + STEP * (int(first[1:]) + 1) if first[0] == "r" else BASE
        for _ in range(self.rng.randint(1, 3)):
            await asyncio.sleep(self.rng.choice((0.0, 0.0, 0.05, 0.4)))
            yield PcmData(np.full(FRAME * self.rng.randint(1, 20), level, dtype=np.int16), OUTPUT_SAMPLE_RATE)

    async def stop_audio(self) -> None:
        """There is nothing to stop."""


class Ears(STT):
    """Final words come when they are asked for, if they were not reported with the end of the turn."""

    def __init__(self, call: CertainCall, turns: bool) -> None:
        super().__init__()
        self.call, self.turn_detection = call, turns

    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        """It hears what it is told to."""

    async def finish_turn(self, participant: Participant) -> None:
        await asyncio.sleep(self.call.rng.choice((0.0, 0.05, 0.5)))
        self.call.finish(participant)


class CertainCall:
    """One agent in one call; each operation is one thing that happens."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.witness = Witness()
        self.edge = CertainEdge(self.witness)
        self.detector = ScriptedDetector()
        self.eager = rng.random() < 0.6
        self.stt = Ears(self, self.eager)
        self.llm = Model(rng, self.witness)
        policy = InterruptionPolicy(hold=rng.random() < 0.8, prepare=rng.random() < 0.7, rewind="exact")
        self.agent = Agent(
            self.edge,
            self.llm,
            User("agent"),
            stt=self.stt,
            tts=Voice(rng),
            turn_detection=None if self.eager else self.detector,
            vad=None,
            interruption=policy,
        )
        # The words of each open turn, and how much speech there was of it.
        self.open: dict[Participant, str] = {}
        self.numbers = iter(range(10_000))
        self.tasks: list[asyncio.Future[Any]] = []
        self._offer()
        self._listen()

    def _offer(self) -> None:
        @self.llm.register_function()
        async def act(request: int, epoch: int) -> str:
            self.witness.tally.called += 1
            self.witness.check(request, "an effect")
            if self.agent.state is FloorState.HELD:
                self.witness.fault("an effect while the voice is held")
            if epoch < self.agent.epoch:
                self.witness.fault("an effect for an answer that was interrupted")
            await asyncio.sleep(self.rng.choice((0.0, 0.3, 3.0)))
            return "done"

        @self.llm.register_function(effects=False)
        async def look(request: int, epoch: int) -> str:
            await asyncio.sleep(self.rng.choice((0.0, 0.3)))
            if self.rng.random() < 0.3:
                await self.agent.say(f"r{request} said.")
            return "seen"

    def _listen(self) -> None:
        @self.agent.events.subscribe
        async def note(event: LLMResponseChunkEvent | TTSAudioEvent | STTTranscriptEvent | ToolStartedEvent) -> None:
            if isinstance(event, LLMResponseChunkEvent):
                self.witness.check(int(event.delta.split()[0][1:]), "a written event")
            elif isinstance(event, TTSAudioEvent):
                self.edge.check(event.data.samples, "an audio event")
            elif isinstance(event, STTTranscriptEvent) and not self.witness.said(event.text):
                self.witness.fault(f"a transcript event of {event.text!r}")
            elif isinstance(event, ToolStartedEvent) and event.name == "act":
                self.witness.check(event.arguments["request"], "a function's event")

    # Life.

    async def begin(self) -> None:
        await self.agent.join()
        for person in PEOPLE:
            self.edge.sink.participant_joined(person)

    async def operate(self) -> None:
        self.witness.tally.operations += 1
        self.rng.choices(_OPERATIONS, _WEIGHTS)[0](self)
        self.look()
        await asyncio.sleep(self.rng.choice((0.0, 0.0, 1e-6, 0.02, 0.1, 0.3, 0.8)))
        self.look()

    async def end(self) -> None:
        """Whoever speaks is done; then everything comes to rest, and nothing waits any more."""
        if self.rng.random() < 0.8:
            for person in list(self.open):
                self.turn_ends(person)
            # What an interruption leaves running ends meanwhile, and is told in an answer of its own.
            rest = 0
            for _ in range(600):
                await asyncio.sleep(0.2)
                self.pull(10)
                rest = rest + 1 if self.agent.state is FloorState.IDLE else 0
                if rest == 25:
                    break
            self.look()
            if self.agent._joined().barrier._waiting:
                self.witness.fault("a function waits for ever")
            outputs = [message.text for message in self.agent.conversation if message.role is Role.TOOL]
            self.witness.tally.not_called += sum(text.startswith("(not called") for text in outputs)
            if RUNNING_STILL in outputs:
                self.witness.fault("a call is left without its output")
        await self.agent.close()
        before = self.witness.tally.called
        await asyncio.sleep(60.0)
        self.look()
        if self.witness.tally.called > before:
            self.witness.fault("an effect after the call")

    def look(self) -> None:
        """The history has only what was said for certain, a call with its output right behind it."""
        expected: list[str] = []
        for message in self.agent.conversation:
            if message.role is Role.TOOL:
                if not expected or message.tool_call_id != expected.pop(0):
                    self.witness.fault("an output without its call")
                continue
            if expected:
                self.witness.fault("a call without its output")
            expected = [call.id for call in message.tool_calls]
            for call in message.tool_calls:
                self.witness.check(call.arguments["request"], "a call in the history")
            if message.role is Role.USER and not self.witness.said(message.text):
                self.witness.fault(f"{message.text!r} in the history")
            if message.role is Role.ASSISTANT and message.text.startswith("r"):
                self.witness.check(int(message.text.split()[0][1:]), "an answer in the history")

    def finish(self, who: Participant) -> None:
        """All words of a turn are known: from now on they are certain."""
        text = self.open.pop(who, None)
        if text is not None:
            self.witness.certain.add(plain(text))
            self.stt.report_words(who, text, final=True)

    # Operations.

    def turn_begins(self) -> None:
        who = self.rng.choice(PEOPLE)
        if who in self.open:
            return
        self.open[who] = f"t{next(self.numbers)}"
        if self.eager:
            self.stt.report_turn_started(who)
        else:
            self.detector.report_speech_started(who, 0.9, 0.03)
            self.detector.report_speech_continued(who, 0.9, self.rng.choice((0.1, 0.4, 1.5)))
        self.stt.report_words(who, self.open[who], final=False)

    def end_is_expected(self) -> None:
        if who := self._speaker():
            if self.eager:
                self.stt.report_turn_end_expected(who, 0.5)
            else:
                self.detector.report_speech_ended(who, 1.0, 0.16)

    def turn_goes_on(self) -> None:
        if who := self._speaker():
            self.open[who] += f" and t{next(self.numbers)}"
            if self.eager and self.rng.random() < 0.8:
                self.stt.report_turn_resumed(who)
            elif not self.eager:
                self.detector.report_speech_started(who, 0.9, 0.03)
            self.stt.report_words(who, self.open[who], final=False)

    def turn_ends(self, who: Participant | None = None) -> None:
        who = who or self._speaker()
        if who is None:
            return
        self.open[who] += self.rng.choice(("", "", ".", f" no t{next(self.numbers)}"))
        if self.eager:
            self.finish(who)
            self.stt.report_turn_ended(who)
        else:
            self.detector.report_turn_ended(who, 0.9, None, 0.2)

    def turn_is_none(self) -> None:
        if who := self._speaker():
            del self.open[who]
            self.stt.report_words(who, "", final=True)
            (self.stt if self.eager else self.detector).report_turn_ended(who)

    def noise(self) -> None:
        who = self.rng.choice(PEOPLE)
        if who not in self.open:
            self.stt.report_speech_started(who, 0.9, 0.03)
            if self.rng.random() < 0.5:
                self.stt.report_speech_continued(who, 0.9, 0.2)
            self.stt.report_speech_ended(who, 0.2, 0.16)

    def speech(self) -> None:
        self.stt.report_speech_started(self.rng.choice(PEOPLE), 0.9, 0.03)

    def interrupt(self) -> None:
        self.rng.choice((self.agent, self.llm)).interrupt()

    def say(self) -> None:
        self._run(self.agent.say("hello there. and more."))

    def ask(self) -> None:
        text = f"t{next(self.numbers)}"
        self.witness.certain.add(text)
        self._run(self.agent.simple_response(text, interrupt=self.rng.random() < 0.5))

    def comes_and_goes(self) -> None:
        who = self.rng.choice(PEOPLE)
        if who in self.open:
            # They can say no more, and no other words.
            self.stt.report_words(who, self.open[who], final=False)
            self.witness.certain.add(plain(self.open.pop(who)))
        self.edge.sink.participant_left(who)
        self.edge.sink.participant_joined(who)

    def pull(self, frames: int | None = None) -> None:
        for _ in range(frames or self.rng.choice((1, 5, 20))):
            self.edge.check(self.edge.sink.pull(), "a sample")

    # Inside.

    def _speaker(self) -> Participant | None:
        return self.rng.choice(list(self.open)) if self.open else None

    def _run(self, work: Any) -> None:
        self.tasks.append(asyncio.ensure_future(work))


class CertainEdge(ProvingEdge):
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
            # Nobody answers it: it is kept as what was known of it.
            self.witness.certain.add(plain(record["text"]))


_WEIGHTED = {
    CertainCall.turn_begins: 8,
    CertainCall.end_is_expected: 8,
    CertainCall.turn_goes_on: 4,
    CertainCall.turn_ends: 8,
    CertainCall.turn_is_none: 1,
    CertainCall.noise: 2,
    CertainCall.speech: 1.5,
    CertainCall.interrupt: 1,
    CertainCall.say: 0.7,
    CertainCall.ask: 1,
    CertainCall.comes_and_goes: 0.3,
    CertainCall.pull: 10,
}
_OPERATIONS, _WEIGHTS = tuple(_WEIGHTED), tuple(_WEIGHTED.values())


class RandomCall(Protocol):
    """A call in which random things happen."""

    witness: Witness

    async def begin(self) -> None: ...

    async def operate(self) -> None: ...

    async def end(self) -> None: ...


Kind = Callable[[Random], RandomCall]


async def interleave(seed: int, kind: Kind = CertainCall) -> Tally:
    """One random interleaving, on an event loop of virtual time."""
    rng = Random(seed)
    call = kind(rng)
    await call.begin()
    for _ in range(rng.randint(10, 30)):
        await call.operate()
    await call.end()
    return call.witness.tally


async def interleave_many(count: int, seed: int, kind: Kind) -> Tally:
    total = Tally()
    logging.disable(logging.CRITICAL)
    try:
        for number in range(seed, seed + count):
            tally = await interleave(number, kind)
            tally.faults = [f"seed {number}: {fault}" for fault in tally.faults]
            total.add(tally)
    finally:
        logging.disable(logging.NOTSET)
    return total


def run(count: int, seed: int = 0, kind: Kind = CertainCall) -> Tally:
    """`count` interleavings, the first of them with `seed`."""
    return virtual_time.run(interleave_many(count, seed, kind), timeout=float("inf"))


def command(kind: Kind, name: str) -> int:
    """The command line of a module with random calls."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description="Random turns and functions.")
    parser.add_argument("count", nargs="?", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    begin = time.process_time()
    tally = run(options.count, options.seed, kind)
    for name in tally.__slots__:
        value = getattr(tally, name)
        print(f"{name.replace('_', ' '):<16} {len(value) if isinstance(value, list) else value:>12,}")
    print(f"CPU time         {time.process_time() - begin:>10,.0f} s")
    for fault in tally.faults[:40]:
        print(fault)
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(command(CertainCall, "tests.laws.certainty"))
