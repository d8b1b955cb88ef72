"""Attempts to start a session that were given up, and those that come after: by the same front, or another one."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("ray")

from vision_agents.serving import CallRequest
from vision_agents.serving.lost import Ending
from vision_agents.serving.ray.answers import Attempt
from vision_agents.serving.ray.book import SILENCE, STRANDED, UNPLACED
from vision_agents.serving.ray.registry import LOOK

from .fleet_kit import HELLO, Fleet, again, asks, facts, reserved

pytestmark = pytest.mark.virtual_time


async def dead(fleet: Fleet, request: CallRequest, host: str) -> CallRequest:
    """The session's host has died; returns what another one is to start it with."""
    fleet.hang(host)
    await fleet.registry.broken(request, facts(request.session_id, request.call_id), host, "it died", dead=True)
    moved = await fleet.registry.moved()
    assert moved is not None
    return moved


async def test_two_fronts_never_have_the_same_attempt(fleet: Fleet) -> None:
    for host in ("a", "b", "c"):
        await fleet.add(host)
    registry = fleet.registry
    first = await dead(fleet, await fleet.start("s1", "a"), "a")
    # The first front's host claims it and hangs, and is given up; by then it was offered long ago.
    assert await registry.claim("s1", "b", first.attempt)
    await asyncio.sleep(STRANDED + 4)
    mine = await again(registry, "s1", first.attempt)
    assert mine is not None
    other = asyncio.create_task(registry.moved())
    await asyncio.sleep(2 * LOOK)
    assert not other.done()  # The first front is at it: it is not stranded.
    offered = None
    while offered is None:
        offered = await other
        other = asyncio.create_task(registry.moved())
    other.cancel()
    # The first front was too slow: what it does has no part in the session, and cannot end what the other has.
    assert not await registry.claim("s1", "b", mine)
    assert await registry.claim("s1", "c", offered.attempt)
    assert await again(registry, "s1", mine) is None
    fleet.has("c", "s1")
    await asyncio.sleep(2.1)
    assert fleet.mail["c"] == []
    assert registry._book.sessions["s1"].host == "c"


async def test_of_what_was_offered_several_times_only_the_last_offer_is_given_out(fleet: Fleet) -> None:
    await fleet.add("a")
    request = await fleet.start("s1", "a")
    fleet.hang("a")
    await fleet.registry.broken(request, facts("s1"), "a", "it died", dead=True)
    await asyncio.sleep(3 * STRANDED)  # There is no front.
    offer = await fleet.registry.moved()
    assert offer is not None
    assert await fleet.registry.claim("s1", "b", offer.attempt)


async def test_a_session_that_moves_is_the_host_s_that_claims_it_late(fleet: Fleet) -> None:
    await fleet.add("a")
    moved = await dead(fleet, await fleet.start("s1", "a"), "a")
    await asyncio.sleep(UNPLACED + 2)  # A node has to be started for the host.
    await fleet.add("b")
    while (again := await fleet.registry.moved()) is not None:
        moved = again
    assert await fleet.registry.claim("s1", "b", moved.attempt)
    fleet.hang("b")  # Its next report is a while away: the agent is being made.
    await asyncio.sleep(3 * LOOK)
    await fleet.registry.started("s1", "b", facts("s1"), moved.attempt)
    _, totals = await fleet.registry.figures()
    assert totals.moved == 1


async def test_a_start_whose_host_hung_is_begun_anew_and_not_lost(fleet: Fleet) -> None:
    for host in ("a", "b"):
        await fleet.add(host)
    for claims in (True, False):
        session = f"claimed: {claims}"
        assert await reserved(fleet, session) is None
        if claims:
            assert await fleet.registry.claim(session, "a")
        await asyncio.sleep(SILENCE + 1)  # So long the front waits for a sign of life.
        assert await again(fleet.registry, session, 0) == 1
        await asyncio.sleep(2 * LOOK)
        assert await fleet.registry.claim(session, "b", 1)
        await fleet.registry.over(session, "b", Ending("done"), (), 1)
    # Nobody was told of a start that was never there.
    assert await reserved(fleet, "s3") is None
    await asyncio.sleep(UNPLACED + 2)
    assert await again(fleet.registry, "s3", 0) is None
    _, totals = await fleet.registry.figures()
    assert totals.lost == {}


@pytest.mark.parametrize("told_by", ["host", "front"])
async def test_a_moved_session_that_the_next_host_cannot_go_on_with_is_lost_and_told(
    fleet: Fleet, told_by: str
) -> None:
    await fleet.add("a")
    await fleet.add("b")
    request = await fleet.start("s1", "a")
    fleet.has("a", "s1", said={"s1": HELLO})
    await asyncio.sleep(1.1)
    moved = await dead(fleet, request, "a")
    assert await fleet.registry.claim("s1", "b", moved.attempt)
    if told_by == "host":
        await fleet.registry.over("s1", "b", Ending("failed", "there is no key"), (), moved.attempt)
    else:
        await fleet.registry.release("s1")
    lost = await fleet.registry.lost("call of s1", "s1")
    assert lost is not None
    assert lost.conversation == HELLO
    ending = await fleet.registry.ending("call of s1", "s1", 1.0)
    assert ending is not None
    assert ending.lost
    _, totals = await fleet.registry.figures()
    assert totals.lost == {"failed": 1}


@pytest.mark.parametrize("offer", [None, "v=0"])
async def test_starts_on_a_host_that_dies_are_left_to_the_front_that_starts_them(
    fleet: Fleet, offer: str | None
) -> None:
    await fleet.add("a")
    await fleet.add("b")
    runs = await fleet.start("s1", "a")
    starting = asks("s2", offer=offer)
    assert isinstance(await fleet.registry.reserve(starting, facts("s2"), 1), Attempt)
    assert await fleet.registry.claim("s2", "a")
    fleet.has("a", "s1", "s2")
    await asyncio.sleep(1.1)
    assert (await dead(fleet, runs, "a")).session_id == "s1"
    assert await again(fleet.registry, "s2", 0) == 1
    assert await fleet.registry.claim("s2", "b", 1)
    _, totals = await fleet.registry.figures()
    assert totals.lost == {}


async def test_a_start_on_a_dead_host_whose_front_is_dead_too_takes_no_place_for_long(fleet: Fleet) -> None:
    await fleet.add("a")
    await fleet.add("b", capacity=1)
    runs = await fleet.start("s1", "a", offer="v=0")
    assert await reserved(fleet, "s2") is None
    assert await fleet.registry.claim("s2", "a")
    fleet.has("a", "s1", "s2")
    await asyncio.sleep(1.1)
    fleet.hang("a")
    await fleet.registry.broken(runs, facts("s1"), "a", "it died", dead=True)
    assert await reserved(fleet, "s3") == "sessions"
    await asyncio.sleep(UNPLACED + 3)
    assert await reserved(fleet, "s3") is None


async def test_a_host_that_refuses_an_attempt_that_was_given_up_keeps_the_next(fleet: Fleet) -> None:
    await fleet.add("a")
    registry = fleet.registry
    assert await reserved(fleet, "s1") is None
    assert await registry.claim("s1", "a", 0)
    assert await again(registry, "s1", 0) == 1
    assert await registry.claim("s1", "a", 1)
    await registry.unclaim("s1", "a", 0)
    assert registry._book.sessions["s1"].host == "a"
    await registry.unclaim("s1", "a", 1)
    assert registry._book.sessions["s1"].host is None
