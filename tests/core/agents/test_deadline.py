"""The timer of the floor's deadline."""

import asyncio

import pytest

from vision_agents.core.agents.deadline import DeadlineTimer

pytestmark = pytest.mark.virtual_time


class Timed:
    """A timer, and the times at which it found its deadlines due."""

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.found = []
        self.timer = DeadlineTimer(lambda deadline: self.found.append((self.loop.time(), deadline)))


async def test_it_comes_once_at_its_deadline():
    timed = Timed()
    timed.timer.set(1.0)
    timed.timer.set(1.0)
    await asyncio.sleep(5)
    assert timed.found == [(1.0, 1.0)]


async def test_a_deadline_that_moves_later_and_later_comes_in_the_end():
    timed = Timed()
    for step in range(20):
        timed.timer.set(step * 0.1 + 1.0)
        await asyncio.sleep(0.1)
    assert timed.found == []
    await asyncio.sleep(5)
    assert timed.found == [(pytest.approx(2.9), pytest.approx(2.9))]


async def test_one_that_moves_sooner_comes_sooner_and_not_again():
    timed = Timed()
    timed.timer.set(3.0)
    timed.timer.set(1.0)
    await asyncio.sleep(5)
    assert timed.found == [(1.0, 1.0)]


async def test_one_that_is_past_comes_at_once():
    timed = Timed()
    await asyncio.sleep(2)
    timed.timer.set(1.0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert timed.found == [(2.0, 1.0)]


async def test_none_comes_never_and_the_next_in_its_time():
    timed = Timed()
    timed.timer.set(1.0)
    timed.timer.set(None)
    timed.timer.set(None)
    await asyncio.sleep(2)
    timed.timer.set(4.0)
    await asyncio.sleep(5)
    assert timed.found == [(4.0, 4.0)]


async def test_a_deadline_that_moves_far_is_set_anew_only_when_the_timer_comes(monkeypatch):
    timed, made = Timed(), []
    call_at = timed.loop.call_at

    def noted(when, *rest, **more):
        made.append(when)
        return call_at(when, *rest, **more)

    monkeypatch.setattr(timed.loop, "call_at", noted)
    timer = timed.timer
    for step in range(50):
        timer.set(1.0 + step * 0.01)
    assert made == [1.0]
    await asyncio.sleep(5)
    assert [when for when in made if when in (1.0, 1.49)] == [1.0, 1.49]
    assert timed.found == [(1.49, 1.49)]


async def test_who_is_called_may_set_the_next():
    loop, found = asyncio.get_running_loop(), []

    def due(deadline):
        found.append(deadline)
        timer.set(deadline + 1.0 if len(found) < 3 else None)

    timer = DeadlineTimer(due)
    timer.set(loop.time() + 1.0)
    await asyncio.sleep(10)
    assert found == [1.0, 2.0, 3.0]
