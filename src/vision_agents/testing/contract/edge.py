"""The contract of transports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.edge import FRAME_SAMPLES, FRAME_SECONDS, OUTPUT_SAMPLE_RATE, EdgeTransport
from vision_agents.core.part import Attachment, PartError
from vision_agents.core.participants import Participant, User

from ..parts import tone
from .harness import PATIENCE, Contract, no_tasks_since, until
from .provider import Provider

# Frames that an edge may be ahead of the clock: what it sends at once when it begins.
AHEAD = 5


class Caller(Provider):
    """The other end of a call: somebody whom the agent hears and who hears the agent."""

    async def enter(self) -> None:
        """Come into the call. Returns when the service has taken it."""
        self._missing("enter")

    async def say(self, audio: PcmData) -> None:
        """Send this to the agent, at the pace of speech."""
        self._missing("say")

    async def depart(self) -> None:
        """Leave the call."""
        self._missing("depart")

    @property
    def heard(self) -> Samples:
        """All that was heard of the agent since `enter`, mono at any rate."""
        self._missing("heard")


class RecordingSink:
    """A `CallSink` that plays a tone while `sounding`, and writes down what it is told."""

    def __init__(self) -> None:
        self.sounding = False
        self.pulls = 0
        self.joined: list[Participant] = []
        self.left: list[Participant] = []
        self.audio_of: dict[Participant, list[PcmData]] = {}
        self.endings: list[BaseException | None] = []
        self.first_pull: float | None = None
        self._tone = tone(FRAME_SECONDS, OUTPUT_SAMPLE_RATE, frequency=500.0).samples
        self._silence = np.zeros(FRAME_SAMPLES, np.int16)

    def pull(self) -> Samples:
        self.pulls += 1
        now = asyncio.get_running_loop().time()
        self.first_pull = now if self.first_pull is None else self.first_pull
        assert self.pulls <= (now - self.first_pull) / FRAME_SECONDS + AHEAD, "frames are pulled ahead of their time"
        return self._tone if self.sounding else self._silence

    def audio(self, audio: PcmData, participant: Participant) -> None:
        self.audio_of.setdefault(participant, []).append(audio)

    def participant_joined(self, participant: Participant) -> None:
        self.joined.append(participant)

    def participant_left(self, participant: Participant) -> None:
        self.left.append(participant)

    def ended(self, error: BaseException | None = None) -> None:
        self.endings.append(error)

    def loud_seconds(self) -> float:
        """Seconds of speech that came from the call, by 20 ms."""
        return sum(piece.duration for audio in self.audio_of.values() for piece in audio if _peak(piece.samples) > 500)


class EdgeContract(Contract):
    """Subclass it, override the fixture `provider` (a `Caller`) and `make`; `call` is what `join` takes."""

    user = User("agent", "Agent")

    def make(self, provider: Any) -> EdgeTransport:
        """A transport into the call that `provider` is the other end of."""
        raise NotImplementedError

    def call(self, provider: Any) -> Any:
        """The call to join."""
        return None

    @pytest_asyncio.fixture
    async def edge(self, provider: Caller) -> AsyncIterator[EdgeTransport]:
        before = asyncio.all_tasks()
        edge = self.make(provider)
        yield edge
        await self.leave(edge)
        await until(lambda: not provider.open_connections, f"the end of {provider.open_connections} connections")
        await no_tasks_since(before)

    @pytest.fixture
    def sink(self) -> RecordingSink:
        return RecordingSink()

    async def join(self, edge: EdgeTransport, provider: Caller, sink: RecordingSink) -> None:
        async with asyncio.timeout(PATIENCE):
            await edge.join(self.user, self.call(provider), sink)

    async def leave(self, edge: EdgeTransport) -> None:
        async with asyncio.timeout(PATIENCE):
            await edge.leave()

    async def test_what_the_agent_says_is_heard_until_it_falls_silent(
        self, edge: EdgeTransport, provider: Caller, sink: RecordingSink
    ) -> None:
        await self.join(edge, provider, sink)
        await provider.enter()
        sink.sounding = True
        await until(lambda: _loud(provider.heard[-480:]), "the agent's voice")
        sink.sounding = False
        await until(lambda: _quiet(provider.heard[-4800:]), "silence after it")

    async def test_frames_are_pulled_in_time_as_long_as_the_call_lasts(
        self, edge: EdgeTransport, provider: Caller, sink: RecordingSink
    ) -> None:
        await self.join(edge, provider, sink)
        await provider.enter()
        await until(lambda: sink.pulls >= 25, "25 frames")  # The sink checks that none comes early.
        await self.leave(edge)
        pulls = sink.pulls
        await asyncio.sleep(3 * FRAME_SECONDS)
        assert sink.pulls == pulls, "frames are pulled after the call"

    async def test_who_speaks_in_the_call_is_heard_under_their_name(
        self, edge: EdgeTransport, provider: Caller, sink: RecordingSink
    ) -> None:
        await self.join(edge, provider, sink)
        await provider.enter()
        await provider.say(tone(0.5, OUTPUT_SAMPLE_RATE))
        await until(lambda: sink.loud_seconds() >= 0.4, "their voice")
        assert list(sink.audio_of) == sink.joined
        assert all(participant.user_id != self.user.id for participant in sink.joined)
        await provider.depart()
        await until(lambda: sink.left, "the news that they left")
        assert sink.left == sink.joined

    async def test_a_call_that_breaks_is_over(self, edge: EdgeTransport, provider: Caller, sink: RecordingSink) -> None:
        provider.require("disconnect")
        await self.join(edge, provider, sink)
        await provider.enter()
        await provider.disconnect()
        await until(lambda: sink.endings or sink.left, "the news that the call broke")

    async def test_a_call_that_cannot_be_joined_says_so(
        self, edge: EdgeTransport, provider: Caller, sink: RecordingSink
    ) -> None:
        provider.require("error")
        await provider.fail("error")
        with pytest.raises(Exception, match=r".") as raised:
            await self.join(edge, provider, sink)
        assert not isinstance(raised.value, TimeoutError), "joining hangs"
        assert not sink.pulls

    async def test_it_serves_one_call_and_after_it_the_next(
        self, edge: EdgeTransport, provider: Caller, sink: RecordingSink
    ) -> None:
        first, before = RecordingSink(), Attachment()
        edge.attach(before)
        await self.join(edge, provider, first)
        with pytest.raises(PartError):
            edge.attach(Attachment())
        await self.leave(edge)
        edge.detach(before)
        pulls = first.pulls
        edge.attach(Attachment())
        await self.join(edge, provider, sink)
        await provider.enter()
        await provider.say(tone(0.5, OUTPUT_SAMPLE_RATE))
        await until(lambda: sink.loud_seconds() >= 0.4, "their voice")
        sink.sounding = True
        await until(lambda: _loud(provider.heard[-480:]), "the agent's voice")
        assert (first.pulls, first.joined) == (pulls, []), "the call before goes on"

    async def test_left_twice_and_without_having_joined(self, edge: EdgeTransport, provider: Caller) -> None:
        await self.leave(edge)
        await self.leave(edge)

    async def test_left_while_the_agent_speaks(
        self, edge: EdgeTransport, provider: Caller, sink: RecordingSink
    ) -> None:
        await self.join(edge, provider, sink)
        await provider.enter()
        sink.sounding = True
        await until(lambda: sink.pulls >= 5, "five frames")
        await self.leave(edge)
        await self.leave(edge)


def _loud(samples: Samples) -> bool:
    return _peak(samples) > 1000


def _quiet(samples: Samples) -> bool:
    return bool(len(samples)) and _peak(samples) < 100


def _peak(samples: Samples) -> int:
    return int(np.abs(samples.astype(np.int32)).max()) if len(samples) else 0
