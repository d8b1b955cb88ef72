"""One thread that runs a network's jobs: bounded, in the order in which they are due, with its waits measured.

onnxruntime releases the GIL while it computes, so a thread is enough to keep the event loop free, and one thread for
each network is enough to fill a core: a second one only makes both slower. Sessions therefore share the thread, and
what they ask for waits in one queue.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, ParamSpec, TypeVar

from .errors import OverloadedError, WorkerError

P = ParamSpec("P")
T = TypeVar("T")

LIMIT = 64
"""Jobs that may wait for one network. One more is refused: at 50 ms a job it would come 3 s late."""
NICE = 5
"""Steps of priority by which a network's thread goes behind the event loop's: it computes for longer than a frame
lasts, and frames are pulled in time by the other one. Not more steps, or a busy machine starves it."""
STALL = 60.0
"""Seconds that one job may take before its thread counts as stuck and is replaced; usual ones take 0.005 to 0.2 s."""
MEASURED = 512
"""Jobs over whose waits and run times the quantiles are taken."""
JOIN = STALL
"""Seconds for which the end of the process waits for the job that is running, or for a network that is being loaded. An
interpreter that ends under native code crashes, so this is longer than any of that takes on a busy machine."""


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """The state of a worker, and what it did so far. Times are in seconds, over the last 512 jobs; 0.0 without any."""

    queued: int
    """Jobs that wait now, cancelled ones included until their turn comes."""
    limit: int
    """Jobs that may wait."""
    done: int = 0
    """Jobs that ended well."""
    failed: int = 0
    """Jobs that raised, or whose thread died or stalled."""
    refused: int = 0
    """Jobs that came when the queue was full."""
    cancelled: int = 0
    """Jobs that nobody wanted any more when their turn came; they were skipped."""
    replaced: int = 0
    """Threads that died or stalled and were replaced."""
    wait_p50: float = 0.0
    """Median time from asking to beginning."""
    wait_p95: float = 0.0
    """95th percentile of the same."""
    run_p50: float = 0.0
    """Median time of running."""
    run_p95: float = 0.0
    """95th percentile of the same."""


@dataclass(slots=True, order=True)
class _Job:
    """A call that waits. Ordered by when it is due, then by when it came."""

    due: float
    number: int
    asked: float = field(compare=False)
    call: Callable[[], Any] = field(compare=False)
    owner: object = field(compare=False)
    future: Future[Any] = field(compare=False, default_factory=Future)


class Worker(Executor):
    """An executor of one thread and a bounded queue, for the jobs of one network.

    Give it to `loop.run_in_executor`. Jobs run in the order in which they are due: at once for those that are submitted
    plainly, later for those submitted through `view`. The queue's policy: a job that comes when `limit` others wait
    is refused, its future has an `OverloadedError`; nothing that waits is dropped for it. A job whose future is
    cancelled before its turn is skipped. What a job raises is in its future, and the next job runs. If the
    thread dies or a job takes longer than `stall` seconds, the running job and all that wait have a `WorkerError`, and
    a new thread runs the next job. A stall is noticed when the worker is asked for something, a job or its `stats`.

    The thread begins with the first job. Methods may be called from any thread.

    Args:
        name: of the network; for the errors and the thread.
        limit: jobs that may wait.
        stall: seconds that a job may take.
    """

    def __init__(self, name: str, *, limit: int = LIMIT, stall: float = STALL) -> None:
        self.name = name
        self.limit = limit
        self.stall = stall
        self._wake = threading.Condition()
        self._queue: list[_Job] = []
        self._numbers = count()
        self._thread: threading.Thread | None = None
        self._running: tuple[_Job, float] | None = None
        self._closed = False
        self._counts = WorkerStats(0, limit)
        self._waits: deque[float] = deque(maxlen=MEASURED)
        self._runs: deque[float] = deque(maxlen=MEASURED)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Ask for `fn(*args, **kwargs)`, due at once. Its result or error, a refusal too, is in the future."""
        return self._submit(lambda: fn(*args, **kwargs), 0.0, None)

    def view(self, owner: object, slack: float = 0.0) -> Executor:
        """The same worker for the jobs of `owner`, due `slack` seconds after they were submitted.

        Slack is what nobody would notice: of two jobs the one that is needed sooner runs first, and none starves.
        """
        return _View(self, owner, slack)

    def withdraw(self, owner: object, error: Exception) -> None:
        """Take the owner's jobs that have not begun out of the queue, and give their futures the error."""
        with self._wake:
            withdrawn = [job for job in self._queue if job.owner is owner]
            if withdrawn:
                self._queue = [job for job in self._queue if job.owner is not owner]
                heapq.heapify(self._queue)
                self._count("cancelled", len(withdrawn))
        for job in withdrawn:
            _fail(job.future, error)

    def stats(self) -> WorkerStats:
        """The queue of a worker, and what it did so far."""
        with self._wake:
            self._replace_if_stuck()
            waits, runs = sorted(self._waits), sorted(self._runs)
            return replace(
                self._counts,
                queued=len(self._queue),
                wait_p50=_quantile(waits, 0.5),
                wait_p95=_quantile(waits, 0.95),
                run_p50=_quantile(runs, 0.5),
                run_p95=_quantile(runs, 0.95),
            )

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more jobs. Those that wait are cancelled, with a `WorkerError` unless `cancel_futures`.

        With `wait` it returns when the running job is over, or after `JOIN` seconds.
        """
        with self._wake:
            self._closed = True
            waiting, self._queue = self._queue, []
            self._wake.notify_all()
            thread = self._thread
        for job in waiting:
            if not (cancel_futures and job.future.cancel()):
                _fail(job.future, WorkerError(f"{self.name} was unloaded while this was waiting for it."))
        if wait and thread is not None and thread is not threading.current_thread():
            thread.join(JOIN)

    def _submit(self, call: Callable[[], T], slack: float, owner: object) -> Future[T]:
        now = time.monotonic()
        job = _Job(now + slack, next(self._numbers), now, call, owner)
        with self._wake:
            self._replace_if_stuck()
            error: Exception | None = None
            if self._closed:
                error = WorkerError(f"{self.name} was unloaded: start() loads it again.")
            elif len(self._queue) >= self.limit and not self._drop_cancelled():
                self._count("refused")
                error = OverloadedError(
                    f"{self.name} is {self.limit} jobs behind on this machine, so one more was refused. "
                    "Take fewer calls in this process, or give it a core of its own."
                )
            else:
                heapq.heappush(self._queue, job)
                self._ensure_thread()
                self._wake.notify()
        if error is not None:
            job.future.set_exception(error)
        return job.future

    def _drop_cancelled(self) -> bool:
        """Make room by what nobody wants any more. Returns whether there is room now."""
        wanted = [job for job in self._queue if not job.future.cancelled()]
        self._count("cancelled", len(self._queue) - len(wanted))
        self._queue = wanted
        heapq.heapify(wanted)
        return len(wanted) < self.limit

    def _ensure_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()

    def _replace_if_stuck(self) -> None:
        if self._running is not None and time.monotonic() - self._running[1] > self.stall:
            self._abandon(f"{self.name} did not finish a job within {self.stall:g} s")
        elif self._thread is not None and not self._thread.is_alive() and not self._closed:  # a fork takes none along
            self._abandon(f"the worker of {self.name} died")

    def _abandon(self, what: str) -> None:
        """Leave the thread behind, and fail everything that it was doing or would have done."""
        lost, self._queue = self._queue, []
        if self._running is not None:
            lost.append(self._running[0])
        self._thread = self._running = None
        self._count("replaced")
        self._count("failed", len(lost))
        for job in lost:
            _fail(job.future, WorkerError(f"{what}. Its worker is replaced: ask again."))

    def _run(self) -> None:
        me = threading.current_thread()
        _give_way()
        try:
            while (job := self._next(me)) is not None:
                self._do(me, job)
        finally:
            # Also for what no job may raise, a SystemExit or an error thrown into the thread: nobody waits for nothing.
            with self._wake:
                if self._thread is me and (self._running is not None or not self._closed):
                    self._abandon(f"the worker of {self.name} died")

    def _next(self, me: threading.Thread) -> _Job | None:
        """Wait for the job that is due first. None when this thread is to end."""
        with self._wake:
            while self._thread is me:
                while self._queue:
                    job = heapq.heappop(self._queue)
                    if job.future.set_running_or_notify_cancel():
                        now = time.monotonic()
                        self._waits.append(now - job.asked)
                        self._running = job, now
                        return job
                    self._count("cancelled")
                if self._closed:
                    return None
                self._wake.wait()
            return None

    def _do(self, me: threading.Thread, job: _Job) -> None:
        try:
            result = job.call()
        except Exception as error:
            if self._finish(me, "failed"):
                _fail(job.future, error)
        else:
            if self._finish(me, "done"):
                job.future.set_result(result)

    def _finish(self, me: threading.Thread, outcome: str) -> bool:
        """Note the end of the running job. False if this thread was given up meanwhile."""
        with self._wake:
            if self._thread is not me or self._running is None:
                return False
            self._runs.append(time.monotonic() - self._running[1])
            self._running = None
            self._count(outcome)
            return True

    def _count(self, what: str, number: int = 1) -> None:
        self._counts = replace(self._counts, **{what: getattr(self._counts, what) + number})


class _View(Executor):
    """A worker, as one of its users sees it."""

    def __init__(self, worker: Worker, owner: object, slack: float) -> None:
        self._worker = worker
        self._owner = owner
        self._slack = slack

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return self._worker._submit(lambda: fn(*args, **kwargs), self._slack, self._owner)


def _give_way() -> None:
    """Have this thread go behind others of the process, where threads have priorities of their own."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + NICE)


def _fail(future: Future[Any], error: BaseException) -> None:
    if future.running() or future.set_running_or_notify_cancel():
        future.set_exception(error)


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0.0
