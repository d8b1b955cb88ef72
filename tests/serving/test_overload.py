"""A process that is late: whom it takes then, what it leaves out, and for how long, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar

import pytest

from vision_agents.core.edge import FRAME_SECONDS
from vision_agents.core.models import LoadedModel, WorkerStats
from vision_agents.core.shed import Shed
from vision_agents.plugins.local.rtc import FrameClock
from vision_agents.serving import AgentLauncher, CallHost, End, Refused
from vision_agents.serving.admission import first_cost
from vision_agents.serving.load import Load
from vision_agents.serving.session import AgentSession
from vision_agents.testing.parts import LoopEdge

from .kit import arrives, calling, create_agent, hosting, roomy, scripted

pytestmark = pytest.mark.virtual_time


def late_frames(host: CallHost, seconds: float, late: float = 0.016) -> Any:
    """Frames of all calls, late for so many seconds."""

    async def pull() -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            for _ in range(5 * len(host.sessions)):
                host.meter.pulled(loop.time(), late)
            await asyncio.sleep(0.1)

    return pull()


async def test_a_burst_that_made_frames_late_is_over_when_its_calls_are() -> None:
    async with hosting(limits=roomy(lateness=0.008)) as host:
        for _ in range(2):
            made = await asyncio.gather(*(calling(host, f"call-{n}") for n in range(30)))
            await late_frames(host, 4.0)
            assert (host.shedding.level > 0, host.load.lateness > 0.015) == (True, True)
            with pytest.raises(Refused):
                await calling(host, "more")
            await asyncio.gather(*(each.finish(End.CLOSED) for each in made))
            assert (host.refusal(), host.shedding.level) == (None, Shed.NOTHING)


async def test_of_a_burst_whose_calls_have_nearly_all_gone_as_many_may_come_again_but_not_all() -> None:
    async with hosting(limits=roomy(lateness=0.008)) as host:
        made = await asyncio.gather(*(calling(host, f"call-{n}") for n in range(30)))
        await late_frames(host, 1.0)
        await asyncio.gather(*(each.finish(End.CLOSED) for each in made[1:]))
        outcomes = await asyncio.gather(*(calling(host, f"again-{n}") for n in range(40)), return_exceptions=True)
        assert sum(isinstance(each, Refused) for each in outcomes) == 12
        assert len(host.sessions) == 29


async def test_a_process_that_is_late_takes_nobody_in_place_of_who_hangs_up() -> None:
    async with hosting(limits=roomy(lateness=0.008)) as host:
        made = await asyncio.gather(*(calling(host, f"call-{n}") for n in range(30)))
        for n in range(20):
            await late_frames(host, 1.0)
            await made.pop().finish(End.CLOSED)
            with pytest.raises(Refused):
                await calling(host, f"more-{n}")
        assert len(host.sessions) == 10


async def test_while_work_is_left_out_nobody_is_taken() -> None:
    async with hosting(limits=roomy(lateness=0.008)) as host:
        made = await asyncio.gather(*(calling(host, f"call-{n}") for n in range(5)))
        await late_frames(host, 1.0)
        assert host.shedding.level is Shed.TURN_MODEL
        with pytest.raises(Refused, match="left out") as raised:
            await calling(host, "more")
        assert (raised.value.reason, host.capacity) == ("shedding", 5)
        # Two for one: then there are fewer than were too many.
        await asyncio.gather(*(each.finish(End.CLOSED) for each in made[:2]))
        await calling(host, "more")
        await asyncio.sleep(30)
        assert host.refusal() is None
    # Who may be late is taken.
    async with hosting(limits=roomy(lateness=0.1)) as host:
        await calling(host)
        await late_frames(host, 4.0)
        assert host.shedding.level > Shed.NOTHING
        await calling(host, "more")


async def test_who_speaks_while_work_is_left_out_was_not_silent() -> None:
    async with hosting(limits=roomy(lateness=0.008)) as host:
        made = await calling(host)
        arrives(made)
        await asyncio.sleep(20)
        await late_frames(host, 4.0)
        assert made.agent is not None
        await made.agent.say("one two three four five six seven eight nine ten")
        assert host.shedding.level > Shed.NOTHING
        assert made.silence <= 1.0


async def test_late_frames_shed_in_order_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    class Watching(LoopEdge):
        levels: ClassVar[list[Shed]] = []

        def shed(self, level: Shed) -> None:
            self.levels.append(level)

    async def create() -> Any:
        return scripted(Watching())

    Watching.levels = []
    async with hosting(create, limits=roomy()) as host:
        made = [await calling(host, f"call-{n}") for n in range(3)]
        arrives(made[0])
        with caplog.at_level(logging.WARNING):
            await late_frames(host, 6.0, 0.03)
            assert host.shedding.level is Shed.PARTIAL_TRANSCRIPTS
            for each in made[1:]:
                await each.finish(End.CLOSED)
            late = await calling(host, "late")
            assert late.agent.edge.levels[-1] is Shed.PARTIAL_TRANSCRIPTS
            await asyncio.sleep(60)
        assert host.shedding.level is Shed.NOTHING
        told = [record.message for record in caplog.records if "frames are" in record.message]
        assert len(told) == 4
        assert "silence does" in told[0]
        assert "no partial transcripts" in told[1]
        assert (
            told[2]
            == "frames are in time again with 2 calls: there are partial transcripts again; silence still ends turns"
        )
        assert "nothing is left out" in told[-1]
        order = [level for n, level in enumerate(Watching.levels) if n == 0 or level is not Watching.levels[n - 1]]
        assert order == [Shed.NOTHING, Shed.TURN_MODEL, Shed.PARTIAL_TRANSCRIPTS, Shed.TURN_MODEL, Shed.NOTHING]


async def test_where_calls_have_left_the_capacity_is_not_what_was_too_many() -> None:
    async with hosting(limits=roomy(lateness=0.008)) as host:
        made = await asyncio.gather(*(calling(host, f"call-{n}") for n in range(30)))
        await late_frames(host, 1.0)
        await asyncio.gather(*(each.finish(End.CLOSED) for each in made[:20]))
        room = host.capacity
        outcomes = await asyncio.gather(*(calling(host, f"again-{n}") for n in range(40)), return_exceptions=True)
        assert sum(isinstance(each, Refused) for each in outcomes) == 40 - (29 - 10)
        assert room == len(host.sessions) == 29
        # Nobody is told that those have to go who are there.
        await late_frames(host, 3.0)
        assert host.capacity == 29


async def test_the_only_caller_of_a_late_process_may_be_replaced_by_another() -> None:
    async with hosting(limits=roomy(lateness=0.008)) as host:
        made = await calling(host)
        await late_frames(host, 6.0)
        refused, ending = host.refusal(), host.refusal(1)
        assert refused is not None
        assert (refused.reason, ending) == ("shedding", None)
        await made.finish(End.CLOSED)
        await calling(host, "more")


# A burst of calls whose callers ask something when they have been greeted: only then do they cost.


def answering(host: CallHost, each: float, after: float = 4.0) -> Any:
    """What would be measured of calls that cost nothing at first, and `each` of the processors from then on."""

    def measure(now: float) -> Load:
        return Load(cpu=each * sum(call.age > after for call in host.sessions.values()), calls=len(host.sessions))

    return measure


async def crowded(host: CallHost, seconds: float) -> int:
    """The most calls there were, when 60 callers ask at once and again as they are told."""
    loop, most, numbers = asyncio.get_running_loop(), 0, count()
    until = loop.time() + seconds
    while loop.time() < until:
        for _ in range(60):
            with contextlib.suppress(Refused):
                arrives(await calling(host, f"call-{next(numbers)}"))
        most = max(most, len(host.sessions))
        await asyncio.sleep(2.0)
    return most


async def test_of_a_burst_as_many_are_taken_as_their_answers_leave_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AgentSession, "silence", 0.0)
    networks = [LoadedModel("all parts", "1", 215_000_000, (), 1.0, WorkerStats(0, 1))]

    async def warm_up() -> list[LoadedModel]:
        return networks

    for bytes_, each, fewest, most in ((215e6, 0.1, 7, 8), (10e6, 0.012, 60, 71), (215e6, 0.02, 38, 46)):
        networks[0] = replace(networks[0], size=int(bytes_))
        launcher = AgentLauncher(create_agent, participant_wait_timeout=0.0)
        monkeypatch.setattr(launcher, "warm_up", warm_up)
        host = CallHost(launcher, roomy(cpu=0.85))
        host.meter.processors = 2
        monkeypatch.setattr(host.meter, "_measure", answering(host, each))
        await host.start()
        assert fewest <= await crowded(host, 120.0) <= most, (bytes_, each)
        # What they cost is known of those before: the next burst is no larger, and nobody need be there for it.
        await asyncio.gather(*(session.finish(End.CLOSED) for session in list(host.sessions.values())))
        await asyncio.sleep(60.0)
        assert host.admission.cost == pytest.approx(each, rel=0.15)
        assert fewest <= host.capacity <= most
        assert fewest <= await crowded(host, 10.0) <= most
        await host.close()


async def test_calls_in_which_nobody_speaks_do_not_make_calls_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    async with hosting(limits=roomy(cpu=0.85)) as host:
        host.admission.guess(0.1)
        monkeypatch.setattr(host.meter, "_measure", answering(host, 0.02))
        assert await crowded(host, 120.0) == 8
        assert host.admission.cost == 0.1
        # Half of them are talked to; what the others use is not theirs.
        agents = [session.agent for session in list(host.sessions.values())[:4] if session.agent is not None]
        talking = [asyncio.create_task(agent.say("one two three four five six " * 100)) for agent in agents]
        await asyncio.sleep(60.0)
        assert not any(each.done() for each in talking)
        assert host.admission.cost < 0.08
        for each in talking:
            each.cancel()


async def test_a_network_on_a_gpu_is_not_what_a_call_costs_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    here = LoadedModel("here", "1", 215_000_000, (), 1.0, WorkerStats(0, 1))

    async def warm_up() -> list[LoadedModel]:
        return [here, replace(here, name="on a GPU", size=4_900_000_000, gpu=True)]

    launcher = AgentLauncher(create_agent)
    monkeypatch.setattr(launcher, "warm_up", warm_up)
    host = CallHost(launcher)
    await host.start()
    assert host.admission.cost == first_cost(here.size, host.meter.processors)
    await host.close()


# One stall: edges make up for some frames after it and leave out the others, each in its own way.


class PassedBeats:
    """Times of frames as an SDK with a beat of its own wants them: those that have passed are left out."""

    def __init__(self) -> None:
        self._beat = 0.0

    def wait(self, now: float) -> float:
        self._beat = self._beat or now
        return self._beat - now

    def take(self, now: float) -> None:
        self._beat += FRAME_SECONDS * (1 + int((now - self._beat) / FRAME_SECONDS))


class AllFrames:
    """Times of frames of which each is pulled, however late."""

    def __init__(self) -> None:
        self._due = 0.0

    def wait(self, now: float) -> float:
        self._due = self._due or now
        return self._due - now

    def take(self, now: float) -> None:
        self._due += FRAME_SECONDS


class PacedEdge(LoopEdge):
    """Pulls by a clock of frames, as edges over a network do."""

    def __init__(self, pace: Any) -> None:
        super().__init__()
        self._pace = pace

    async def _play(self, sink: Any) -> None:
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(max(0.0, self._pace.wait(now())))
            self._pace.take(now())
            sink.pull()


def stall(seconds: float) -> None:
    """Keep the event loop busy."""
    asyncio.get_running_loop()._now += seconds  # type: ignore[attr-defined]


@pytest.fixture(params=[FrameClock, PassedBeats, AllFrames])
def paced(request: pytest.FixtureRequest) -> Any:
    """Makes agents whose frames are pulled by each of the clocks in turn."""

    async def create() -> Any:
        return scripted(PacedEdge(request.param()))

    return create


async def begun(host: CallHost, calls: int) -> None:
    for n in range(calls):
        arrives(await calling(host, f"call-{n}"))
        await asyncio.sleep(0.007)
    await asyncio.sleep(5.0)
    assert host.refusal() is None


@pytest.mark.parametrize("calls", [1, 20])
@pytest.mark.parametrize("seconds", [0.03, 0.05, 0.1, 0.15, 0.19, 0.4])
async def test_one_stall_leaves_nothing_out_and_its_frames_alone_are_late(
    paced: Any, calls: int, seconds: float
) -> None:
    async with hosting(paced, limits=roomy(lateness=0.008)) as host:
        await begun(host, calls)
        levels = []
        stall(seconds)
        for _ in range(60):
            await asyncio.sleep(0.5)
            levels.append(host.shedding.level)
        assert set(levels) == {Shed.NOTHING}
        assert host.refusal() is None
        stall(seconds)
        # As soon as they have been pulled the others are in time again.
        await asyncio.sleep(0.1)
        host.meter.forget()
        await asyncio.sleep(1.0)
        assert host.load.lateness < 0.001


@pytest.mark.parametrize("calls", [5, 20])
async def test_stalls_that_do_not_end_are_shed_and_nobody_is_taken(paced: Any, calls: int) -> None:
    async with hosting(paced, limits=roomy(lateness=0.008)) as host:
        await begun(host, calls)
        for _ in range(30):
            stall(0.06)
            await asyncio.sleep(0.1)
        assert host.shedding.level is Shed.PARTIAL_TRANSCRIPTS
        with pytest.raises(Refused):
            await calling(host, "more")
        await asyncio.sleep(15.0)
        refusal = host.refusal()
        assert refusal is not None
        assert refusal.reason == "shedding"
