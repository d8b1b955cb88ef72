"""Answers on their way from a connection to whoever plays them."""

from __future__ import annotations

import asyncio

import pytest

from vision_agents.core.remote import Inbox

pytestmark = pytest.mark.virtual_time


async def test_what_came_is_given_before_the_end():
    inbox: Inbox[int] = Inbox("the service")
    inbox.put(1)
    inbox.put(2)
    inbox.end()
    inbox.put(3)
    assert [await inbox.get() for _ in range(4)] == [1, 2, None, None]


async def test_what_came_is_given_before_the_error():
    inbox: Inbox[int] = Inbox("the service")
    inbox.put(1)
    inbox.fail(OSError("reset"))
    assert await inbox.get() == 1
    with pytest.raises(OSError, match="reset"):
        await inbox.get()


async def test_what_nobody_wants_any_more_is_thrown_away():
    inbox: Inbox[int] = Inbox("the service")
    inbox.put(1)
    inbox.stop()
    inbox.put(2)
    inbox.fail(OSError("late"))
    assert await inbox.get() is None


async def test_a_service_that_falls_silent_is_named():
    inbox: Inbox[int] = Inbox("the service", patience=3.0)
    with pytest.raises(TimeoutError, match="the service sent no audio for 3 s"):
        await inbox.get()
    assert asyncio.get_running_loop().time() == pytest.approx(3.0)


async def test_it_is_bounded():
    inbox: Inbox[int] = Inbox("the service", limit=10)
    for piece in range(1000):
        inbox.put(piece)
    with pytest.raises(BufferError, match="more than 10"):
        await inbox.get()


async def test_it_wakes_whoever_waits():
    inbox: Inbox[int] = Inbox("the service")
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(1)
    inbox.put(7)
    assert await waiting == 7
