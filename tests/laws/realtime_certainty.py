"""The tenth law and its neighbours under random interleavings of a call with a realtime model.

    python -m tests.laws.realtime_certainty [COUNT] [--seed N]

The model is like those of services: it hears turns by itself, stops for them, answers at once or late, calls functions
within a response or behind it, takes calls back, loses its connection, goes on sending what it was told to stop, and
hears noises as turns. The seed decides everything, and time is virtual. Exits with 1 if something was heard, written
down or done that nobody wanted, if something found is told twice or never, or if nothing leads out of a silence.
"""

from __future__ import annotations

import asyncio
import sys
from random import Random
from typing import Any, ClassVar

from vision_agents.core import Agent, InterruptionPolicy, Participant, User
from vision_agents.core.conversation import Role
from vision_agents.core.floor import FloorState

from .random_call import PEOPLE, RandomCall, command
from .realtime_model import Model, RealtimeWitness

# No service hears a turn that is shorter, in seconds.
SHORTEST = 0.02


class RealtimeCall(RandomCall):
    """Knows of each open turn its place in the history, and when it began."""

    def __init__(self, rng: Random) -> None:
        super().__init__(rng, RealtimeWitness())
        self.ears = self.model = Model(rng, self.witness)
        policy = InterruptionPolicy(hold=rng.random() < 0.8, rewind="exact")
        self.agent = Agent(self.edge, self.model, User("agent"), vad=None, interruption=policy)
        # Calls that were made, by what became of them.
        self.called: dict[str, str] = {}
        self.undone: list[str] = []
        self.wanted_silence = False
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

    def look_at_rest(self) -> None:
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
        # What could not be told is told with the next answer; there may be none.
        shelved = self._floor._replies.shelved
        if self.agent._joined()._voice.has_news and not shelved:
            self.witness.fault("what a function found is never told")

    def look(self) -> None:
        """The history has what was said for certain, and of the agent only what was heard."""
        for message in self.agent.conversation:
            self.witness.check_message(message)
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
        self.open[who] = self.agent.conversation.place(), asyncio.get_running_loop().time()
        if self.rng.random() < 0.5:
            self.model.report_speech_started(who, 0.9, 0.03)
            self.model.report_speech_continued(who, 0.9, self.rng.choice((0.1, 0.4, 1.5)))
        self._hear_turn(who)

    def _hear_turn(self, who: Participant) -> None:
        voice = self._floor._replies.reply
        at_work = bool(self.model.answers) if voice is None else voice.yields
        stopped = self.model.stop()
        self.model.stopped_by_noise |= at_work
        self.model.report_turn_started(who)
        for response in stopped:
            self.model.report_answer_lost(response)  # Unless it was for somebody who may interrupt.

    async def end(self) -> None:
        await asyncio.sleep(SHORTEST)
        await super().end()

    def turn_ends(self, who: Participant | None = None) -> None:
        who = who or self.speaker()
        loop = asyncio.get_running_loop()
        if who is None or loop.time() < self.open[who][1] + SHORTEST:
            return
        place, began = self.open.pop(who)
        self.model.report_turn_ended(who, 1.0, None, min(0.2, loop.time() - began))
        if self.rng.random() < 0.25:
            return  # It was none: the model says nothing to it.
        text = f"t{next(self.numbers)}"
        self.witness.certain.add(text)

        def know() -> None:
            if not self.over:
                self.model.report_words(who, text, final=True, place=place)

        loop.call_later(self.rng.choice((0.0, 0.0, 0.4, 3.0)), know)
        self.model.answer(text)

    def model_stops(self) -> None:
        """It says that it was interrupted, and not by whom."""
        self.wanted_silence = True
        self.model.stop()
        self.model.report_interrupted()

    def interrupt(self) -> None:
        self.wanted_silence = True
        super().interrupt()

    def say(self) -> None:
        interruptible = self.rng.random() < 0.8
        self.run(self.agent.say("hello there. and more.", interruptible=interruptible))

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

    weights: ClassVar[dict[Any, float]] = {
        turn_begins: 8,
        turn_ends: 10,
        RandomCall.noise: 2,
        RandomCall.speech: 1,
        model_stops: 0.3,
        interrupt: 0.5,
        say: 1,
        RandomCall.ask: 1.5,
        comes_and_goes: 0.3,
        breaks: 1,
        pull: 14,
    }


if __name__ == "__main__":
    sys.exit(command(RealtimeCall, "tests.laws.realtime_certainty"))
