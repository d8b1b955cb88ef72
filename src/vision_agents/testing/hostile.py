"""Providers that do everything wrong that a provider can do, with audio that tells in which epoch it was made.

They stall, raise, send late, send on after they were cancelled, hang in their clean-up, and mix up what belongs to
which response. None of it may ever be heard after an interruption, delay one, or end the conversation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import numpy as np

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.edge import OUTPUT_SAMPLE_RATE, CallSink, EdgeTransport
from vision_agents.core.llm import LLM, LLMRequest, PlayedResponse, Realtime
from vision_agents.core.participants import Participant, User
from vision_agents.core.tasks import Tasks
from vision_agents.core.tts import TTS

# Samples of epoch n are all of one level: positive for an even n, negative for an odd one, and the quieter the newer.
# A fade makes a sample quieter, never louder, and leaves its sign: so no older one, faded or not, passes for a newer.
LOUDEST = 32_000
STEP = 400
LEVELS = 72


class HostileError(Exception):
    """The error that hostile providers raise."""


def level_of(epoch: int) -> int:
    """The level of all samples made in `epoch`. It repeats after 72 epochs."""
    level = LOUDEST - STEP * (epoch % LEVELS)
    return level if epoch % 2 == 0 else -level


def stale_samples(frame: Samples, epoch: int) -> int:
    """Count the samples of a frame that cannot have been made in `epoch`."""
    level = level_of(epoch)
    low, high = (0, level) if level > 0 else (level, 0)
    if frame.min() >= low and frame.max() <= high:
        return 0
    return int(np.count_nonzero((frame < low) | (frame > high)))


class Mischief:
    """Chooses what to do wrong next. `rng` decides, so the same seed does the same wrongs.

    `evil`: how often something goes wrong, 0 to 1.
    """

    def __init__(self, rng: Random, evil: float = 0.3) -> None:
        self.rng = rng
        self.evil = evil

    def strikes(self, share: float = 1.0) -> bool:
        """Return whether something goes wrong here."""
        return self.rng.random() < self.evil * share

    def wrong(self, why: str) -> BaseException:
        """Make something to raise: an error, or a cancellation that nobody asked for."""
        return self.rng.choice((HostileError(why), asyncio.CancelledError(why)))

    async def pause(self) -> None:
        """Take some time, or too much; perhaps raise; perhaps ignore that one is cancelled."""
        if self.strikes(0.2):
            raise self.wrong("no reason at all")
        seconds = self.rng.choice((0.0, 0.0, 0.001, 0.05))
        if self.strikes():
            seconds = self.rng.choice((0.3, 2.0, 30.0))
        deaf = self.strikes()
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            if not deaf:
                raise
            await asyncio.sleep(self.rng.choice((0.0, 0.01, 1.0)))

    async def clean_up(self) -> None:
        """Do what is done at the end: nothing, or hang, or raise."""
        if self.strikes(0.3):
            await asyncio.sleep(self.rng.choice((0.01, 5.0, 60.0)))
        if self.strikes(0.2):
            raise self.wrong("the clean-up failed")


class HostileLLM(LLM):
    """Writes sentences of words like "e3": a word made in epoch 3."""

    def __init__(self, mischief: Mischief) -> None:
        super().__init__()
        self._mischief = mischief

    async def stream(self, request: LLMRequest) -> AsyncIterator[str]:
        word = f"e{self.epoch} "
        try:
            for _ in range(self._mischief.rng.randint(0, 5)):
                await self._mischief.pause()
                yield word * self._mischief.rng.randint(1, 3) + "end. "
        finally:
            await self._mischief.clean_up()

    async def cancel_work(self) -> None:
        await self._mischief.pause()


class HostileTTS(TTS):
    """Speaks a text at the level of its epoch: that in its first word, or that of the reply it is for.

    `begun`: the epoch in which each text of code was begun to be said, for texts whose first word is not "e…". `rests`:
    for an epoch, what is said again in it because it was cut off for nothing.
    """

    def __init__(self, mischief: Mischief) -> None:
        super().__init__()
        self._mischief = mischief
        self.begun: dict[str, int] = {}
        self.rests: dict[int, str] = {}

    async def stream_audio(self, text: str) -> AsyncIterator[PcmData]:
        level = level_of(self._epoch_of(text))
        try:
            for _ in range(self._mischief.rng.randint(0, 9)):
                await self._mischief.pause()
                yield sound(level, self._mischief.rng.choice((0, 7, 960, 5000, 20_000, 60_000)))
        finally:
            await self._mischief.clean_up()

    async def stop_audio(self) -> None:
        await self._mischief.pause()

    def _epoch_of(self, text: str) -> int:
        if text in self.rests.get(self.epoch, ""):
            return self.epoch
        first = text.split()[0]
        return int(first[1:]) if first[0] == "e" else self.begun[first]


class HostileRealtime(Realtime):
    """A model of many responses at once, which sends of any of them at any time. The caller decides what, `rng` which.

    Text that it is sent is answered at some later time, with the epoch in which it was sent.
    """

    def __init__(self, mischief: Mischief) -> None:
        super().__init__()
        self._mischief = mischief
        # Each response, and the epoch that its audio belongs to.
        self.responses: dict[str, int] = {}
        self._answers = Tasks()

    async def connect(self, instructions: str) -> None:
        """There is nothing to connect to."""

    async def send_audio(self, audio: PcmData, participant: Participant) -> None:
        await self._mischief.pause()

    async def send_text(self, text: str, request: int | None = None) -> None:
        asked_in = self.epoch
        await self._mischief.pause()
        self._answers.spawn(self._answer(asked_in, request), "answer")

    async def stop_response(self, heard: tuple[PlayedResponse, ...]) -> None:
        await self._mischief.pause()

    async def close(self) -> None:
        self._answers.cancel()

    async def _answer(self, asked_in: int, request: int | None) -> None:
        try:
            await self._mischief.pause()
        except HostileError:
            return
        self.begin(asked_in, request)

    def begin(self, asked_in: int | None = None, request: int | None = None) -> None:
        """Announce a new response."""
        name = f"r{len(self.responses)}"
        self.responses[name] = self.epoch if asked_in is None else asked_in
        self.report_response_started(name, asked_in, request)

    def act(self) -> None:
        """Send some things about one response, old or new, in any order."""
        rng = self._mischief.rng
        if not self.responses or rng.random() < 0.1:
            self.begin()
        newest = next(reversed(self.responses))
        name = newest if rng.random() < 0.6 else rng.choice(list(self.responses))
        for what in rng.choices(("audio", "text", "done", "again", "early", "interrupted"), (12, 4, 3, 3, 1, 1), k=3):
            self._send(what, name, rng.choice((0, 7, 960, 5000, 20_000, 60_000)))

    def _send(self, what: str, name: str, count: int) -> None:
        if what == "audio":
            self.report_audio(name, sound(level_of(self.responses[name]), count))
        elif what == "text":
            self.report_response_text(name, f"e{self.responses[name]} ")
        elif what == "done":
            self.report_response_done(name)
        elif what == "again":
            self.report_response_started(name)
        elif what == "early":
            # Audio that comes before its response is announced.
            name = f"r{len(self.responses)}"
            self.responses[name] = self.epoch
            self.report_audio(name, sound(level_of(self.epoch), count))
        else:
            self.report_interrupted()


class ProvingEdge(EdgeTransport):
    """A call whose frames are pulled by hand. Counts what was pulled, and of it what should never have been."""

    def __init__(self) -> None:
        self.sink: CallSink | None = None
        self.records: list[dict[str, Any]] = []
        self.pulled = 0
        self.sounding = 0
        self.stale = 0

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        self.sink = sink

    async def leave(self) -> None:
        """There is nothing to leave."""

    def pull(self, epoch: int) -> Samples:
        """Pull a frame, of which nothing may be older than `epoch`."""
        assert self.sink is not None, "the agent has not joined yet"
        frame = self.sink.pull()
        self.pulled += len(frame)
        if frame.any():
            self.sounding += int(np.count_nonzero(frame))
            self.stale += stale_samples(frame, epoch)
        return frame


def sound(level: int, count: int) -> PcmData:
    """`count` samples of one level, at the rate of the gate, so that no filter changes them."""
    return PcmData(np.full(count, level, dtype=np.int16), OUTPUT_SAMPLE_RATE)
