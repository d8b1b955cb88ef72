"""`Worker`: one thread, a bounded queue in the order of due times, and an error for everybody when it breaks."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.core.models import OverloadedError, WorkerError
from vision_agents.core.models.worker import NICE, Worker

PATIENCE = 60.0


class Busy:
    """A job that is under way until it is told to end."""

    def __init__(self, worker: Worker) -> None:
        self._begun, self._may_end = threading.Event(), threading.Event()
        self.thread: threading.Thread | None = None
        self.future = worker.submit(self._work)
        assert self._begun.wait(PATIENCE)

    def _work(self) -> str:
        self.thread = threading.current_thread()
        self._begun.set()
        self._may_end.wait(PATIENCE)
        return "done"

    def end(self) -> None:
        self._may_end.set()


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker("net", limit=3)
    yield made
    made.shutdown()


def test_jobs_run_one_after_the_other_in_one_thread(worker: Worker) -> None:
    threads = [worker.submit(threading.current_thread) for _ in range(3)]
    assert len({future.result(PATIENCE) for future in threads}) == 1
    assert threads[0].result() is not threading.current_thread()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priorities of their own")
def test_its_thread_goes_behind_those_that_ask(worker: Worker) -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert worker.submit(os.getpriority, os.PRIO_PROCESS, 0).result(10) == min(19, ours + NICE)
    assert os.getpriority(os.PRIO_PROCESS, 0) == ours


def test_what_a_job_raises_is_its_own(worker: Worker) -> None:
    broken, well = worker.submit(lambda: 1 / 0), worker.submit(lambda: 7)
    with pytest.raises(ZeroDivisionError):
        broken.result(PATIENCE)
    assert well.result(PATIENCE) == 7
    assert (worker.stats().failed, worker.stats().done, worker.stats().replaced) == (1, 1, 0)


@given(st.lists(st.integers(0, 1000), max_size=12))
def test_what_is_due_first_runs_first_and_equals_in_order(slacks: list[int]) -> None:
    worker, order = Worker("net"), []
    busy = Busy(worker)
    futures = [
        worker.view(None, 100.0 * slack).submit(order.append, (slack, number)) for number, slack in enumerate(slacks)
    ]
    busy.end()
    wait(futures, PATIENCE)
    assert order == sorted(order)
    assert len(order) == len(slacks)
    worker.shutdown()


def test_beyond_the_limit_a_job_is_refused_and_none_is_dropped(worker: Worker) -> None:
    busy = Busy(worker)
    waiting = [worker.submit(lambda n=n: n) for n in range(3)]
    with pytest.raises(OverloadedError, match="net is 3 jobs behind"):
        worker.submit(lambda: 3).result(0)
    assert worker.stats().queued == 3
    busy.end()
    assert [future.result(PATIENCE) for future in waiting] == [0, 1, 2]
    assert worker.stats().refused == 1


def test_what_nobody_wants_any_more_is_skipped_and_makes_room(worker: Worker) -> None:
    busy, ran = Busy(worker), []
    unwanted = [worker.submit(ran.append, n) for n in range(3)]
    assert all(future.cancel() for future in unwanted[:2])
    wanted = [worker.submit(ran.append, n) for n in (3, 4)]
    assert not busy.future.cancel()
    busy.end()
    wait([*wanted, unwanted[2]], PATIENCE)
    assert ran == [2, 3, 4]
    assert (worker.stats().cancelled, worker.stats().refused) == (2, 0)


def test_the_jobs_of_an_owner_are_withdrawn_with_an_error(worker: Worker) -> None:
    busy = Busy(worker)
    mine, other = worker.view("me").submit(lambda: 1), worker.view("other").submit(lambda: 2)
    worker.withdraw("me", RuntimeError("closed"))
    with pytest.raises(RuntimeError, match="closed"):
        mine.result(0)
    busy.end()
    assert other.result(PATIENCE) == 2


@pytest.mark.usefixtures("quiet_death")
@pytest.mark.parametrize("death", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_when_the_thread_dies_all_who_wait_hear_it_and_the_next_goes_on(
    death: type[BaseException], worker: Worker
) -> None:
    busy = Busy(worker)

    def dies() -> None:
        raise death

    lost = [worker.submit(dies), worker.submit(lambda: 1), worker.submit(lambda: 2)]
    busy.end()
    for future in lost:
        with pytest.raises(WorkerError, match=r"worker of net died.*ask again"):
            future.result(PATIENCE)
    assert worker.submit(lambda: 3).result(PATIENCE) == 3
    assert (worker.stats().replaced, worker.stats().failed) == (1, 3)


@pytest.mark.usefixtures("quiet_death")
def test_a_death_while_it_has_nothing_to_do_costs_nobody_anything(worker: Worker) -> None:
    thread = worker.submit(threading.current_thread).result(PATIENCE)
    assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
    future = worker.submit(lambda: 3)
    try:
        assert future.result(PATIENCE) == 3
    except WorkerError:  # it died of the job that woke it
        assert worker.submit(lambda: 3).result(PATIENCE) == 3
    assert worker.submit(threading.current_thread).result(PATIENCE) is not thread


def test_a_job_that_hangs_is_left_behind_at_the_next_request() -> None:
    worker = Worker("net", stall=0.0)
    busy = Busy(worker)
    waiting = Worker.submit(worker, lambda: 1)  # notices the stall, and is run by a new thread
    with pytest.raises(WorkerError, match="did not finish a job within 0 s"):
        busy.future.result(PATIENCE)
    assert waiting.result(PATIENCE) == 1
    busy.end()
    assert worker.submit(threading.current_thread).result(PATIENCE) is not busy.thread
    worker.shutdown()


def test_after_the_end_it_takes_nothing_and_nobody_waits(worker: Worker) -> None:
    busy = Busy(worker)
    kept, given_up = worker.submit(lambda: 1), worker.submit(lambda: 2)
    worker.shutdown(wait=False)
    busy.end()
    assert busy.future.result(PATIENCE) == "done"
    for future in (kept, given_up, worker.submit(lambda: 3)):
        with pytest.raises(WorkerError, match="net was unloaded"):
            future.result(PATIENCE)
    other = Worker("net")
    busy = Busy(other)
    cancelled = other.submit(lambda: 1)
    other.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(CancelledError):
        cancelled.result(0)
    busy.end()


def test_waits_and_runs_are_measured(worker: Worker) -> None:
    assert worker.stats().wait_p95 == worker.stats().run_p95 == 0.0
    busy = Busy(worker)
    after = worker.submit(lambda: None)
    threading.Event().wait(0.02)
    busy.end()
    after.result(PATIENCE)
    stats = worker.stats()
    assert stats.wait_p95 >= 0.02 > stats.wait_p50 >= 0.0
    assert stats.run_p95 >= 0.02 > stats.run_p50
