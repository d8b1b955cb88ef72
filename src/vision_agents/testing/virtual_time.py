"""An asyncio event loop whose clock jumps, so that a test of minutes of talk runs in milliseconds.

The rules of time here:

* ``loop.time()`` starts at 0.0 and moves only when nothing is ready to run: it then jumps exactly to the next
  timer; timers of the same time fire in the order of their making. A callback takes no time, so
  ``await asyncio.sleep(1e-6)`` means "after all that can happen now has happened".
* A job in an executor (``asyncio.to_thread``, ``run_in_executor``) takes no virtual time either: while one is
  pending the clock stands still and the loop waits for it in real time. Threads that the loop did not start
  are unknown to it: wrap the wait for them in :meth:`VirtualTimeLoop.real_work`.
* Real file descriptors are polled before every jump, without blocking. Both ends of a loopback socket in the
  same loop work; a peer in another process needs :meth:`VirtualTimeLoop.real_work` too.
* What reads the wall clock by itself (``time.monotonic()``, ``time.sleep()``) is not virtual.

A loop that can never go on raises instead of hanging, and says which task waits where.
"""

import asyncio
import heapq
import linecache
import math
import selectors
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import Context
from itertools import count
from types import CodeType
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Ready = list[tuple[selectors.SelectorKey, int]]
Poll = Callable[[float | None], Ready]

PATIENCE = 60.0
"""Real seconds without any sign of life from work outside the loop before it is called stuck."""

IO_GRACE = 1.0
"""Real seconds for which open sockets or pipes may still bring something when nothing else can."""

MAX_STEPS_AT_ONE_TIME = 1_000_000
"""Iterations of the loop without the clock moving before it is called a livelock."""

_SETTLING_STEPS = 100

# Timers within so many seconds are due together; far from 0.0 those that the clock cannot tell apart are.
_RESOLUTION = 1e-9


class VirtualTimeError(Exception):
    """A run in virtual time did not come to a clean end; the message lists the tasks and where they wait."""


class DeadlockError(VirtualTimeError):
    """Nothing is ready, no timer is set, and no outside work is pending: nothing can ever happen again."""


class LivelockError(VirtualTimeError):
    """The loop is always busy and never lets the clock move."""


class TimeLimitError(VirtualTimeError):
    """The run needs more virtual seconds than it was given."""


class LeakedTasksError(VirtualTimeError):
    """The coroutine returned and left tasks behind."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock that jumps; each run on it may take `limit` virtual seconds.

    A run is one call of ``run_until_complete``, so one test, one fixture, or the clean-up after them. It
    raises :class:`DeadlockError`, :class:`LivelockError` or :class:`TimeLimitError` where a real loop hangs.
    """

    _scheduled: list[asyncio.TimerHandle]  # the base class's heap of timers
    _selector: selectors.BaseSelector
    _check_closed: Callable[[], None]

    def __init__(self, *, limit: float = 3600.0) -> None:
        self._now = 0.0
        self._limit = limit
        self._deadline = limit
        self._steps = 0
        self._orders = count()
        self._outside: set[object] = set()
        super().__init__(_JumpingSelector(self._select))
        self._clock_resolution = _RESOLUTION

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    @contextmanager
    def real_work(self) -> Iterator[None]:
        """Keep the clock still in the ``with`` block: something outside is at work and will wake the loop."""
        token = object()
        self._outside.add(token)
        try:
            yield
        finally:
            self._outside.discard(token)

    def run_until_complete(self, future: Any) -> Any:
        self._deadline = self._now + self._limit
        self._steps = 0
        return super().run_until_complete(future)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self._check_closed()
        timer = _Timer(when, callback, args, self, context)
        timer.order = next(self._orders)
        timer._scheduled = True
        heapq.heappush(self._scheduled, timer)
        return timer

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        self._outside.add(future)
        future.add_done_callback(self._outside.discard)
        return future

    async def shutdown_default_executor(self, *args: Any) -> None:
        with self.real_work():  # the base class waits for a thread of its own
            await super().shutdown_default_executor(*args)

    def _select(self, poll: Poll, timeout: float | None) -> Ready:
        """Stand in for ``select``: wait at most `timeout` seconds for I/O, in virtual time."""
        ready = poll(0)
        if ready:
            self._steps = 0
            return ready
        if timeout is not None and timeout <= 0:
            self._steps += 1
            if self._steps > MAX_STEPS_AT_ONE_TIME:
                raise LivelockError(self._report(f"{self._steps} steps of the loop and the clock never moved"))
            return ready
        if self._outside:
            ready = poll(PATIENCE)
            if not ready:
                raise DeadlockError(self._report(f"a thread gave no sign of life for {PATIENCE} real s"))
            return ready
        if timeout is None:
            ready = poll(IO_GRACE) if self._watches_files() else ready
            if not ready:
                raise DeadlockError(self._report("deadlock: nothing is ready, no timer set, no thread at work"))
            return ready
        self._jump()
        return ready

    def _jump(self) -> None:
        when = self._scheduled[0].when()
        if when > self._deadline:
            raise TimeLimitError(self._report(f"not done within {self._limit:g} virtual s"))
        self._now = max(self._now, when)
        self._clock_resolution = max(_RESOLUTION, math.ulp(self._now))
        self._steps = 0

    def _watches_files(self) -> bool:
        return len(self._selector.get_map()) > 1  # the loop's own wake-up pipe is always there

    def _report(self, reason: str) -> str:
        return f"{reason} (virtual time {self._now:.3f} s)\n{describe_tasks(asyncio.all_tasks(self))}"


class _Timer(asyncio.TimerHandle):
    """A timer that comes after those made before it for the same time, as on a real clock."""

    __slots__ = ("order",)
    order: int
    _scheduled: bool

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, _Timer):
            return NotImplemented
        return (self.when(), self.order) < (other.when(), other.order)


class _JumpingSelector(selectors.DefaultSelector):
    """The platform's selector, with the waiting left to the loop."""

    def __init__(self, wait: Callable[[Poll, float | None], Ready]) -> None:
        super().__init__()
        self._wait = wait

    def select(self, timeout: float | None = None) -> Ready:
        return self._wait(super().select, timeout)


def run(coro: Coroutine[Any, Any, T], *, timeout: float = 3600.0, allow_leaks: bool = False) -> T:
    """Run `coro` to its end on a new :class:`VirtualTimeLoop` and return what it returns.

    `timeout` is in virtual seconds. Tasks still alive once `coro` has returned and all that was ready has run
    raise :class:`LeakedTasksError`, unless `allow_leaks`; :class:`VirtualTimeLoop` says what else is raised.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(limit=timeout)) as runner:
        return runner.run(coro if allow_leaks else _without_leaks(coro))


async def _without_leaks(coro: Coroutine[Any, Any, T]) -> T:
    result = await coro
    for _ in range(_SETTLING_STEPS):
        if not _other_tasks():
            return result
        await asyncio.sleep(0)
    raise LeakedTasksError(f"tasks left behind:\n{describe_tasks(_other_tasks())}")


def _other_tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


def describe_tasks(tasks: set[asyncio.Task[Any]]) -> str:
    """One paragraph a task: its name, then its awaits from the outermost to the one it is suspended at."""
    if not tasks:
        return "  (no tasks)"
    return "\n".join(_describe(task) for task in sorted(tasks, key=lambda task: task.get_name()))


def _describe(task: asyncio.Task[Any]) -> str:
    lines = [f"  {task.get_name()}:"]
    for code, line in _awaits(task.get_coro()):
        source = linecache.getline(code.co_filename, line).strip()
        lines.append(f"    {code.co_filename}:{line} in {code.co_qualname}: {source}")
    return "\n".join(lines)


def _awaits(awaitable: Any) -> Iterator[tuple[CodeType, int]]:
    """Follow a suspended coroutine, generator or async generator inwards through what each one awaits."""
    while awaitable is not None:
        for kind in ("cr", "gi", "ag"):
            frame = getattr(awaitable, f"{kind}_frame", None)
            if frame is not None:
                yield frame.f_code, frame.f_lineno
                awaitable = getattr(awaitable, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")
                break
        else:
            return
