"""The registry without Ray: who gets a place, on which hosts, and what is told of them."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("ray")

from vision_agents.serving.lost import Ending
from vision_agents.serving.ray.book import DROWSY, SILENCE, UNPLACED, Release

from .fleet_kit import FIRST, SECOND, Fleet, again, facts, reserved

pytestmark = pytest.mark.virtual_time


async def test_no_place_is_given_away_twice(fleet: Fleet) -> None:
    await fleet.add("a", capacity=3)
    await fleet.add("b", capacity=2)
    given = await asyncio.gather(*(reserved(fleet, f"s{number}") for number in range(20)))
    assert given == [None] * 5 + ["sessions"] * 15
    assert (await fleet.registry.refusal() or ("",))[0] == "sessions"
    # A start that fails gives its place back at once, one that runs does when it is over.
    await fleet.registry.release("s0")
    assert await reserved(fleet, "s20") is None
    assert await fleet.registry.claim("s1", "a")
    fleet.has("a", "s1")
    await asyncio.sleep(1.1)
    assert await reserved(fleet, "s21") == "sessions"
    await fleet.registry.over("s1", "a", Ending("done"))
    assert await reserved(fleet, "s22") is None


async def test_a_call_has_one_agent_and_a_session_one_host(fleet: Fleet) -> None:
    await fleet.add("a")
    assert await reserved(fleet, "s1", "table") is None
    assert await reserved(fleet, "s2", "table") == "call"
    assert await reserved(fleet, "s1", "other") == "session"
    assert await fleet.registry.claim("s1", "a")
    assert not await fleet.registry.claim("s1", "b")
    await fleet.registry.unclaim("s1", "a")
    assert await fleet.registry.claim("s1", "b")
    assert not await fleet.registry.claim("nobody's", "b")


async def test_a_host_that_was_too_slow_has_no_part_in_a_session_any_more(fleet: Fleet) -> None:
    await fleet.add("slow")
    await fleet.add("other")
    registry = fleet.registry
    for session, late in (("s1", True), ("s2", False)):
        assert await reserved(fleet, session) is None
        if not late:
            assert await registry.claim(session, "slow", 0)
        # The front has waited long enough, and tries another host.
        assert await again(registry, session, 0) == 1
        assert not await registry.claim(session, "slow", 0)
        fleet.has("slow", *fleet.reports["slow"].sessions, session)
        await asyncio.sleep(1.1)
        assert await registry.claim(session, "other", 1)
        # What the slow one tells of its end is nobody's end, and it is told to let go.
        await registry.started(session, "slow", facts(session), 0)
        await registry.over(session, "slow", Ending("closed"), (), 0)
        await asyncio.sleep(1.1)
        assert session in fleet.mail["slow"]
        assert registry._book.sessions[session].host == "other"
        # Nobody who has tried before may give up what another one has by now.
        assert await again(registry, session, 0) is None
        await registry.over(session, "other", Ending("done"), (), 1)
        assert await registry.find(f"call of {session}", session) is None
        assert await again(registry, session, 1) is None


async def test_a_start_that_is_given_up_is_over_also_where_a_host_has_it_by_now(fleet: Fleet) -> None:
    await fleet.add("slow", capacity=1)
    assert await reserved(fleet, "s1", "table") is None
    assert await fleet.registry.claim("s1", "slow")
    await fleet.registry.release("s1", "sessions")
    assert await reserved(fleet, "s2", "table") is None  # Whoever is refused may ask again at once.
    fleet.has("slow", "s1")
    await asyncio.sleep(2.1)
    assert fleet.mail["slow"] == ["s1"]


async def test_with_no_host_known_yet_serve_decides(fleet: Fleet) -> None:
    assert await reserved(fleet, "s1") is None


async def test_a_host_that_hangs_is_offered_nothing_and_gives_no_room_once_it_is_given_up(fleet: Fleet) -> None:
    await fleet.add("a", capacity=1)
    await fleet.add("b", capacity=1)
    assert await fleet.registry.takers() == {"a", "b"}
    fleet.hang("a")
    await asyncio.sleep(DROWSY + 0.1)
    assert await fleet.registry.takers() == {"b"}
    # It may be the registry that heard nothing for a moment, and hears one after the other now.
    assert [await reserved(fleet, f"s{number}") for number in range(3)] == [None, None, "sessions"]
    await fleet.registry.release("s1")
    await asyncio.sleep(SILENCE)
    assert await reserved(fleet, "s3") == "sessions"


async def test_a_host_that_is_full_is_offered_nothing_while_another_has_room(fleet: Fleet) -> None:
    await fleet.add("a", capacity=2)
    await fleet.add("b", capacity=2)
    # It says so before its next report is due.
    await fleet.registry.resize("a", 0)
    assert await fleet.registry.takers() == {"b"}
    assert [await reserved(fleet, f"s{number}") for number in range(3)] == [None, None, "sessions"]
    assert await fleet.registry.claim("s0", "b")
    assert await fleet.registry.takers() == {"b"}
    # What moves is offered to those that there are, all the same.
    assert await fleet.registry.claim("s1", "b")
    assert await fleet.registry.takers() == {"a", "b"}
    await fleet.registry.resize("a", 1)
    assert await fleet.registry.takers() == {"a"}
    assert await reserved(fleet, "s3") is None
    await fleet.registry.resize("nobody", 5)
    assert await reserved(fleet, "s4") == "sessions"


async def test_where_all_hosts_are_late_serve_decides(fleet: Fleet) -> None:
    for host in ("a", "b"):
        await fleet.add(host, capacity=1)
    for host in ("a", "b"):
        fleet.hang(host)
    await asyncio.sleep(DROWSY + 0.2)
    assert await fleet.registry.takers() == {"a", "b"}
    assert [await reserved(fleet, f"s{number}") for number in range(3)] == [None, None, "sessions"]


async def test_hosts_of_an_older_release_give_no_room(fleet: Fleet) -> None:
    await fleet.add("old", capacity=10)
    await fleet.add("new", capacity=1, release=SECOND)
    assert await fleet.registry.takers() == {"new"}
    assert [await reserved(fleet, f"s{number}") for number in range(2)] == [None, "sessions"]
    # A release of two hosts is not there yet with one of them.
    await fleet.add("next", capacity=0, release=Release(3.0, "third", 2))
    assert await reserved(fleet, "s3") is None


async def test_a_claim_that_nobody_waited_for_takes_no_place_for_long(fleet: Fleet) -> None:
    await fleet.add("a", capacity=1)
    assert await reserved(fleet, "s1") is None
    assert await fleet.registry.claim("s1", "a")
    assert await reserved(fleet, "s2") == "sessions"
    await asyncio.sleep(UNPLACED + 3)
    assert await reserved(fleet, "s3") is None
    # One that the host reports is its own, however long it takes.
    assert await fleet.registry.claim("s3", "a")
    fleet.has("a", "s3")
    await asyncio.sleep(UNPLACED + 3)
    assert await fleet.registry.find("call of s3", "s3") is not None


async def test_who_leaves_for_another_makes_room(fleet: Fleet) -> None:
    await fleet.add("a", capacity=1)
    await fleet.start("s1", "a")
    assert ((await fleet.registry.refusal()) or ("",))[0] == "sessions"
    assert await fleet.registry.refusal(1) is None
    await fleet.registry.drain(FIRST)
    assert ((await fleet.registry.refusal(1)) or ("",))[0] == "draining"


async def test_figures_are_those_of_each_host(fleet: Fleet) -> None:
    await fleet.add("a", capacity=7)
    hosts, _ = await fleet.registry.figures()
    assert {name: each.capacity for name, each in hosts.items()} == {"a": 7}
