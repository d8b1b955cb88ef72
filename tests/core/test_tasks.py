"""Tasks of one owner, and waiting for other people's code."""

import asyncio
import gc
from contextlib import aclosing

import pytest

from vision_agents.core.tasks import (
    DIFFERENT_ERRORS,
    GRACE,
    EscapedError,
    InnerCancellationError,
    Tasks,
    bounded,
    logged_once,
    own_errors,
    own_pieces,
    together,
)

pytestmark = pytest.mark.virtual_time


async def fail(after: float = 0.0, error: BaseException | None = None):
    await asyncio.sleep(after)
    raise error or ValueError("broken")


async def ignore_cancellation(seconds: float):
    end = asyncio.get_running_loop().time() + seconds
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue


async def give_up(after: float = 0.0):
    """Wait for something that is cancelled meanwhile, as a part does whose connection attempt is given up."""
    connecting = asyncio.ensure_future(asyncio.sleep(3600))
    asyncio.get_running_loop().call_later(after, connecting.cancel)
    await connecting


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


async def test_tasks_run_under_their_names_until_they_are_closed():
    tasks = Tasks()
    one, two = tasks.spawn(asyncio.sleep(1, "done"), "short"), tasks.spawn(asyncio.sleep(3600), "long")
    assert (await one, [task.get_name() for task in tasks]) == ("done", ["long"])
    await tasks.close()
    assert (two.cancelled(), len(tasks), now()) == (True, 0, pytest.approx(1))
    await tasks.close()


async def test_a_task_that_fails_is_logged_under_its_name_and_ends_no_other(caplog):
    tasks = Tasks()
    tasks.spawn(fail(), "the ears of anna")
    other = tasks.spawn(asyncio.sleep(2), "other")
    await other
    assert "the ears of anna failed: broken" in caplog.text
    assert not other.cancelled()


async def test_a_task_that_ignores_its_cancellation_is_left_behind_and_named(caplog):
    tasks = Tasks()
    tasks.spawn(ignore_cancellation(10), "deaf")
    await asyncio.sleep(1)
    await tasks.close(grace=2.0)
    assert now() == pytest.approx(3)
    assert "deaf took more than 2.0 s to end and was left behind" in caplog.text
    await asyncio.sleep(10)
    assert not tasks


async def test_a_task_may_close_what_it_belongs_to():
    tasks = Tasks()
    other = tasks.spawn(asyncio.sleep(3600), "other")

    async def end():
        await asyncio.sleep(1)
        await tasks.close()
        return other.cancelled()

    assert await tasks.spawn(end(), "end")
    assert not others()


async def test_nothing_but_the_tasks_themselves_keeps_them_alive():
    tasks, ended = Tasks(), []

    async def wait_for_something_that_nobody_else_knows():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(True)

    tasks.spawn(wait_for_something_that_nobody_else_knows(), "alone")
    await asyncio.sleep(0)
    gc.collect()
    assert (len(tasks), ended) == (1, [])
    await tasks.close()


async def test_a_cancellation_from_within_is_an_error_of_its_own():
    with pytest.raises(InnerCancellationError, match="connecting gave up: something that it waited for was cancelled"):
        await own_errors(give_up(), "connecting")
    with pytest.raises(ValueError, match="broken"):
        await own_errors(fail(), "failing")
    assert await own_errors(asyncio.sleep(0, "result"), "sleeping") == "result"


class Panic(BaseException):
    """What compiled code raises."""


ESCAPING = [SystemExit("enough"), Panic("enough"), GeneratorExit("enough"), BaseExceptionGroup("enough", [Panic()])]


@pytest.mark.parametrize("error", ESCAPING, ids=lambda error: type(error).__name__)
async def test_what_would_end_the_process_is_an_error_of_its_own(error):
    with pytest.raises(EscapedError, match=f"leaving raised {type(error).__name__}: enough"):
        await own_errors(fail(error=error), "leaving")
    with pytest.raises(KeyboardInterrupt):
        await own_errors(fail(error=KeyboardInterrupt()), "working")


@pytest.mark.parametrize("error", ESCAPING[:3], ids=lambda error: type(error).__name__)
async def test_what_would_end_the_process_ends_no_clean_up_and_no_start(error, caplog):
    await bounded(fail(error=error), "leaving")
    assert f"leaving failed: leaving raised {type(error).__name__}: enough" in caplog.text
    with pytest.raises(EscapedError, match=f"fail raised {type(error).__name__}: enough"):
        await together(asyncio.sleep(3600), fail(after=1.0, error=error))
    assert (now(), others()) == (pytest.approx(1), set())


@pytest.mark.parametrize("sort", ["async generator", "generator", "iterator"])
async def test_a_source_that_closes_itself_has_failed(sort):
    class Iterator:
        def __aiter__(self):
            return self

        async def __anext__(self):
            raise GeneratorExit("enough")

    async def pieces():
        yield 1
        for piece in plain() if sort == "generator" else ():
            yield piece
        raise GeneratorExit("enough")

    def plain():
        yield 2
        raise GeneratorExit("enough")

    source = Iterator() if sort == "iterator" else pieces()
    async with aclosing(own_pieces(source, "speaking")) as heard:
        with pytest.raises(EscapedError, match="speaking raised GeneratorExit: enough"):
            [piece async for piece in heard]


async def test_a_future_that_was_given_a_closing_has_failed():
    future = asyncio.get_running_loop().create_future()
    future.set_exception(GeneratorExit("enough"))
    with pytest.raises(EscapedError, match="speaking raised GeneratorExit: enough"):
        await own_errors(future, "speaking")


async def test_who_is_closed_while_waiting_has_not_failed():
    waiting = own_errors(asyncio.sleep(3600), "sleeping")
    waiting.send(None)
    waiting.close()  # Raises nothing.

    async def pieces():
        yield 1
        yield 2

    heard = own_pieces(pieces(), "speaking")
    assert await anext(heard) == 1
    await heard.aclose()


async def test_a_cancellation_from_outside_stays_one():
    waiting = asyncio.create_task(own_errors(asyncio.sleep(3600), "sleeping"))
    await asyncio.sleep(1)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await own_errors(asyncio.sleep(3600), "sleeping")
    # It was a time limit, and is over: what comes now is an error again.
    with pytest.raises(InnerCancellationError):
        await own_errors(give_up(), "connecting")


async def test_one_that_gives_up_does_not_end_the_waiting_for_all():
    with pytest.raises(InnerCancellationError, match="give_up gave up"):
        await together(asyncio.sleep(3600), give_up(1.0))
    assert (now(), others()) == (pytest.approx(1), set())


async def test_clean_up_that_gives_up_is_logged(caplog):
    await bounded(give_up(), "leaving")
    assert "leaving failed: leaving gave up" in caplog.text


async def test_pieces_come_as_they_are_made_and_the_source_is_closed():
    closed = []

    async def count():
        try:
            for number in range(3):
                yield number
        finally:
            closed.append(True)

    assert ([piece async for piece in own_pieces(count(), "counting")], closed) == ([0, 1, 2], [True])
    async with aclosing(own_pieces(count(), "counting")) as pieces:
        assert await anext(pieces) == 0
    assert closed == [True, True]


async def test_pieces_of_something_that_gives_up_end_in_an_error():
    async def stream():
        yield 1
        await give_up()
        yield 2

    pieces = own_pieces(stream(), "streaming")
    assert await anext(pieces) == 1
    with pytest.raises(InnerCancellationError, match="streaming gave up"):
        await anext(pieces)


async def test_whoever_takes_pieces_may_be_cancelled():
    async def stream():
        await asyncio.sleep(3600)
        yield 1

    async def take():
        return [piece async for piece in own_pieces(stream(), "streaming")]

    taking = asyncio.create_task(take())
    await asyncio.sleep(1)
    taking.cancel()
    await asyncio.wait([taking])
    assert (taking.cancelled(), others()) == (True, set())


async def test_tasks_are_waited_for_without_being_cancelled():
    tasks = Tasks()
    tasks.spawn(asyncio.sleep(1), "short")
    long = tasks.spawn(asyncio.sleep(10), "long")
    await tasks.finish(timeout=2.0)
    assert (now(), list(tasks)) == (pytest.approx(2), [long])
    await tasks.finish()
    assert (now(), long.cancelled(), len(tasks)) == (pytest.approx(10), False, 0)


async def test_work_that_was_cancelled_before_it_began_is_no_coroutine_that_nobody_awaited(recwarn):
    for waiting in (together(asyncio.sleep(1), asyncio.sleep(1)), bounded(asyncio.sleep(1), "sleeping")):
        task = asyncio.create_task(waiting)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


class Speechless(Exception):
    def __str__(self):
        raise ValueError("no words")


async def test_each_different_error_of_a_callback_is_logged_once(caplog):
    errors = [OSError("disk full"), OSError("disk full"), OSError("disk gone"), ValueError("disk full"), Speechless()]

    def fail():
        raise errors[0]

    guarded = logged_once(fail, "the callback")
    while errors:
        guarded()
        del errors[0]
    assert [record.exc_info[0] for record in caplog.records] == [OSError, OSError, ValueError, Speechless]


async def test_errors_that_are_worded_anew_each_time_do_not_fill_the_log(caplog):
    frames = iter(range(1000))

    def fail():
        raise ValueError(f"frame {next(frames)}")

    guarded = logged_once(fail, "the callback")
    for _ in range(1000):
        guarded()
    assert len(caplog.records) == DIFFERENT_ERRORS
    assert [record for record in caplog.records if "the last error" in record.getMessage()] == caplog.records[-1:]
