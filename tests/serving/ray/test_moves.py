"""Sessions whose host is dead, or hangs, in a registry without Ray: where they go on, and who is told."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("ray")

from vision_agents.serving.lost import Ending
from vision_agents.serving.ray.book import DROWSY, MOVING, SILENCE, STRANDED, UNPLACED
from vision_agents.serving.ray.registry import LOOK

from .fleet_kit import HELLO, Fleet, asks, facts, reserved

pytestmark = pytest.mark.virtual_time


async def test_a_session_of_a_silent_host_goes_on_elsewhere_with_its_conversation(fleet: Fleet) -> None:
    await fleet.add("a")
    await fleet.add("b")
    await fleet.start("s1", "a")
    fleet.has("a", "s1", said={"s1": HELLO})
    await asyncio.sleep(1.1)
    waiting = asyncio.create_task(fleet.registry.ending("call of s1", "s1", 60.0))
    fleet.hang("a")
    began = asyncio.get_running_loop().time()
    moved = None
    while moved is None:
        moved = await fleet.registry.moved()
    assert SILENCE - 1 < asyncio.get_running_loop().time() - began < SILENCE + 3
    assert (moved.session_id, moved.call_id, moved.conversation) == ("s1", "call of s1", HELLO)
    assert await fleet.registry.find("call of s1", "s1") is not None
    assert await fleet.registry.claim("s1", "b", moved.attempt)
    fleet.has("b", "s1")
    await asyncio.sleep(1.1)
    # Awake again, the first one has to let go of it.
    await fleet.add("a")
    fleet.has("a", "s1")
    await asyncio.sleep(2.1)
    assert set(fleet.mail["a"]) == {"s1"}
    assert not fleet.mail["b"]
    assert not waiting.done()
    # Once only.
    await fleet.registry.broken(asks("s1", "call of s1"), facts("s1", "call of s1"), "b", "it died", dead=True)
    told = await waiting
    assert told is not None
    assert (told.end, told.error, told.lost) == ("lost", "it died", True)
    lost = await fleet.registry.lost("call of s1", "s1")
    assert lost is not None
    assert lost.conversation == HELLO
    assert await fleet.registry.find("call of s1", "s1") is None


async def test_a_caller_by_webrtc_is_told_at_once(fleet: Fleet) -> None:
    await fleet.add("a")
    request = await fleet.start("s1", "a", offer="v=0")
    waiting = asyncio.create_task(fleet.registry.ending("call of s1", "s1", 60.0))
    await asyncio.sleep(0.1)
    began = asyncio.get_running_loop().time()
    await fleet.registry.broken(request, facts("s1"), "a", "it died", dead=True)
    told = await waiting
    assert told is not None
    assert told.lost
    assert asyncio.get_running_loop().time() == began


async def test_one_stream_that_breaks_off_tells_of_all_sessions_of_a_dead_host(fleet: Fleet) -> None:
    await fleet.add("a")
    request = await fleet.start("s1", "a")
    await fleet.start("s2", "a")
    await fleet.registry.broken(request, facts("s1"), "a", "it died", dead=True)
    assert {(await fleet.registry.moved() or asks("")).session_id for _ in range(2)} == {"s1", "s2"}


async def test_what_a_dead_front_was_given_is_offered_again(fleet: Fleet) -> None:
    await fleet.add("a")
    request = await fleet.start("s1", "a")
    fleet.hang("a")
    await fleet.registry.broken(request, facts("s1"), "a", "it died", dead=True)
    assert await fleet.registry.moved() is not None  # By one that dies before it starts it.
    await asyncio.sleep(STRANDED)
    assert await fleet.registry.moved() is not None
    # Where the last host died another one has to be started first: that takes longer than a place does.
    await asyncio.sleep(2 * UNPLACED)
    assert await fleet.registry.moved() is not None
    await asyncio.sleep(MOVING)
    while await fleet.registry.moved() is not None:
        pass
    assert await fleet.registry.lost("call of s1", "s1") is not None


async def test_a_session_that_moves_is_offered_to_one_front_at_a_time(fleet: Fleet) -> None:
    await fleet.add("a")
    request = await fleet.start("s1", "a")
    fleet.hang("a")
    await fleet.registry.broken(request, facts("s1"), "a", "it died", dead=True)
    began = asyncio.get_running_loop().time()
    offers = 0
    while asyncio.get_running_loop().time() - began < 4 * STRANDED:
        offers += await fleet.registry.moved() is not None
    assert 3 <= offers <= 5


async def test_a_new_registry_learns_everything_from_reports(fleet: Fleet) -> None:
    await fleet.add("a", capacity=2)
    fleet.has("a", "s1", said={"s1": HELLO})
    await asyncio.sleep(1.1)
    found = await fleet.registry.find("call of s1", "s1")
    assert found is not None
    assert await reserved(fleet, "s2", "call of s1") == "call"
    assert await reserved(fleet, "s3") is None
    assert await reserved(fleet, "s4") == "sessions"
    # Its front knows with what it was started.
    await fleet.registry.broken(asks("s1"), found, "a", "it died", dead=True)
    moved = await fleet.registry.moved()
    assert moved is not None
    assert moved.conversation == HELLO


async def test_the_registry_itself_stood_still_and_nobody_is_dead(fleet: Fleet) -> None:
    await fleet.add("a")
    await fleet.start("s1", "a")
    fleet.hang("a")
    # As if the process had been stopped: its clock goes on, and it could take no report.
    before = fleet.registry._clock
    fleet.registry._clock = lambda: before() + 3 * SILENCE
    await asyncio.sleep(1.5)
    assert (await fleet.registry.figures())[0]


async def test_who_reported_since_the_registry_stood_still_is_heard_of_no_longer_for_it(fleet: Fleet) -> None:
    await fleet.add("a")
    await fleet.add("b")
    before = fleet.registry._clock
    fleet.registry._clock = lambda: before() + 3 * SILENCE
    fleet.hang("a")
    fleet.registry._book.report(fleet.registry._clock(), "a", fleet.reports["a"])
    await asyncio.sleep(LOOK + DROWSY + 0.1)
    assert await fleet.registry.takers() == {"b"}


async def test_what_was_refused_lost_and_moved_is_counted(fleet: Fleet) -> None:
    await fleet.add("a", capacity=3)
    await fleet.add("b", capacity=0)
    moving = await fleet.start("moving", "a")
    await fleet.start("browser", "a", offer="sdp")
    await fleet.start("failing", "a")
    assert await reserved(fleet, "again", moving.call_id) == "call"
    assert await reserved(fleet, "more") == "sessions"
    await fleet.registry.release("other", "lateness")  # A host has refused it, and no other one has it.
    await fleet.registry.over("failing", "a", Ending("failed", "there is no key", lost=True))
    _, totals = await fleet.registry.figures()
    assert (totals.refused, totals.lost, totals.moved) == (
        {"call": 1, "sessions": 1, "lateness": 1},
        {"failed": 1},
        0,
    )
    fleet.hang("a")
    await fleet.registry.broken(moving, facts("moving", moving.call_id), "a", "it died", True)
    assert await fleet.registry.claim("moving", "b", 1)
    await fleet.registry.started("moving", "b", facts("moving", moving.call_id), 1)
    _, totals = await fleet.registry.figures()
    assert (totals.lost, totals.moved) == ({"failed": 1, "lost": 1}, 1)
