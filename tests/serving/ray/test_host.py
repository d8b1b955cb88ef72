"""The deployment that holds calls, without Ray's processes: what the registry is told of a stream that is left."""

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
from vision_agents.serving.ray import host as module
from vision_agents.serving.ray.answers import Attempt
from vision_agents.serving.ray.book import Release, Report
from vision_agents.serving.ray.registry import Registry

from ..kit import ANNA, ROOMY, create_agent
from .fleet_kit import FIRST, again, grown_up

pytestmark = pytest.mark.virtual_time

BUSY = Refused("cpu", "the processor is used by 99% with one more call")


class Near:
    """A registry in this process, whose answers take a moment."""

    def __init__(self, registry: Registry, delay: float = 0.5) -> None:
        self._registry, self._delay = registry, delay
        self._told: list[asyncio.Task[Any]] = []
        self.asked: list[str] = []

    async def ask(self, method: Any, *args: Any) -> Any:
        self.asked.append(method.__name__)
        # What is asked reaches the registry, whether the answer is waited for or not.
        self.tell(method, *args)
        answer = await asyncio.shield(self._told[-1])
        await asyncio.sleep(self._delay)
        return answer

    async def is_of_this_version(self) -> bool:
        return True

    def tell(self, method: Any, *args: Any) -> None:
        self._told.append(asyncio.ensure_future(getattr(self._registry, method.__name__)(*args)))


class Host(module.Host):
    def __del__(self) -> None:  # type: ignore[override]
        """Ended by the test."""


@asynccontextmanager
async def asked_for(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Host, Registry, CallRequest]]:
    """A host, its registry, and a session that it may start."""
    registry = await grown_up()
    context = SimpleNamespace(replica_id=SimpleNamespace(unique_id="a"))
    monkeypatch.setattr(module.serve, "get_replica_context", lambda: context)
    monkeypatch.setattr(module, "part_of_node", lambda: None)
    monkeypatch.setattr(module, "RegistryClient", lambda: Near(registry))
    runner = Runner(AgentLauncher(create_agent, participant_wait_timeout=0.0), ServeOptions(secret="", limits=ROOMY))
    host = Host.__new__(Host)
    await host.__init__(lambda: runner, Release(1.0, "first", 1), private=True)  # type: ignore[misc]
    request = CallRequest("table", session_id="s1")
    facts = SessionFacts("s1", "table", "default", datetime.now(UTC))
    assert isinstance(await registry.reserve(request, facts, 1), Attempt)
    yield host, registry, request
    await host._tasks.close()
    await host._calls.close()
    await registry.close()


async def follow(host: Host, request: CallRequest) -> None:
    async for _ in host.run_call(request, frozenset()):
        pass


@pytest.mark.parametrize("after", [0.1, 2.0])
async def test_a_stream_that_is_left_gives_the_session_back(monkeypatch: pytest.MonkeyPatch, after: float) -> None:
    async with asked_for(monkeypatch) as (host, registry, request):
        following = asyncio.create_task(follow(host, request))
        await asyncio.sleep(after)
        assert registry._book.sessions["s1"].host == "a"
        following.cancel()
        await asyncio.wait([following])
        await asyncio.sleep(0.1)
        assert await registry.find("table", "s1") is None
        assert not host._calls.sessions


async def test_who_refuses_an_attempt_that_was_given_up_keeps_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    async with asked_for(monkeypatch) as (host, registry, request):
        following = asyncio.create_task(follow(host, request))
        await asyncio.sleep(0.1)  # The claim is granted, and its answer on the way.
        assert await again(registry, "s1", 0) == 1
        assert await registry.claim("s1", "a", 1)
        host._calls.draining = True
        await following
        assert registry._book.sessions["s1"].host == "a"


async def test_who_is_told_to_end_now_does_not_finish_its_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    async with asked_for(monkeypatch) as (host, registry, request):
        following = asyncio.create_task(follow(host, request))
        await asyncio.sleep(3.0)
        (session,) = host._calls.sessions.values()
        assert session.agent is not None
        session.agent.edge.sink.participant_joined(ANNA)  # type: ignore[attr-defined]
        await registry.drain(FIRST, "one two three four five six seven eight nine ten " * 5)
        await asyncio.sleep(2.0)
        assert not following.done()  # It is being said.
        await registry.drain(FIRST, "")
        await asyncio.sleep(2.5)
        assert following.done()
        assert (await registry.ending("table", "s1", 0.0)).end == "drained"  # type: ignore[union-attr]


async def test_the_registry_knows_a_host_to_be_full_also_between_whose_looks_it_was_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with asked_for(monkeypatch) as (host, registry, _):
        await registry.release("s1")
        full = False
        refusal = host._calls.refusal
        capacity = type(host._calls).capacity.fget
        assert capacity is not None
        monkeypatch.setattr(host._calls, "refusal", lambda leaving=0: BUSY if full else refusal(leaving))
        monkeypatch.setattr(type(host._calls), "capacity", property(lambda calls: 0 if full else capacity(calls)))
        report = host._report

        def reported() -> Report:
            nonlocal full
            full = not full  # It is another one for the moment of the report.
            try:
                return report()
            finally:
                full = not full

        monkeypatch.setattr(host, "_report", reported)
        for now in (True, False, True):
            full, wrong = now, 0.0
            for _ in range(100):
                await asyncio.sleep(0.1)
                known = registry._book.hosts["a"].report.snapshot.capacity
                wrong = 0.0 if (known == 0) is now else wrong + 0.1
                assert wrong < 2 * module.LOOK, f"the registry does not know that it is {'' if now else 'not '}full"
