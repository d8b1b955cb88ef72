import asyncio
import math
import threading
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.testing import virtual_time
from vision_agents.testing.virtual_time import (
    DeadlockError,
    LeakedTasksError,
    LivelockError,
    TimeLimitError,
    VirtualTimeLoop,
)

DELAYS = st.lists(st.floats(0, 100, allow_nan=False), min_size=1, max_size=20)


async def forever() -> None:
    await asyncio.Event().wait()


# --- the clock


@given(DELAYS)
def test_timers_fire_in_order_and_exactly_on_time(delays: list[float]) -> None:
    async def main() -> list[tuple[float, float]]:
        loop = asyncio.get_running_loop()
        fired: list[tuple[float, float]] = []
        for delay in delays:
            loop.call_at(delay, lambda due: fired.append((due, loop.time())), delay)
        await asyncio.sleep(max(delays) + 1)
        return fired

    fired = virtual_time.run(main())
    assert [when for when, _ in fired] == sorted(delays)
    for when, now in fired:
        assert now == pytest.approx(when, abs=1e-9)


@given(DELAYS)
def test_sleeping_sums_up_whatever_the_floats(delays: list[float]) -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        end = sum(delays)
        for delay in delays:
            await asyncio.sleep(delay)
        while loop.time() < end:
            await asyncio.sleep(end - loop.time())
        return loop.time()

    assert virtual_time.run(main()) == pytest.approx(sum(delays))


@pytest.mark.parametrize("since", [1e6, 2e7, 4e9])
def test_a_clock_that_has_run_for_long_goes_on(since: float) -> None:
    async def main() -> float:
        await asyncio.sleep(since)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(10):
            await asyncio.sleep(0.02)
        return loop.time() - began

    assert virtual_time.run(main(), timeout=math.inf) == pytest.approx(0.2, abs=1e-5)


def test_equal_deadlines_keep_the_order_of_their_making() -> None:
    async def main() -> list[int]:
        order: list[int] = []

        async def note(number: int) -> None:
            await asyncio.sleep(1)
            order.append(number)

        await asyncio.gather(*(note(n) for n in range(20)))
        return order

    assert virtual_time.run(main()) == list(range(20))


def test_the_clock_waits_for_all_that_is_ready() -> None:
    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        chain = 0

        def step() -> None:
            nonlocal chain
            chain += 1
            if chain < 1000:
                loop.call_soon(step)

        loop.call_soon(step)
        before = loop.time()
        await asyncio.sleep(1e-6)
        return chain, loop.time() - before

    assert virtual_time.run(main()) == (1000, 1e-6)


def test_a_cancelled_timer_does_not_move_the_clock() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(50, pytest.fail, "cancelled timers must not fire").cancel()
        await asyncio.sleep(2)
        return loop.time()

    assert virtual_time.run(main()) == 2


def test_a_cancelled_task_stops_at_the_time_of_the_cancel() -> None:
    async def main() -> float:
        sleeper = asyncio.create_task(asyncio.sleep(1000))
        asyncio.get_running_loop().call_later(3, sleeper.cancel)
        with pytest.raises(asyncio.CancelledError):
            await sleeper
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == 3


def test_wait_for_and_timeout_take_their_virtual_seconds() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        times = []
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(forever(), 7)
        times.append(loop.time())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await forever()
        times.append(loop.time())
        assert await asyncio.wait_for(asyncio.sleep(1, "in time"), 2) == "in time"
        times.append(loop.time())
        return times

    assert virtual_time.run(main()) == [7, 12, 13]


# --- what is outside the loop


def test_a_thread_takes_no_virtual_time() -> None:
    async def main() -> tuple[str, float]:
        release = threading.Event()
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticker = asyncio.create_task(tick())
        threading.Timer(0.05, release.set).start()
        await asyncio.wait_for(asyncio.to_thread(release.wait), timeout=0.02)
        result = f"ticks {ticks}"
        ticker.cancel()
        return result, asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == ("ticks 0", 0)


def test_real_work_holds_the_clock_for_a_foreign_thread() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        done = asyncio.Event()
        threading.Timer(0.05, loop.call_soon_threadsafe, [done.set]).start()
        with loop.real_work():
            await asyncio.wait_for(done.wait(), timeout=0.001)
        return loop.time()

    assert virtual_time.run(main()) == 0


def test_a_thread_that_gives_no_sign_of_life_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "PATIENCE", 0.05)
    release = threading.Event()

    async def main() -> None:
        asyncio.get_running_loop().call_later(1, release.set)  # the clock stands still: too late for the thread
        await asyncio.to_thread(release.wait, 5)

    try:
        with pytest.raises(DeadlockError, match="sign of life"):
            virtual_time.run(main())
    finally:
        release.set()


def test_loopback_sockets_work_beside_timers() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def main() -> bytes:
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            await asyncio.sleep(10)
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return line

    assert virtual_time.run(main()) == b"hello\n"


# --- what never ends


def test_a_deadlock_lists_the_tasks_and_where_they_wait() -> None:
    async def stuck_worker() -> None:
        await forever()

    async def main() -> None:
        worker = asyncio.create_task(stuck_worker(), name="the worker")
        await asyncio.sleep(2.5)
        await worker

    with pytest.raises(DeadlockError) as error:
        virtual_time.run(main())
    report = str(error.value)
    assert "virtual time 2.500 s" in report
    assert "the worker:" in report
    assert report.index("stuck_worker: await forever()") < report.index("in forever: await asyncio.Event().wait()")
    assert "main: await worker" in report


def test_an_open_socket_that_stays_silent_is_a_deadlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "IO_GRACE", 0.01)

    async def main() -> None:
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
            await server.serve_forever()

    with pytest.raises(DeadlockError, match="serve_forever"):
        virtual_time.run(main())


def test_the_loop_that_is_always_busy_is_a_livelock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "MAX_STEPS_AT_ONE_TIME", 1000)

    async def main() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(LivelockError, match="clock never moved"):
        virtual_time.run(main())


def test_the_time_limit_is_virtual_and_ends_an_endless_ticker() -> None:
    async def main() -> None:
        while True:
            await asyncio.sleep(0.5)

    with pytest.raises(TimeLimitError, match=r"10 virtual s \(virtual time 10\.000 s\)"):
        virtual_time.run(main(), timeout=10)


def test_user_code_cannot_swallow_the_time_limit() -> None:
    async def main() -> None:
        while True:
            try:
                async with asyncio.timeout(1):
                    await forever()
            except Exception:
                pass

    with pytest.raises(TimeLimitError):
        virtual_time.run(main(), timeout=5)


# --- the end of a run


def test_a_task_left_behind_is_an_error_that_names_it() -> None:
    async def main() -> None:
        asyncio.create_task(forever(), name="forgotten")  # noqa: RUF006 - the point of the test

    with pytest.raises(LeakedTasksError, match="forgotten"):
        virtual_time.run(main())
    virtual_time.run(main(), allow_leaks=True)


def test_a_task_that_ends_by_itself_right_after_is_no_leak() -> None:
    async def main() -> str:
        asyncio.create_task(forever()).cancel()
        asyncio.create_task(asyncio.sleep(0))  # noqa: RUF006 - the point of the test
        return "done"

    assert virtual_time.run(main()) == "done"


def test_errors_of_the_coroutine_come_through() -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        virtual_time.run(main())


# --- the marker


@pytest.fixture
async def half_past() -> AsyncIterator[float]:
    await asyncio.sleep(1800)
    yield asyncio.get_running_loop().time()
    await asyncio.sleep(1800)


@pytest.mark.virtual_time
async def test_a_marked_test_and_its_fixtures_share_one_virtual_clock(half_past: float) -> None:
    assert isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    assert half_past == 1800
    await asyncio.sleep(3000)  # each step has a limit of its own
    assert asyncio.get_running_loop().time() == 4800


@pytest.mark.virtual_time
class TestMarkedClass:
    async def test_methods_run_on_the_virtual_clock(self) -> None:
        await asyncio.sleep(900)
        assert asyncio.get_running_loop().time() == 900

    @pytest.mark.parametrize("delay", [1, 600])
    async def test_parameters_too(self, delay: int) -> None:
        await asyncio.sleep(delay)
        assert asyncio.get_running_loop().time() == delay

    @given(st.integers(1, 600))
    async def test_hypothesis_too(self, delay: int) -> None:
        before = asyncio.get_running_loop().time()
        await asyncio.sleep(delay)
        assert asyncio.get_running_loop().time() - before == delay


async def test_an_unmarked_test_runs_on_a_real_clock() -> None:
    assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
