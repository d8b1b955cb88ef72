"""Waiting for other people's code."""

import asyncio

import pytest

from vision_agents.core.tasks import GRACE, bounded, together

pytestmark = pytest.mark.virtual_time


async def fail(after: float = 0.0):
    await asyncio.sleep(after)
    raise ValueError("broken")


async def ignore_cancellation(seconds: float):
    end = asyncio.get_running_loop().time() + seconds
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue


def now() -> float:
    return asyncio.get_running_loop().time()


def others() -> set[asyncio.Task]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def test_together_runs_all_at_once():
    await together(asyncio.sleep(1), asyncio.sleep(2), asyncio.sleep(3))
    assert now() == pytest.approx(3)
    await together()


async def test_if_one_fails_the_others_are_cancelled_and_its_error_is_raised():
    with pytest.raises(ValueError, match="broken"):
        await together(asyncio.sleep(3600), fail(after=1))
    assert now() == pytest.approx(1)
    assert not others()


async def test_a_failure_is_raised_in_bounded_time_though_others_ignore_their_cancellation():
    with pytest.raises(ValueError, match="broken"):
        await together(ignore_cancellation(60), fail())
    assert now() == pytest.approx(GRACE)
    await asyncio.sleep(60)


async def test_whoever_is_cancelled_while_waiting_for_all_cancels_all():
    waiting = asyncio.create_task(together(asyncio.sleep(3600), asyncio.sleep(3600)))
    await asyncio.sleep(1)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert not others()


async def test_bounded_work_is_waited_for_and_its_error_logged(caplog):
    await bounded(asyncio.sleep(1), "sleeping")
    assert (now(), caplog.text) == (pytest.approx(1), "")
    await bounded(fail(), "failing")
    assert "failing failed: broken" in caplog.text


async def test_bounded_work_that_hangs_is_left_behind(caplog):
    await bounded(asyncio.Event().wait(), "waiting", 2.0)
    await bounded(ignore_cancellation(10), "ignoring", 2.0)
    assert now() == pytest.approx(4)
    assert "waiting took more than 2.0 s" in caplog.text
    assert "ignoring took more than 2.0 s" in caplog.text
    await asyncio.sleep(10)
    assert not others()


async def test_work_that_is_bounded_ends_with_whoever_waits_for_it():
    waiting = asyncio.create_task(bounded(asyncio.sleep(3600), "sleeping", 3600.0))
    await asyncio.sleep(1)
    waiting.cancel()
    await asyncio.wait([waiting])
    await asyncio.sleep(0)
    assert not others()
