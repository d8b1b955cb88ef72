"""Base of the contract classes: waiting, consuming, recording, and looking for leaks."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import pytest
import pytest_asyncio

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.events import EventManager
from vision_agents.core.part import Attachment, Part, PartError
from vision_agents.core.participants import Participant
from vision_agents.core.stt import STT
from vision_agents.core.turn_detection import TurnDetector

from ..parts import tone
from ..virtual_time import describe_tasks
from .provider import Failure, Provider

T = TypeVar("T")
P = TypeVar("P", bound="Closable")

# Seconds within which everything that is awaited here must happen. It is no measure of speed, only the end of a hang:
# far more than the busiest machine needs.
PATIENCE = 60.0

FAILURES: tuple[Failure, ...] = ("error", "quota", "malformed")


class Contract:
    """The root of the contract classes."""

    pytestmark = pytest.mark.asyncio

    # How many interruptions in a row count as many; VISION_AGENTS_RAPID=1000 makes it a long run.
    rapid = int(os.environ.get("VISION_AGENTS_RAPID", "100"))

    @pytest_asyncio.fixture
    async def provider(self) -> AsyncIterator[Any]:
        """The other end. Override it."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture `provider`")
        yield


class Closable(Protocol):
    """A part of an agent."""

    async def close(self) -> None: ...


async def give(part: TurnDetector | STT, audio: PcmData, participant: Participant) -> None:
    """Have a detector or recogniser process a piece of audio, whether it does that at once or not."""
    processing = part.process_audio(audio, participant)
    if processing is not None:
        await processing


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for `condition`; fail, saying `what` did not happen, after `PATIENCE` seconds."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - what is waited for is in another's hands, and sets no event
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"never happened: {what}") from None


@asynccontextmanager
async def lifetime(part: P, provider: Provider) -> AsyncIterator[P]:
    """Close `part` at the end, and fail if it leaves a task, a request or a connection behind."""
    before = asyncio.all_tasks()
    try:
        yield part
    finally:
        await close(part)
        await provider.release()
    await until(lambda: not provider.active, f"the end of {provider.active} requests")
    await until(lambda: not provider.open_connections, f"the end of {provider.open_connections} connections")
    gc.collect()  # an unawaited coroutine or an unclosed socket speaks up when it is collected
    await no_tasks_since(before)


@asynccontextmanager
async def in_call(part: P, attachment: Attachment) -> AsyncIterator[P]:
    """Take `part` into a call that no other gets it from; at the end close it and give it back, as an agent does."""
    assert isinstance(part, Part)
    part.attach(attachment)
    try:
        with pytest.raises(PartError):
            part.attach(Attachment())
        yield part
    finally:
        async with asyncio.timeout(PATIENCE):
            await part.close()
        part.detach(attachment)


async def close(part: Closable) -> None:
    """Close a part and its events."""
    async with asyncio.timeout(PATIENCE):
        await part.close()
        events = getattr(part, "events", None)
        if isinstance(events, EventManager):
            await events.close()


async def no_tasks_since(before: set[asyncio.Task[Any]]) -> None:
    """Fail if tasks are alive that were not in `before` and do not end by themselves."""

    def left() -> set[asyncio.Task[Any]]:
        current = asyncio.current_task()
        return {task for task in asyncio.all_tasks() - before if task is not current}

    try:
        await until(lambda: not left(), "the end of all tasks")
    except AssertionError:
        raise AssertionError(f"tasks left behind:\n{describe_tasks(left())}") from None


class Consumer(Generic[T]):
    """Takes what a part makes in a task of its own, as the agent does. `pause`: seconds it needs for each piece."""

    def __init__(self, source: AsyncGenerator[T, None], pause: float = 0.0) -> None:
        self.pieces: list[T] = []
        self._pause = pause
        self._task = asyncio.create_task(self._take(source), name="consumer")

    async def _take(self, source: AsyncGenerator[T, None]) -> None:
        async with aclosing(source):
            async for piece in source:
                self.pieces.append(piece)
                if self._pause:
                    await asyncio.sleep(self._pause)

    async def some(self, count: int = 1) -> list[T]:
        """Wait for `count` pieces; raise what the part raises."""
        await until(lambda: len(self.pieces) >= count or self._task.done(), f"piece {count}")
        if self._task.done():
            self._task.result()
            assert len(self.pieces) >= count, f"ended after {len(self.pieces)} pieces"
        return self.pieces

    async def end(self) -> list[T]:
        """Wait until it is over; raise what the part raises."""
        done, _ = await asyncio.wait([self._task], timeout=PATIENCE)
        if not done:
            await self.leave()
            raise AssertionError("it hangs: neither a piece, nor an end, nor an error")
        self._task.result()
        return self.pieces

    async def failed(self) -> bool:
        """Wait until it is over; whether it raised. An error must say something."""
        outcome = await asyncio.gather(self.end(), return_exceptions=True)
        error = outcome[0]
        if isinstance(error, AssertionError) or not isinstance(error, Exception):
            assert not isinstance(error, BaseException), error
            return False
        assert str(error), f"{error!r} does not say what happened"
        return True

    async def leave(self) -> None:
        """Cancel it, as an interruption does, which must not take long, whatever the provider does."""
        self._task.cancel()
        done, _ = await asyncio.wait([self._task], timeout=PATIENCE)
        assert done, "leaving the iteration hangs"


class HearingLog:
    """A `HearingListener` that writes down what it is told, as (what, participant, …)."""

    def __init__(self) -> None:
        self.facts: list[tuple[Any, ...]] = []
        self.failures: list[BaseException] = []

    def of(self, *kinds: str) -> list[tuple[Any, ...]]:
        """The facts of these kinds."""
        return [fact for fact in self.facts if fact[0] in kinds]

    def final_words(self, participant: Participant) -> list[str]:
        """The final words of a participant."""
        return [text for _, who, text in self.of("final") if who == participant]

    def speech_started(self, participant: Participant, confidence: float, onset_delay: float) -> None:
        self.facts.append(("speech_started", participant, confidence, onset_delay))

    def speech_continued(self, participant: Participant, confidence: float, voiced: float, level: float | None) -> None:
        self.facts.append(("speech_continued", participant, confidence, voiced))

    def speech_ended(self, participant: Participant, voiced: float, trailing_silence: float) -> None:
        self.facts.append(("speech_ended", participant, voiced, trailing_silence))

    def turn_started(self, participant: Participant, confidence: float) -> None:
        self.facts.append(("turn_started", participant, confidence))

    def turn_ended(
        self, participant: Participant, confidence: float, duration: float | None, trailing_silence: float
    ) -> None:
        self.facts.append(("turn_ended", participant, confidence, duration, trailing_silence))

    def pause_judged(self, participant: Participant, confidence: float, longest: float) -> bool:
        self.facts.append(("pause_judged", participant, confidence))
        return False

    def turn_end_expected(self, participant: Participant, confidence: float) -> None:
        self.facts.append(("turn_end_expected", participant, confidence))

    def turn_resumed(self, participant: Participant) -> None:
        self.facts.append(("turn_resumed", participant))

    def words(
        self,
        participant: Participant,
        text: str,
        final: bool,
        confidence: float | None,
        alternative: str = "",
        place: int | None = None,
    ) -> None:
        self.facts.append(("final" if final else "partial", participant, text))

    def voice_compared(self, participant: Participant, similarity: float, seconds: float) -> None:
        self.facts.append(("voice_compared", participant, similarity, seconds))

    def failed(self, component: str, error: BaseException) -> None:
        self.failures.append(error)


def pieces(audio: PcmData, seconds: float) -> Iterator[PcmData]:
    """Audio in pieces of `seconds`, rounded to whole samples; the last may be shorter."""
    step = max(1, round(seconds * audio.sample_rate))
    for start in range(0, len(audio), step):
        yield PcmData(audio.samples[start : start + step], audio.sample_rate)


def frames(audio: PcmData) -> Iterator[PcmData]:
    """Audio in pieces of 20 ms."""
    return pieces(audio, 0.02)


def spoken(seconds: float, silence: float, sample_rate: int) -> Iterator[PcmData]:
    """Speech as stand-ins hear it, a tone, and the silence after it, in pieces of 20 ms."""
    yield from frames(tone(seconds, sample_rate))
    yield from frames(PcmData.silence(silence, sample_rate))


def joined(pieces: Sequence[PcmData]) -> Samples:
    """The samples of all pieces."""
    if not pieces:
        return np.zeros(0, np.int16)
    return PcmData.concat(pieces).samples
