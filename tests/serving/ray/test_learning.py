"""A registry that was started again, while hosts tell it what there is: who asks it waits, and is answered in order."""

from __future__ import annotations

import asyncio
from itertools import count
from random import Random

import pytest

pytest.importorskip("ray")

from vision_agents.serving.ray.answers import Attempt, Said
from vision_agents.serving.ray.registry import LEARN, Registry

from .fleet_kit import FIRST, asks, facts, report

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize("first", ["full", "other"])
async def test_a_registry_that_was_started_again_answers_when_hosts_have_told_it(first: str) -> None:
    registry = Registry()
    last = {"full": "other", "other": "full"}[first]
    reports = {"full": report("s1", capacity=1), "other": report("s2", capacity=2)}
    await registry.poll(first, reports[first])
    asked_for = [
        registry.reserve(asks("s3"), facts("s3"), 1),
        registry.reserve(asks("s4", "call of s2"), facts("s4", "call of s2"), 1),
        registry.refusal(),
        registry.find("call of s2", "s2"),
        registry.find("call of s1", "s1"),
        registry.end("call of s2", "s2"),
        registry.drain(FIRST),
        registry.figures(),
    ]
    asking = [asyncio.ensure_future(each) for each in asked_for]
    await asyncio.sleep(LEARN / 2)
    assert not any(each.done() for each in asking)
    await registry.poll(last, reports[last])
    place, taken, refusal, one, other, ended, calls, (snapshots, _) = await asyncio.gather(*asking)
    assert isinstance(place, Attempt)
    assert (taken[0], (refusal or "-")[0], one is not None, other is not None) == ("call", "sessions", True, True)
    assert (ended, calls, set(snapshots)) == (True, 3, {"full", "other"})
    assert (await registry.poll("other", report("s2", capacity=2))).end == ("s2",)
    await registry.close()


@pytest.mark.parametrize("parts", [["release"], ["again", "release"], ["end"], ["end", "release"]])
@pytest.mark.parametrize("after", [0.0, LEARN / 2, LEARN])
async def test_what_is_given_up_while_a_registry_learns_is_over_and_in_no_call(parts: list[str], after: float) -> None:
    registry = Registry()
    given: dict[str, tuple[str | int, ...]] = {"release": ("s1",), "again": ("s1", 0), "end": ("table", "s1")}
    first = asyncio.create_task(registry.reserve(asks("s1", "table"), facts("s1", "table"), 1))
    await asyncio.sleep(after)
    giving_up = [asyncio.create_task(getattr(registry, part)(*given[part])) for part in parts]
    second = asyncio.create_task(registry.reserve(asks("s2", "table"), facts("s2", "table"), 1))
    await asyncio.gather(first, *giving_up)
    assert isinstance(await second, Attempt)
    assert list(registry._book.sessions) == ["s2"]
    await registry.close()


async def test_a_start_that_is_given_up_while_a_registry_learns_is_let_go_of_by_the_host_that_has_it() -> None:
    registry = Registry()
    trying = asyncio.create_task(registry.again("s1", 0))
    giving_up = asyncio.create_task(registry.release("s1", "sessions"))
    await asyncio.sleep(LEARN / 2)
    # It took the session when another registry was there, and was too slow for who asked.
    await registry.poll("slow", report("s1"))
    assert (await trying, await giving_up) == (Attempt(1, frozenset({"slow"})), None)
    assert (await registry.poll("slow", report("s1"))).end == ("s1",)
    assert not registry._book.sessions
    await registry.close()


async def test_what_is_typed_while_a_registry_learns_is_said_in_the_order_in_which_it_was_typed() -> None:
    registry, callers = Registry(), [f"s{number}" for number in range(200)]
    await registry.poll("a", report(*callers, capacity=1000))
    telling: list[asyncio.Task[Said]] = []

    def types(caller: str, text: str) -> None:
        telling.append(asyncio.create_task(registry.say(f"call of {caller}", caller, text)))

    loop, chance, reads = asyncio.get_running_loop(), Random(1), count()
    registry._clock = lambda: loop.time() + next(reads) * 1e-6  # Like every clock it goes on between two looks at it.
    for caller in callers:
        # Of some the first text comes while the registry learns, and the second when it does no more.
        when = LEARN * chance.random()
        loop.call_later(when, types, caller, "first")
        loop.call_later(when + 0.05, types, caller, "second")
    await asyncio.sleep(2 * LEARN)
    assert {told.result() for told in telling} == {Said.TOLD}
    mail = await registry.poll("a", report(*callers, capacity=1000))
    assert [[text for each, text in mail.said if each == caller] for caller in callers] == [["first", "second"]] * 200
    await registry.close()


async def test_who_comes_in_the_moment_in_which_a_registry_has_learnt_is_behind_those_who_waited() -> None:
    done: list[str] = []

    async def learns(name: str) -> None:
        await registry._learn()
        done.append(name)

    late: list[asyncio.Task[None]] = []
    # It is on its way when those who wait begin to be woken.
    asyncio.get_running_loop().call_later(LEARN, lambda: late.append(asyncio.create_task(learns("late"))))
    registry = Registry()
    waiting = [asyncio.create_task(learns(f"s{number}")) for number in range(8)]
    await asyncio.sleep(LEARN + 0.1)
    await asyncio.gather(*waiting, *late)
    assert done == [*(f"s{number}" for number in range(8)), "late"]
    await registry.close()


async def test_a_farewell_is_heard_by_the_hosts_of_a_registry_that_was_started_again() -> None:
    registry = Registry()
    ending = asyncio.create_task(registry.drain(FIRST, "Goodbye."))
    await asyncio.sleep(LEARN / 2)
    await registry.poll("a", report("s1"))
    assert await ending == 1
    assert (await registry.poll("a", report("s1"))).farewell == "Goodbye."
    # Nor is one forgotten that comes later, as long as it is asked for.
    await registry.poll("b", report("s2"))
    assert await registry.drain(FIRST, "Goodbye.") == 2
    assert (await registry.poll("b", report("s2"))).farewell == "Goodbye."
    await registry.close()
