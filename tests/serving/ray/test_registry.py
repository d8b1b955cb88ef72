"""The registry without Ray: who gets a place, what becomes of the sessions of those who are silent, and who is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

pytest.importorskip("ray")

from vision_agents.serving.lost import KEEP, MOST, Ending
from vision_agents.serving.ray.answers import Attempt, Before, Said
from vision_agents.serving.ray.book import DROWSY, MOVING, SILENCE, STRANDED, UNPLACED, Release
from vision_agents.serving.ray.mail import MOST_SAID
from vision_agents.serving.ray.registry import LOOK

from .fleet_kit import FIRST, HELLO, SECOND, Fleet, again, asks, facts, report, reserved

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


async def test_who_leaves_for_another_makes_room(fleet: Fleet) -> None:
    await fleet.add("a", capacity=1)
    await fleet.start("s1", "a")
    assert ((await fleet.registry.refusal()) or ("",))[0] == "sessions"
    assert await fleet.registry.refusal(1) is None
    await fleet.registry.drain(FIRST)
    assert ((await fleet.registry.refusal(1)) or ("",))[0] == "draining"


async def test_a_drained_cluster_takes_nothing_until_the_next_release(fleet: Fleet) -> None:
    await fleet.add("a")
    await fleet.start("s1", "a")
    assert await fleet.registry.drain(FIRST) == 1
    assert await reserved(fleet, "s2") == "draining"
    assert (await fleet.registry.refusal() or ("",))[0] == "draining"
    assert await fleet.registry.drain(FIRST, "Goodbye.") == 1
    mail = await fleet.registry.poll("a", fleet.reports["a"])
    assert (mail.known, mail.farewell) == (True, "Goodbye.")
    await fleet.add("b", release=SECOND)
    assert await reserved(fleet, "s3") is None
    # It has the calls, and nobody else ends them.
    assert await fleet.registry.drain(FIRST, "") is None
    assert (await fleet.registry.poll("b", fleet.reports["b"])).farewell is None


async def test_a_release_that_is_on_its_way_keeps_the_one_before_from_ending_everything(fleet: Fleet) -> None:
    await fleet.add("a")
    await fleet.start("s1", "a")
    assert await fleet.registry.coming(SECOND) == 0
    # None of its hosts has reported: it takes over all the same, and calls are taken by those that there are.
    assert await fleet.registry.drain(FIRST) is None
    assert await reserved(fleet, "s2") is None
    # One that cannot come takes over nothing, and none that was before it either.
    await fleet.registry.failed(FIRST)
    assert await fleet.registry.drain(FIRST) is None
    await fleet.registry.failed(SECOND)
    assert await fleet.registry.drain(FIRST) == 2
    assert await reserved(fleet, "s3") == "draining"
    # What was drained before is served again as soon as a new release is on its way.
    await fleet.registry.coming(SECOND)
    assert await reserved(fleet, "s3") is None
    await fleet.add("b", release=SECOND)
    assert await fleet.registry.coming(SECOND) == 1


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


async def test_figures_are_those_of_each_host(fleet: Fleet) -> None:
    await fleet.add("a", capacity=7)
    hosts, _ = await fleet.registry.figures()
    assert {name: each.capacity for name, each in hosts.items()} == {"a": 7}


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
