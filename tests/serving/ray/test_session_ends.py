"""The ends of sessions in a registry without Ray, and what is kept of what was said and typed there."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

pytest.importorskip("ray")

from vision_agents.serving.lost import KEEP, MOST, Ending
from vision_agents.serving.ray.answers import Attempt, Before, Said
from vision_agents.serving.ray.mail import MOST_SAID

from .fleet_kit import HELLO, Fleet, asks, facts, report, reserved

pytestmark = pytest.mark.virtual_time


async def test_of_a_session_that_is_over_its_end_is_known_for_a_while(fleet: Fleet) -> None:
    await fleet.add("a")
    await fleet.start("s1", "a")
    await fleet.registry.over("s1", "a", Ending("done"))
    assert await fleet.registry.ending("call of s1", "s1", 5.0) == Ending("done")
    assert await fleet.registry.ending("another", "s1", 5.0) is None
    await asyncio.sleep(KEEP)
    assert await fleet.registry.ending("call of s1", "s1", 5.0) is None


async def test_a_session_that_is_ended_before_a_host_has_it_never_runs(fleet: Fleet) -> None:
    await fleet.add("a")
    assert await reserved(fleet, "s1", "table") is None
    assert not await fleet.registry.end("other", "s1")
    assert await fleet.registry.end("table", "s1")
    assert not await fleet.registry.claim("s1", "a")
    assert not await fleet.registry.end("table", "s1")


async def test_a_running_session_is_ended_by_its_host(fleet: Fleet) -> None:
    await fleet.add("a")
    await fleet.start("s1", "a")
    assert await fleet.registry.end("call of s1", "s1")
    await asyncio.sleep(0.1)
    assert fleet.mail["a"] == ["s1"]


async def test_a_late_report_does_not_bring_back_what_is_over(fleet: Fleet) -> None:
    await fleet.add("a")
    await fleet.start("s1", "a")
    await fleet.registry.over("s1", "a", Ending("done"))
    await asyncio.sleep(2.1)
    assert await fleet.registry.find("call of s1", "s1") is None


async def test_what_was_said_on_a_page_outlives_the_call_also_in_a_new_registry(fleet: Fleet) -> None:
    told = replace(report(said={"s1": HELLO}), sessions={"s1": facts("s1", records=True)})
    await fleet.registry.poll("a", told)
    assert await fleet.registry.before("call of s1") == Before("s1", HELLO)
    await fleet.registry.over("s1", "a", Ending("closed"), HELLO)
    assert await fleet.registry.before("call of s1") == Before(None, HELLO)


async def test_starts_that_come_to_nothing_take_no_conversation_from_anybody(fleet: Fleet) -> None:
    registry = fleet.registry

    async def start(session: str, call: str, host: str | None = None) -> None:
        request = asks(session, call, records=True)
        assert isinstance(await registry.reserve(request, facts(session, call, records=True), 1), Attempt)
        if host is not None:
            assert await registry.claim(session, host)
            await registry.started(session, host, facts(session, call, records=True))

    await start("s", "table", "a")
    await registry.over("s", "a", Ending("closed"), HELLO)
    for number in range(MOST + 1):
        await start(f"s{number}", f"call {number}")
        await registry.release(f"s{number}")
    await start("next", "table")
    await registry.release("next", "sessions")
    assert await registry.before("table") == Before(None, HELLO)
    # One in which an agent was, and nobody said anything, is another one.
    await start("another", "table", "a")
    await registry.over("another", "a", Ending("closed"))
    assert await registry.before("table") == Before()


async def test_what_is_typed_waits_for_a_host_only_so_much(fleet: Fleet) -> None:
    registry = fleet.registry
    await fleet.add("a")
    await fleet.start("s1", "a")
    await fleet.start("s2", "a")
    fleet.hang("a")
    await asyncio.sleep(0.1)
    said = [await registry.say("call of s1", "s1", "Hello? " * 200) for _ in range(1000)]
    assert said == [Said.TOLD] * MOST_SAID + [Said.FULL] * (1000 - MOST_SAID)
    assert await registry.say("call of s2", "s2", "Hello?") is Said.TOLD
    assert len(registry._boxes["a"]._said) == MOST_SAID + 1
    for _ in range(1000):
        assert await registry.end("call of s2", "s2")
    mail = await registry.poll("a", fleet.reports["a"])
    assert (len(mail.said), mail.end) == (MOST_SAID + 1, ("s2",))
    assert await registry.say("call of s1", "s1", "Hello?") is Said.TOLD


async def test_what_is_typed_before_the_agent_is_there_is_told_to_nobody(fleet: Fleet) -> None:
    await fleet.add("a")
    assert await reserved(fleet, "s1") is None
    assert await fleet.registry.say("call of s1", "s1", "Hello?") is Said.NOWHERE
    # The host is making it: it would not know whose text that is.
    assert await fleet.registry.claim("s1", "a")
    assert await fleet.registry.say("call of s1", "s1", "Hello?") is Said.NOWHERE
    await fleet.registry.started("s1", "a", facts("s1"))
    assert await fleet.registry.say("call of s1", "s1", "Hello?") is Said.TOLD
