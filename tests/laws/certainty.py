"""The tenth law under random interleavings: nothing comes of a turn that is not certain, and nothing is done in doubt.

    python -m tests.laws.certainty [COUNT] [--seed N]

Each interleaving is a call of 10 to 30 random operations: turns begin, are expected to end, go on, end with the same
or other words, or are none; people and code interrupt; models call functions; time passes. The seed decides everything,
and time is virtual. Exits with 1 if something was heard, written down, told or done that nobody had said for certain,
or done while the voice was held or for an answer that was interrupted.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from random import Random
from typing import Any, ClassVar

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
from vision_agents.testing.parts import ScriptedDetector

from .random_call import BASE, FRAME, PEOPLE, STEP, RandomCall, Witness, command, plain


class Model(LLM):
    """Says "r<n>" for its nth request, and calls functions: with what it was asked, so that they tell."""

    def __init__(self, rng: Random, witness: Witness) -> None:
        super().__init__()
        self.rng, self.witness = rng, witness

    async def stream(self, request: LLMRequest) -> AsyncIterator[str | ToolCall]:
        users = frozenset(
            plain(message.text) for message in request.messages if message.role is Role.USER and not message.overheard
        )
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


class CertainCall(RandomCall):
    """Knows of each open turn its words so far."""

    def __init__(self, rng: Random) -> None:
        super().__init__(rng, Witness())
        self.detector = ScriptedDetector()
        self.eager = rng.random() < 0.6
        self.ears = Ears(self, self.eager)
        self.model = Model(rng, self.witness)
        policy = InterruptionPolicy(hold=rng.random() < 0.8, prepare=rng.random() < 0.7, rewind="exact")
        self.agent = Agent(
            self.edge,
            self.model,
            User("agent"),
            stt=self.ears,
            tts=Voice(rng),
            turn_detection=None if self.eager else self.detector,
            vad=None,
            interruption=policy,
        )
        self._offer()
        self._listen()

    def _offer(self) -> None:
        @self.model.register_function()
        async def act(request: int, epoch: int) -> str:
            self.witness.tally.called += 1
            self.witness.check(request, "an effect")
            if self.agent.state is FloorState.HELD:
                self.witness.fault("an effect while the voice is held")
            if epoch < self.agent.epoch:
                self.witness.fault("an effect for an answer that was interrupted")
            await asyncio.sleep(self.rng.choice((0.0, 0.3, 3.0)))
            return "done"

        @self.model.register_function(effects=False)
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

    def look_at_rest(self) -> None:
        outputs = [message.text for message in self.agent.conversation if message.role is Role.TOOL]
        self.witness.tally.not_called += sum(text.startswith("(not called") for text in outputs)
        if RUNNING_STILL in outputs:
            self.witness.fault("a call is left without its output")

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
            self.witness.check_message(message)
            if message.role is Role.ASSISTANT and message.text.startswith("r"):
                self.witness.check(int(message.text.split()[0][1:]), "an answer in the history")

    def finish(self, who: Participant) -> None:
        """All words of a turn are known: from now on they are certain."""
        text = self.open.pop(who, None)
        if text is not None:
            self.witness.certain.add(plain(text))
            self.ears.report_words(who, text, final=True)

    def says_no_more(self, who: Participant) -> None:
        """They leave, or the call is over: what is known of a turn is all of it."""
        self.ears.report_words(who, self.open[who], final=False)
        self.witness.certain.add(plain(self.open.pop(who)))

    # Operations.

    def turn_begins(self) -> None:
        who = self.rng.choice(PEOPLE)
        if who in self.open:
            return
        self.open[who] = f"t{next(self.numbers)}"
        if self.eager:
            self.ears.report_turn_started(who)
        else:
            self.detector.report_speech_started(who, 0.9, 0.03)
            self.detector.report_speech_continued(who, 0.9, self.rng.choice((0.1, 0.4, 1.5)))
        self.ears.report_words(who, self.open[who], final=False)

    def end_is_expected(self) -> None:
        if who := self.speaker():
            if self.eager:
                self.ears.report_turn_end_expected(who, 0.5)
            else:
                self.detector.report_speech_ended(who, 1.0, 0.16)

    def turn_goes_on(self) -> None:
        if who := self.speaker():
            self.open[who] += f" and t{next(self.numbers)}"
            if self.eager and self.rng.random() < 0.8:
                self.ears.report_turn_resumed(who)
            elif not self.eager:
                self.detector.report_speech_started(who, 0.9, 0.03)
            self.ears.report_words(who, self.open[who], final=False)

    def turn_ends(self, who: Participant | None = None) -> None:
        who = who or self.speaker()
        if who is None:
            return
        self.open[who] += self.rng.choice(("", "", ".", f" no t{next(self.numbers)}"))
        if self.eager:
            self.finish(who)
            self.ears.report_turn_ended(who)
        else:
            self.detector.report_turn_ended(who, 0.9, None, 0.2)

    def turn_is_none(self) -> None:
        if who := self.speaker():
            del self.open[who]
            self.ears.report_words(who, "", final=True)
            (self.ears if self.eager else self.detector).report_turn_ended(who)

    def say(self) -> None:
        self.run(self.agent.say("hello there. and more."))

    def comes_and_goes(self) -> None:
        who = self.rng.choice(PEOPLE)
        if who in self.open:
            self.says_no_more(who)
        self.edge.sink.participant_left(who)
        self.edge.sink.participant_joined(who)

    def pull(self, frames: int | None = None) -> None:
        for _ in range(frames or self.rng.choice((1, 5, 20))):
            self.edge.check(self.edge.sink.pull(), "a sample")

    weights: ClassVar[dict[Any, float]] = {
        turn_begins: 8,
        end_is_expected: 8,
        turn_goes_on: 4,
        turn_ends: 8,
        turn_is_none: 1,
        RandomCall.noise: 2,
        RandomCall.speech: 1.5,
        RandomCall.interrupt: 1,
        say: 0.7,
        RandomCall.ask: 1,
        comes_and_goes: 0.3,
        pull: 10,
    }


if __name__ == "__main__":
    sys.exit(command(CertainCall, "tests.laws.certainty"))
