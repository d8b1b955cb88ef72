"""The tenth law and its neighbours under random interleavings of a call with a realtime model.

    python -m tests.laws.realtime_certainty [COUNT] [--seed N]

The model is like those of services: it hears turns by itself, stops for them, answers at once or late, calls functions
within a response or behind it, takes calls back, loses its connection, goes on sending what it was told to stop, and
hears noises as turns. The seed decides everything, and time is virtual. Exits with 1 if something was heard, written
down or done that nobody wanted, if something found is told twice or never, or if nothing leads out of a silence.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable
from random import Random
from typing import Any

import numpy as np

from vision_agents.core import Agent, InterruptionPolicy, Participant, User
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import Role, ToolCall
from vision_agents.core.edge import OUTPUT_SAMPLE_RATE
from vision_agents.core.floor import FloorState
from vision_agents.core.llm import PlayedResponse, Realtime
from vision_agents.core.voice import CONTINUE_PROMPT

from .certainty import BASE, FRAME, PEOPLE, STEP, CertainEdge, Tally, Witness, command

# The calls that a text to the model tells of.
_NOTED = re.compile(r'"id": "(c\d+)"')

# How services deal with functions: called behind a response, whose successor has the result; or within one, which goes
# on with it; or within one, and taken back when somebody speaks.
BEHIND, WITHIN, REVOCABLE = range(3)


class RealtimeWitness(Witness):
    """Knows besides of each answer in which epoch it was asked for, and what its audio tells."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[int] = []
        # What functions found that each answer tells, and the answers of which something was heard.
        self.telling: dict[int, set[str]] = {}
        self.sounded: set[int] = set()

    def hears(self, answer: int) -> None:
        self.sounded.add(answer)

    def told(self, call: str) -> int:
        return sum(call in self.telling.get(answer, ()) for answer in self.sounded)


class Model(Realtime):
    """Says "r<n>" in its nth answer, at a level that tells n."""

    def __init__(self, rng: Random, witness: RealtimeWitness) -> None:
        super().__init__()
        self.rng, self.witness = rng, witness
        self.kind = rng.choice((BEHIND, WITHIN, REVOCABLE))
        self.speaks_during_calls = self.kind is not REVOCABLE
        self.steps = 0
        self.up = asyncio.Event()
        self.up.set()
        # Answers in the making, and calls that the service waits for.
        self.answers: dict[asyncio.Task[None], int] = {}
        self.calls: set[asyncio.Task[None]] = set()
        self.outputs: dict[str, list[str]] = {}
        # What became of calls for answers that were interrupted, of which it was told all the same.
        self.learnt: set[str] = set()
        # A noise has stopped it, and nothing was asked for since.
        self.stopped_by_noise = False

    async def connect(self, instructions: str) -> None:
        """There is nothing to connect to."""

    async def send_audio(self, audio: PcmData, participant: Participant) -> None:
        """It hears what it is told to."""

    async def send_text(self, text: str, request: int | None = None) -> None:
        epoch = self.epoch
        await self.up.wait()
        await asyncio.sleep(self.rng.choice((0.0, 0.0, 0.05)))
        if epoch == self.epoch:
            self.answer(text, request)

    async def stop_response(self, heard: tuple[PlayedResponse, ...]) -> None:
        await asyncio.sleep(self.rng.choice((0.0, 0.0, 0.05, 1.0)))
        cut = {one.response for one in heard}
        for task, number in list(self.answers.items()):
            if self.witness.epochs[number] < self.epoch or f"response {number}" in cut:
                task.cancel()

    async def close(self) -> None:
        for task in (*self.answers, *self.calls):
            task.cancel()

    def answer(self, text: str, key: int | None = None, tells: Iterable[str] = ()) -> None:
        """Begin an answer to a text, or to what functions returned."""
        self.stopped_by_noise = False
        # What code has said and asked for is certain.
        number = self.witness.asked(frozenset({text} if text.startswith("t") else ()))
        self.witness.epochs.append(self.epoch)
        self.witness.telling[number] = set(tells) or set(_NOTED.findall(text))
        if text.startswith("t") and not tells:
            # It tells what it has learnt since it was asked last, as models do.
            running = {call for other in self.answers.values() for call in self.witness.telling[other]}
            untold = {call for call in self.learnt if not self.witness.told(call)}
            self.witness.telling[number] |= untold - running
        self._spawn(self._answer(text, number, key, self.epoch), number)

    def stop(self) -> None:
        """Stop for somebody who speaks: also what it has not begun to say."""
        unborn = [n for n in self.answers.values() if f"response {n}" not in self._born]
        for task in list(self.answers):
            task.cancel()
        if any(self.witness.epochs[number] == self.epoch for number in unborn):
            self.report_answer_lost()
        if self.kind is REVOCABLE:
            for call in list(self.calls):
                call.cancel()

    def lose_connection(self) -> None:
        """Everything of the connection is gone; what it was at is lost."""
        self.up.clear()
        lost = [number for number in self.answers.values() if self.witness.epochs[number] == self.epoch]
        waits = bool(self.calls) and self.kind is not BEHIND
        for task in list(self.answers):
            task.cancel()
        if self.kind is not BEHIND:
            for call in list(self.calls):
                call.cancel()
        for number in lost:
            name = f"response {number}"
            self.report_response_done(name)
            self.report_answer_lost(name if name in self._born else None)
        if waits and not lost:
            self.report_answer_lost()

    def _spawn(self, work: Any, number: int) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.answers[task] = number
        task.add_done_callback(self.answers.pop)

    async def _answer(self, text: str, number: int, key: int | None, epoch: int) -> None:
        name, rng = f"response {number}", self.rng
        calls: list[ToolCall] = []
        told: list[str] = []
        deaf = rng.random() < 0.2
        await asyncio.sleep(rng.choice((0.0, 0.0, 0.1, 0.6, 3.0)))
        try:
            for _ in range(rng.randint(1, 3)):
                if rng.random() < 0.4 and CONTINUE_PROMPT not in text:
                    calls.append(self._call(text, number, epoch))
                    if self.kind is not BEHIND:
                        outputs = await self._make(calls, epoch)
                        told += [call.arguments["id"] for call in calls if outputs]
                        self.witness.telling[number].update(told)
                        calls = []
                else:
                    await self._say(name, number, key, epoch)
            if not calls and name not in self._born:
                await self._say(name, number, key, epoch)
        except asyncio.CancelledError:
            if deaf:
                self._go_on_sending(name, number)
            raise
        finally:
            if name in self._born:
                self.report_response_done(name, more=bool(calls))
        if calls:
            self._spawn_call(self._behind(text, calls, key, epoch))

    async def _behind(self, text: str, calls: list[ToolCall], key: int | None, epoch: int) -> None:
        await self._make(calls, epoch)
        await self.up.wait()
        if epoch == self.epoch:
            self.answer(text, key, [call.arguments["id"] for call in calls])

    async def _make(self, calls: list[ToolCall], epoch: int) -> list[str]:
        work = [self._spawn_call(self._outcome(call, epoch)) for call in calls]
        await asyncio.wait(work)
        return [output for task in work if not task.cancelled() and (output := task.result())]

    async def _outcome(self, call: ToolCall, epoch: int) -> str:
        output = await self.call_function(call, epoch)
        self.outputs.setdefault(call.id, []).append(output)
        if call.name == "act" and output == "done" and epoch < self.epoch:
            self.learnt.add(call.id)
        return output

    def function_ended_late(self, call: ToolCall, output: str) -> None:
        if call.name == "act" and output == "done":
            self.learnt.add(call.id)

    def _spawn_call(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self.calls.add(task)
        task.add_done_callback(self.calls.discard)
        return task

    async def _say(self, name: str, number: int, key: int | None, epoch: int) -> None:
        for word in (f"r{number}", "one", "two."):
            await asyncio.sleep(self.rng.choice((0.0, 0.0, 0.02, 0.2)))
            if name not in self._born:
                self.report_response_started(name, epoch, key)
            self.report_response_text(name, f"{word} ")
            self.report_audio(name, self._sound(number))

    def _go_on_sending(self, name: str, number: int) -> None:
        if name in self._born:
            self.report_response_text(name, "late ")
            self.report_audio(name, self._sound(number))

    def _sound(self, number: int) -> PcmData:
        level = BASE + STEP * (number + 1)
        return PcmData(np.full(FRAME * self.rng.randint(1, 20), level, dtype=np.int16), OUTPUT_SAMPLE_RATE)

    def _call(self, text: str, number: int, epoch: int) -> ToolCall:
        self.steps += 1
        name = self.rng.choice(("act", "act", "look", "book", "check", "hang_up"))
        return ToolCall(
            f"c{self.steps}", name, {"request": number, "epoch": epoch, "id": f"c{self.steps}", "text": text}
        )


class RealtimeCall:
    """One agent on a realtime model in one call; each operation is one thing that happens."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.witness = RealtimeWitness()
        self.edge = CertainEdge(self.witness)
        self.model = Model(rng, self.witness)
        policy = InterruptionPolicy(hold=rng.random() < 0.8, rewind="exact")
        self.agent = Agent(self.edge, self.model, User("agent"), vad=None, interruption=policy)
        self.open: dict[Participant, int] = {}
        self.numbers = iter(range(10_000))
        self.tasks: list[asyncio.Future[Any]] = []
        # Calls that were made, by what became of them.
        self.called: dict[str, str] = {}
        self.undone: list[str] = []
        self.wanted_silence = False
        self.over = False
        self._offer()

    def _offer(self) -> None:
        register = self.model.register_function

        @register()
        async def act(request: int, epoch: int, id: str, text: str) -> str:
            self._effect(request, epoch, id)
            await asyncio.sleep(self.rng.choice((0.0, 0.3, 3.0)))
            self.called[id] = "done"
            return "done"

        @register(effects=False, deliver=False)
        async def look(request: int, epoch: int, id: str, text: str) -> str:
            self._begin(id)
            await asyncio.sleep(self.rng.choice((0.0, 0.3)))
            if self.rng.random() < 0.3:
                await self.agent.say("hello there.")
            return "seen"

        async def unbook(request: int, epoch: int, id: str, text: str) -> None:
            if id not in self.called:
                self.witness.fault("what was never done is undone")
            if id in self.undone:
                self.witness.fault("undone twice")
            if self.over and self.called[id] == "booked":
                self.witness.fault("what had returned is undone at the end of the call")
            self.undone.append(id)

        @register(on_interrupt="undo", undo=unbook)
        async def book(request: int, epoch: int, id: str, text: str) -> str:
            self._effect(request, epoch, id)
            await asyncio.sleep(self.rng.choice((0.0, 0.3, 3.0)))
            self.called[id] = "booked"
            return "booked"

        @register(on_interrupt="cancel")
        async def check(request: int, epoch: int, id: str, text: str) -> str:
            self._effect(request, epoch, id)
            await asyncio.sleep(self.rng.choice((0.0, 1.0)))
            return "checked"

        @register(after_speech=True, deliver=False)
        async def hang_up(request: int, epoch: int, id: str, text: str) -> str:
            self._effect(request, epoch, id)
            return "hung up"

    def _begin(self, call: str) -> None:
        self.witness.tally.called += 1
        if call in self.called:
            self.witness.fault("called twice")
        self.called[call] = "running"
        if self.over:
            self.witness.fault("called after the call")

    def _effect(self, request: int, epoch: int, call: str) -> None:
        self._begin(call)
        self.witness.check(request, "an effect")
        if self.agent.state is FloorState.HELD:
            self.witness.fault("an effect while the voice is held")
        if epoch < self.agent.epoch:
            self.witness.fault("an effect for an answer that was interrupted")
        if self.open and self._floor.reply is None and self.agent.state is FloorState.USER_SPEAKING:
            self.witness.fault("an effect while somebody speaks and the model says nothing")

    @property
    def _floor(self) -> Any:
        return self.agent._joined().floor

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
            await self._rest()
        self.over = True
        await self.agent.close()
        before = self.witness.tally.called
        await asyncio.sleep(60.0)
        self.look()
        if self.witness.tally.called > before:
            self.witness.fault("an effect after the call")
        if not all(task.done() for task in self.tasks):
            self.witness.fault("who asked for something is never answered")

    async def _rest(self) -> None:
        rest = 0
        for _ in range(900):
            await asyncio.sleep(0.2)
            self.pull(10)
            rest = rest + 1 if self.agent.state is FloorState.IDLE else 0
            if rest == 40:
                break
        else:
            self.witness.fault(f"no rest: {self.agent.state}")
        self.look()
        session = self.agent._joined()
        if session.barrier._waiting:
            self.witness.fault("a function waits for ever")
        if self.model.stopped_by_noise and not self.wanted_silence:
            self.witness.fault("a noise has silenced the model")
        for call, outputs in self.model.outputs.items():
            self.witness.tally.not_called += sum(text.startswith("(not called") for text in outputs)
            if len(outputs) > 1:
                self.witness.fault(f"{call} has more than one output")
        for call in self.called:
            told = self.witness.told(call)
            if told > 1:
                self.witness.fault(f"what {call} found is told {told} times")
        if session._voice.has_news and not self.wanted_silence:
            self.witness.fault("what a function found is never told")

    def look(self) -> None:
        """The history has what was said for certain, and of the agent only what was heard."""
        for message in self.agent.conversation:
            if message.role is Role.USER and not self.witness.said(message.text):
                self.witness.fault(f"{message.text!r} in the history")
            if message.role is Role.ASSISTANT and message.text.startswith("r"):
                number = int(message.text.split()[0][1:])
                self.witness.check(number, "an answer in the history")
                if number not in self.witness.sounded:
                    self.witness.fault(f"{message.text!r} in the history, which nobody has heard")

    # Operations.

    def turn_begins(self) -> None:
        who = self.rng.choice(PEOPLE)
        if who in self.open or not self.model.up.is_set():
            return
        self.open[who] = self.agent.conversation.place()
        if self.rng.random() < 0.5:
            self.model.report_speech_started(who, 0.9, 0.03)
            self.model.report_speech_continued(who, 0.9, self.rng.choice((0.1, 0.4, 1.5)))
        self._hear_turn(who)

    def _hear_turn(self, who: Participant) -> None:
        voice = self._floor._replies.reply
        at_work = bool(self.model.answers) if voice is None else voice.yields
        self.model.stop()
        self.model.stopped_by_noise |= at_work
        self.model.report_turn_started(who)

    def turn_ends(self, who: Participant | None = None) -> None:
        who = who or self._speaker()
        if who is None:
            return
        place = self.open.pop(who)
        self.model.report_turn_ended(who, 1.0, None, 0.2)
        if self.rng.random() < 0.25:
            return  # It was none: the model says nothing to it.
        text = f"t{next(self.numbers)}"
        self.witness.certain.add(text)
        loop = asyncio.get_running_loop()

        def know() -> None:
            if not self.over:
                self.model.report_words(who, text, final=True, place=place)

        loop.call_later(self.rng.choice((0.0, 0.0, 0.4, 3.0)), know)
        self.model.answer(text)

    def noise(self) -> None:
        """Speech that a detector beside the model hears."""
        who = self.rng.choice(PEOPLE)
        if who not in self.open:
            self.model.report_speech_started(who, 0.9, 0.03)
            if self.rng.random() < 0.5:
                self.model.report_speech_continued(who, 0.9, 0.2)
            self.model.report_speech_ended(who, 0.2, 0.16)

    def speech(self) -> None:
        self.model.report_speech_started(self.rng.choice(PEOPLE), 0.9, 0.03)

    def model_stops(self) -> None:
        """It says that it was interrupted, and not by whom."""
        self.wanted_silence = True
        self.model.stop()
        self.model.report_interrupted()

    def interrupt(self) -> None:
        self.wanted_silence = True
        self.rng.choice((self.agent, self.model)).interrupt()

    def say(self) -> None:
        interruptible = self.rng.random() < 0.8
        self._run(self.agent.say("hello there. and more.", interruptible=interruptible))

    def ask(self) -> None:
        text = f"t{next(self.numbers)}"
        self.witness.certain.add(text)
        self._run(self.agent.simple_response(text, interrupt=self.rng.random() < 0.5))

    def comes_and_goes(self) -> None:
        who = self.rng.choice(PEOPLE)
        self.open.pop(who, None)
        self.edge.sink.participant_left(who)
        self.edge.sink.participant_joined(who)

    def breaks(self) -> None:
        if self.model.up.is_set():
            self.witness.tally.renewed += 1
            self.model.lose_connection()
            for who in self.open:
                # Nobody will know what they said.
                self.model.report_turn_ended(who)
                self.model.report_answer_lost()
            self.open.clear()
            asyncio.get_running_loop().call_later(self.rng.choice((0.0, 0.3, 2.0)), self.model.up.set)

    def pull(self, frames: int | None = None) -> None:
        for _ in range(frames or self.rng.choice((1, 5, 20))):
            epoch = self.agent.epoch  # Another one may begin when this frame is known to be pulled.
            answer = self.edge.check(self.edge.sink.pull(), "a sample")
            if answer is None:
                continue
            self.witness.hears(answer)
            if self.witness.epochs[answer] < epoch:
                self.witness.fault("a sample of an answer that was interrupted")

    # Inside.

    def _speaker(self) -> Participant | None:
        return self.rng.choice(list(self.open)) if self.open else None

    def _run(self, work: Any) -> None:
        self.tasks.append(asyncio.ensure_future(work))


_WEIGHTED = {
    RealtimeCall.turn_begins: 8,
    RealtimeCall.turn_ends: 10,
    RealtimeCall.noise: 2,
    RealtimeCall.speech: 1,
    RealtimeCall.model_stops: 0.3,
    RealtimeCall.interrupt: 0.5,
    RealtimeCall.say: 1,
    RealtimeCall.ask: 1.5,
    RealtimeCall.comes_and_goes: 0.3,
    RealtimeCall.breaks: 1,
    RealtimeCall.pull: 14,
}
_OPERATIONS, _WEIGHTS = tuple(_WEIGHTED), tuple(_WEIGHTED.values())


def run(count: int, seed: int = 0) -> Tally:
    """`count` interleavings, the first of them with `seed`."""
    from .certainty import run as run_calls

    return run_calls(count, seed, RealtimeCall)


if __name__ == "__main__":
    sys.exit(command(RealtimeCall, "tests.laws.realtime_certainty"))
