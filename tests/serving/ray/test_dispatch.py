"""The front's way to hosts, without Ray's processes: hosts that are slow, and what becomes of what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray")

from vision_agents.serving import AgentLauncher, CallRequest, Refused, Runner, ServeOptions
from vision_agents.serving.dispatch import SessionFacts
from vision_agents.serving.ray import dispatch as fronts
from vision_agents.serving.ray import host as hosts
from vision_agents.serving.ray.book import STRANDED, Release
from vision_agents.serving.ray.dispatch import PLACE, TRIES, ClusterDispatch
from vision_agents.serving.ray.registry import Registry

from ..kit import ROOMY, create_agent
from .test_host import Host, Near

pytestmark = pytest.mark.virtual_time


class Items:
    """The stream of a request, as Serve gives it."""

    def __init__(self, host: Host, request: CallRequest) -> None:
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._task = asyncio.create_task(self._run(host, request))

    async def _run(self, host: Host, request: CallRequest) -> None:
        stream = host.run_call(request)
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


class Handle:
    """The deployment: requests go to its hosts in turn."""

    def __init__(self, ways: list[tuple[Host, type[Items]]]) -> None:
        self._ways = ways
        self.asked = 0
        self.run_call = SimpleNamespace(remote=self._remote)

    def options(self, **_: Any) -> Handle:
        return self

    def _remote(self, request: CallRequest) -> Items:
        host, way = self._ways[self.asked % len(self._ways)]
        self.asked += 1
        return way(host, request)


@asynccontextmanager
async def cluster(monkeypatch: pytest.MonkeyPatch, *ways: type[Items]) -> AsyncIterator[Any]:
    registry, launcher = Registry(), AgentLauncher(create_agent, participant_wait_timeout=0.0)
    runner = Runner(launcher, ServeOptions(secret="", limits=ROOMY))
    for module in (hosts, fronts):
        monkeypatch.setattr(module, "RegistryClient", lambda: Near(registry, 0.01))
    made = []
    for number in range(len(ways)):
        context = SimpleNamespace(replica_id=SimpleNamespace(unique_id=f"host {number}"))
        monkeypatch.setattr(hosts.serve, "get_replica_context", lambda context=context: context)
        host = Host.__new__(Host)
        await host.__init__(lambda: runner, Release(1.0, "first", 1), private=True)  # type: ignore[misc]
        made.append(host)
    handle = Handle(list(zip(made, ways, strict=True)))
    dispatch = ClusterDispatch(handle, launcher)  # type: ignore[arg-type]
    yield SimpleNamespace(registry=registry, hosts=made, handle=handle, dispatch=dispatch)
    await dispatch.close()
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


async def test_what_moves_is_not_ended_by_hosts_that_were_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cluster(monkeypatch, *[Slow] * TRIES, Items) as there:
        request = CallRequest("table", session_id="s1")
        facts = SessionFacts("s1", "table", "default", datetime.now(UTC))
        assert await there.registry.reserve(request, facts, 1) is None
        moved = there.registry._book.move(asyncio.get_running_loop().time(), "s1")
        assert moved is not None
        await there.dispatch._start_again(moved)
        assert there.handle.asked == TRIES
        await there.dispatch.start()
        await asyncio.sleep(STRANDED + 5)
        assert [list(host._calls.sessions) for host in there.hosts] == [[], [], [], ["s1"]]
        _, totals = await there.registry.figures()
        assert (totals.lost, totals.moved) == ({}, 1)


async def test_where_all_are_too_slow_a_start_is_refused_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cluster(monkeypatch, *[Slow] * TRIES) as there:
        with pytest.raises(Refused, match="full"):
            await there.dispatch.begin(CallRequest("table"))
        await asyncio.sleep(10)
        assert not any(host._calls.sessions for host in there.hosts)
        _, totals = await there.registry.figures()
        assert (totals.refused, totals.lost) == ({"sessions": 1}, {})
