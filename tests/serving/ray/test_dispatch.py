"""The front's way to hosts, without Ray's processes: hosts that are slow, and what becomes of what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray")

from vision_agents.serving import (
    AgentLauncher,
    CallRequest,
    CreateAgentError,
    Refused,
    Runner,
    ServeOptions,
    StartError,
)
from vision_agents.serving.dispatch import SessionFacts
from vision_agents.serving.ray import dispatch as fronts
from vision_agents.serving.ray import host as hosts
from vision_agents.serving.ray.answers import Attempt
from vision_agents.serving.ray.book import SILENCE, STRANDED, Release
from vision_agents.serving.ray.dispatch import PLACE, TRIES, ClusterDispatch, asked
from vision_agents.serving.ray.host import LOOK
from vision_agents.serving.ray.registry import LEARN, Registry

from ..kit import ROOMY, create_agent, scripted
from ..test_host import Broken, Fickle, Stuck, exits, hangs, nothing, raises
from .fleet_kit import asks, grown_up
from .test_host import Host, Near

pytestmark = pytest.mark.virtual_time


class Items:
    """The stream of a request, as Serve gives it."""

    def __init__(self, host: Host, request: CallRequest) -> None:
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._task = asyncio.create_task(self._run(host, request))

    async def _run(self, host: Host, request: CallRequest) -> None:
        stream = host.run_call(request, frozenset())
        try:
            async for item in stream:
                self._queue.put_nowait(item)
        finally:
            await stream.aclose()

    async def __anext__(self) -> Any:
        return await self._queue.get()

    def cancel(self) -> None:
        self._task.cancel()


class Slow(Items):
    """That of a busy node: the host has begun long before its first word comes, and is told late that it was left."""

    async def __anext__(self) -> Any:
        await asyncio.sleep(PLACE + 1.0)
        return await super().__anext__()

    def cancel(self) -> None:
        asyncio.get_running_loop().call_later(3.0, self._task.cancel)


class Late(Items):
    """That of a host to which a request comes only after a while."""

    async def _run(self, host: Host, request: CallRequest) -> None:
        await asyncio.sleep(PLACE - 0.3)
        await super()._run(host, request)


class Dead(Items):
    """That of a host that does nothing any more."""

    async def _run(self, host: Host, request: CallRequest) -> None:
        """Nothing comes."""


class Hung(Items):
    """That of a host that hangs before it has claimed the session."""

    async def _run(self, host: Host, request: CallRequest) -> None:
        self._queue.put_nowait({"placed": host._name})


class Claimed(Hung):
    """That of one that hangs when it has."""

    async def _run(self, host: Host, request: CallRequest) -> None:
        assert await host._registry.ask(Registry.claim, request.session_id, host._name, request.attempt)
        await super()._run(host, request)


class Handle:
    """The deployment: requests go to its hosts in turn."""

    def __init__(self, ways: list[tuple[Host, type[Items]]]) -> None:
        self._ways = ways
        self.takers: frozenset[str] = frozenset()
        self.asked = 0
        self.run_call = SimpleNamespace(remote=self._remote)

    def options(self, **_: Any) -> Handle:
        return self

    def _remote(self, request: CallRequest, takers: frozenset[str]) -> Items:
        self.takers = takers
        host, way = self._ways[self.asked % len(self._ways)]
        self.asked += 1
        return way(host, request)


@asynccontextmanager
async def cluster(
    monkeypatch: pytest.MonkeyPatch,
    *ways: type[Items],
    create: Any = create_agent,
    places: int | None = None,
    registry: Registry | None = None,
) -> AsyncIterator[Any]:
    """A front, and hosts of so many places each. `registry`: one that has been there for a while, by default."""
    registry = registry or await grown_up()
    launcher = AgentLauncher(create, participant_wait_timeout=0.0, max_concurrent_sessions=places)
    runner = Runner(launcher, ServeOptions(secret="", limits=ROOMY))
    for module in (hosts, fronts):
        monkeypatch.setattr(module, "RegistryClient", lambda: Near(registry, 0.01))
    # No Ray is there to ask.
    monkeypatch.setattr(hosts, "part_of_node", lambda: None)
    made = []
    for number in range(len(ways)):
        context = SimpleNamespace(replica_id=SimpleNamespace(unique_id=f"host {number}"))
        monkeypatch.setattr(hosts.serve, "get_replica_context", lambda context=context: context)
        host = Host.__new__(Host)
        await host.__init__(lambda: runner, Release(1.0, "first", 1), private=True)  # type: ignore[misc]
        made.append(host)
    handle = Handle(list(zip(made, ways, strict=True)))
    fronts_there: list[ClusterDispatch] = []

    def front(handle: Handle) -> ClusterDispatch:
        fronts_there.append(ClusterDispatch(handle, launcher))  # type: ignore[arg-type]
        return fronts_there[-1]

    yield SimpleNamespace(registry=registry, hosts=made, handle=handle, dispatch=front(handle), front=front)
    for each in fronts_there:
        await each.close()
    for host in made:
        await host._tasks.close()
        await host._calls.close()
    await registry.close()


async def test_a_host_that_was_too_slow_neither_has_a_session_nor_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cluster(monkeypatch, Slow, Items) as there:
        facts = await there.dispatch.begin(CallRequest("table"))
        # The first one had begun it by then, and lets go of it only now.
        assert (there.handle.asked, len(there.hosts[0]._calls.sessions)) == (2, 1)
        await asyncio.sleep(10)
        assert [list(host._calls.sessions) for host in there.hosts] == [[], [facts.id]]
        assert await there.dispatch.find("table", facts.id) is not None
        assert await there.dispatch.end("table", facts.id)
        ending = await there.dispatch.ending("table", facts.id, 5.0)
        assert (ending.end, ending.lost) == ("closed", False)


async def moving(registry: Registry) -> CallRequest:
    """A session whose host has died, offered to a front."""
    request = CallRequest("table", session_id="s1")
    facts = SessionFacts("s1", "table", "default", datetime.now(UTC))
    assert isinstance(await registry.reserve(request, facts, 1), Attempt)
    moved = registry._book.move(asyncio.get_running_loop().time(), "s1")
    assert moved is not None
    return moved


@pytest.mark.parametrize("way", [Hung, Claimed])
async def test_a_start_goes_to_another_host_where_one_hangs(monkeypatch: pytest.MonkeyPatch, way: type[Items]) -> None:
    async with cluster(monkeypatch, way, Items) as there:
        facts = await there.dispatch.begin(CallRequest("table"))
        await asyncio.sleep(20)
        assert [list(host._calls.sessions) for host in there.hosts] == [[], [facts.id]]
        _, totals = await there.registry.figures()
        assert (totals.refused, totals.lost) == ({}, {})


@pytest.mark.parametrize("way", [Dead, Items])
async def test_the_last_place_is_found_by_whoever_another_host_does_not_take(
    monkeypatch: pytest.MonkeyPatch, way: type[Items]
) -> None:
    async with cluster(monkeypatch, way, Items, places=1) as there:
        there.hosts[0]._calls.draining = True  # It has no place, and refuses what it is offered all the same.
        await asyncio.sleep(2)
        facts = await there.dispatch.begin(CallRequest("table"))
        assert [list(host._calls.sessions) for host in there.hosts] == [[], [facts.id]]
        await asyncio.sleep(2)
        with pytest.raises(Refused, match="full"):
            await there.dispatch.begin(CallRequest("another table"))
        assert there.handle.asked == 2


@pytest.mark.parametrize("seconds", [0.0, 2 * LOOK])
async def test_a_host_that_takes_nobody_more_is_asked_once_at_most(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    async with cluster(monkeypatch, Items) as there:
        await asyncio.sleep(2.02)  # Just after a look at the load.
        (host,) = there.hosts
        host._calls.draining = True
        await asyncio.sleep(seconds)  # Its next report is a second away.
        for number in range(5):
            with pytest.raises(Refused):
                await there.dispatch.begin(CallRequest(f"table {number}"))
            assert there.handle.asked == (0 if seconds else 1)
        host._calls.draining = False
        await asyncio.sleep(2 * LOOK)
        await there.dispatch.begin(CallRequest("table"))
        assert there.handle.asked == (1 if seconds else 2)


async def test_who_is_refused_by_a_host_has_cost_it_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cluster(monkeypatch, Items) as there:
        (host,) = there.hosts
        await asyncio.sleep(2)
        host._calls.draining = True
        host._registry.asked.clear()
        with pytest.raises(Refused, match="about to end"):
            await there.dispatch.begin(CallRequest("table"))
        assert [each for each in host._registry.asked if each != "poll"] == []


async def test_of_where_a_start_may_go_the_registry_tells_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cluster(monkeypatch, Dead, Items) as there:
        await there.dispatch.begin(CallRequest("table"))
        assert there.dispatch._registry.asked == ["reserve", "refusal", "again"]


async def test_a_host_that_hangs_is_no_longer_offered_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cluster(monkeypatch, Items, Items) as there:
        names = {host._name for host in there.hosts}
        await asyncio.sleep(0.1)  # All have reported.
        await there.dispatch.begin(CallRequest("table"))
        assert there.handle.takers == names
        await there.hosts[1]._tasks.close()  # Nothing is heard of it any more.
        # The last try of a start that has had it offered twice, to no end, is another one's.
        await asyncio.sleep((TRIES - 1) * PLACE)
        for seconds in (0.0, SILENCE - 1, 5.0):  # It is given up, and still there.
            await asyncio.sleep(seconds)
            await there.dispatch.begin(CallRequest(f"after {seconds} s"))
            assert there.handle.takers == {there.hosts[0]._name}


async def test_a_start_that_comes_back_to_the_host_that_was_too_slow_goes_on_to_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with cluster(monkeypatch, Slow, Items) as there:
        slow, other = there.hosts
        front = there.front(Handle([(slow, Slow), (slow, Items), (other, Items)]))
        facts = await front.begin(CallRequest("table"))
        await asyncio.sleep(10)
        assert [list(host._calls.sessions) for host in there.hosts] == [[], [facts.id]]


async def test_what_moves_is_started_by_one_of_two_fronts(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cluster(monkeypatch, Claimed, Late, Items) as there:
        hung, late, free = there.hosts
        moved = await moving(there.registry)
        # The other front has nothing to do when the first one gives up a host that hung for longer than an offer waits.
        await there.front(Handle([(free, Items)])).start()
        await there.front(Handle([(hung, Claimed), (late, Late)]))._start_again(moved)
        began = [list(host._calls.sessions) for host in there.hosts]
        assert began == [[], ["s1"], []]
        await asyncio.sleep(30)
        assert [list(host._calls.sessions) for host in there.hosts] == began
        _, totals = await there.registry.figures()
        assert (totals.lost, totals.moved) == ({}, 1)


async def test_what_moves_and_has_no_agent_any_more_is_lost_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    there_is_a_key = True

    async def create() -> Any:
        if not there_is_a_key:
            raise ValueError("there is no key")
        return await create_agent()

    async with cluster(monkeypatch, Items, create=create) as there:
        there_is_a_key = False
        await there.dispatch._start_again(await moving(there.registry))
        await asyncio.sleep(1)
        lost = await there.dispatch.lost("table", "s1")
        assert "there is no key" in lost.why
        assert (await there.dispatch.ending("table", "s1", 1.0)).lost


async def test_what_moves_is_not_ended_by_hosts_that_were_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cluster(monkeypatch, *[Slow] * TRIES, Items) as there:
        await there.dispatch._start_again(await moving(there.registry))
        assert there.handle.asked == TRIES
        await there.dispatch.start()
        await asyncio.sleep(STRANDED + 5)
        assert [list(host._calls.sessions) for host in there.hosts] == [[], [], [], ["s1"]]
        _, totals = await there.registry.figures()
        assert (totals.lost, totals.moved) == ({}, 1)


@pytest.mark.parametrize(
    ("then", "error", "text"),
    [
        (raises, CreateAgentError, "raised ValueError: there is no key"),
        (hangs, CreateAgentError, "took more than 20 s"),
        (nothing, CreateAgentError, "must return an Agent"),
        (exits, CreateAgentError, "SystemExit: no key"),
        (lambda: scripted(Broken()), StartError, "no network"),
        (lambda: scripted(Stuck()), StartError, "not in the call within 30 s"),
    ],
)
async def test_an_agent_that_cannot_be_made_or_join_is_told_and_costs_no_place(
    monkeypatch: pytest.MonkeyPatch, then: Any, error: type[Exception], text: str
) -> None:
    create = Fickle(then)
    async with cluster(monkeypatch, Items, create=create, places=1) as there:
        await asyncio.sleep(2)
        for number in range(3):
            with pytest.raises(error, match=text):
                await there.dispatch.begin(CallRequest("table"))
            # It is no host's fault: no other one is asked, and the place is free again at once.
            assert there.handle.asked == number + 1
        create.made = 0
        await there.dispatch.begin(CallRequest("table"))
        _, totals = await there.registry.figures()
        assert (totals.refused, totals.lost) == ({}, {})


@pytest.mark.parametrize("after", [0.005, 0.015])
async def test_who_goes_while_a_place_is_kept_gives_it_back(monkeypatch: pytest.MonkeyPatch, after: float) -> None:
    async with cluster(monkeypatch, Items) as there:
        beginning = asyncio.create_task(there.dispatch.begin(CallRequest("table")))
        await asyncio.sleep(after)
        assert there.registry._book.sessions
        beginning.cancel()
        await asyncio.wait([beginning])
        await asyncio.sleep(0.01)
        assert not there.registry._book.sessions


@pytest.mark.parametrize("after", [0.0, 0.005, 0.3, LEARN, LEARN + 0.005])
async def test_who_goes_while_a_new_registry_learns_may_come_again_at_once(
    monkeypatch: pytest.MonkeyPatch, after: float
) -> None:
    async with cluster(monkeypatch, Items, registry=Registry()) as there:
        for seconds in (after, 0.0):
            beginning = asyncio.create_task(there.dispatch.begin(CallRequest("table")))
            await asyncio.sleep(seconds)
            beginning.cancel()
            await asyncio.wait([beginning])
        facts = await there.dispatch.begin(CallRequest("table"))
        assert list(there.registry._book.sessions) == [facts.id]
        _, totals = await there.registry.figures()
        assert (totals.refused, totals.lost) == ({}, {})


def test_what_a_program_calls_a_user_is_not_sent() -> None:
    request = replace(asks("s1"), created_by=object(), edge=object())
    assert asked(request) == asks("s1")


async def test_where_all_are_too_slow_a_start_is_refused_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cluster(monkeypatch, *[Slow] * TRIES) as there:
        with pytest.raises(Refused, match="full"):
            await there.dispatch.begin(CallRequest("table"))
        await asyncio.sleep(10)
        assert not any(host._calls.sessions for host in there.hosts)
        _, totals = await there.registry.figures()
        assert (totals.refused, totals.lost) == ({"sessions": 1}, {})
