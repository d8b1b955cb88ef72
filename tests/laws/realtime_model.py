"""A realtime model that does at random what those of services do, and a witness of its answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from random import Random
from typing import Any

import numpy as np

from vision_agents.core import Participant
from vision_agents.core.audio import PcmData
from vision_agents.core.conversation import ToolCall
from vision_agents.core.edge import OUTPUT_SAMPLE_RATE
from vision_agents.core.llm import PlayedResponse, Realtime
from vision_agents.core.voice import CONTINUE_PROMPT

from .random_call import BASE, FRAME, STEP, Witness

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
        # Answers of which nothing was stopped, as far as it knows; and those that tell what nobody has asked for.
        self.given: set[int] = set()
        self.volunteering: set[int] = set()
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
            if self.kind is REVOCABLE:
                self._end_all()  # A text ends whatever such a service is at.
            self.answer(text, request)

    async def stop_response(self, heard: tuple[PlayedResponse, ...]) -> None:
        await asyncio.sleep(self.rng.choice((0.0, 0.0, 0.05, 1.0)))
        cut = {one.response for one in heard}
        self.given -= {number for number in self.given if f"response {number}" in cut}
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
            self.volunteering.add(number)
            self.witness.telling[number] |= {call for call in self._untold(number) if not self.witness.told(call)}
        self.given.add(number)
        self._spawn(self._answer(text, number, key, self.epoch), number)

    def stop(self) -> list[str]:
        """Stop for somebody who speaks: also what it has not begun to say. Returns what it had begun."""
        begun = [name for n in self.answers.values() if (name := f"response {n}") in self._born]
        unborn = [n for n in self.answers.values() if f"response {n}" not in self._born]
        self._end_all()
        if any(self.witness.epochs[number] == self.epoch for number in unborn):
            self.report_answer_lost()
        return begun

    def _end_all(self) -> None:
        """Say no more of anything; calls are taken back where the service does that."""
        for task in list(self.answers):
            task.cancel()
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
            if name not in self._born:
                self.given.discard(number)  # Else it was said, unless the agent tells that it was cut off.
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

    def _untold(self, number: int) -> set[str]:
        """What it has learnt and no other answer tells."""
        others = self.given - {number}
        return self.learnt - {call for other in others for call in self.witness.telling[other]}

    def _told_before(self, call: str, number: int) -> bool:
        """Whether another answer tells it that has begun."""
        begun = (other for other in self.given - {number} if f"response {other}" in self._born)
        return any(call in self.witness.telling[other] for other in begun)

    async def _say(self, name: str, number: int, key: int | None, epoch: int) -> None:
        for word in (f"r{number}", "one", "two."):
            await asyncio.sleep(self.rng.choice((0.0, 0.0, 0.02, 0.2)))
            if name not in self._born:
                if number in self.volunteering:
                    # Services make one answer after the other: meanwhile another one may have told it.
                    told = {call for call in self.witness.telling[number] if self._told_before(call, number)}
                    self.witness.telling[number] -= told
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
