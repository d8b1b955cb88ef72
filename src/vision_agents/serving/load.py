"""The load of a process, measured on its own event loop: lag, processor, memory, and the lateness of frames."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vision_agents.core.tasks import Tasks

from .lateness import Lateness

# Seconds between two looks, and how many looks a figure is made of: two seconds.
INTERVAL = 0.1
LOOKS = 20

# Seconds for which a load is as good as a new one: it is asked for with each start, and files tell of it.
FRESH = 0.02

_PAGE = resource.getpagesize()
_STATM = Path("/proc/self/statm")
_SCHEDULED = Path("/proc/thread-self/schedstat")
# The memory that a container may have, by version 2 and 1 of control groups.
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True, slots=True)
class Load:
    """The load of a process at one moment."""

    lateness: float = 0.0
    """Of 100 frames of the last ten seconds, 99 were pulled at most so late, in seconds; frames of seconds in which
    there were more calls than there would be with another one now do not count."""
    lasting_lateness: float = 0.0
    """The same of the last two seconds without the worst part of one: no single stall shows in it."""
    loop_lag: float = 0.0
    """By how much the event loop woke up late in the last two seconds, in seconds: the second worst of 20 times."""
    cpu: float = 0.0
    """The share of a processor that the event loop's thread uses, or would use if others let it, or of all of them the
    process, whichever is more; over two seconds."""
    calls: float = 0.0
    """Calls at a time in these two seconds, on average."""
    memory: float = 0.0
    """The share of the memory that the process may have."""
    rss: int = 0
    """The memory that it has, in bytes."""


class LoadMeter:
    """Looks at the process ten times a second while it runs.

    Args:
        calls: tells how many calls there are.
        looked: called after each look, on the event loop.
    """

    def __init__(self, calls: Callable[[], int], looked: Callable[[], None]) -> None:
        self.lateness = Lateness()
        self._calls, self._looked = calls, looked
        self._tasks = Tasks()
        self.forget()
        self._memory = memory_limit()
        self._processors = processors()

    def forget(self) -> None:
        """Forget what was measured: the calls that it was of are over, and say nothing of those that come."""
        self.lateness.forget()
        self._lags: deque[float] = deque([0.0], maxlen=LOOKS)
        # Times of the loop's clock, this thread's and the process's, and the calls.
        self._times: deque[tuple[float, float, float, int]] = deque(maxlen=LOOKS + 1)
        self._told, self._told_at, self._told_of = Load(), float("-inf"), 0

    def pulled(self, now: float, late: float) -> None:
        """A frame was pulled `late` seconds late."""
        self.lateness.add(now, late, self._calls())

    def start(self) -> None:
        """Begin to look."""
        self._tasks.spawn(self._run(), "load meter")

    async def close(self) -> None:
        """Look no more."""
        await self._tasks.close()

    def load(self, age: float = FRESH) -> Load:
        """The load of now, or of so many seconds ago unless calls have ended since. Call it on the event loop."""
        now, calls = asyncio.get_running_loop().time(), self._calls()
        if now - self._told_at >= age or calls < self._told_of:
            self._told, self._told_at, self._told_of = self._measure(now), now, calls
        return self._told

    def _measure(self, now: float) -> Load:
        rss = resident()
        calls = self._calls() + 1
        return Load(
            lateness=self.lateness.quantile(now, 0.99, calls=calls),
            lasting_lateness=self.lateness.lasting(now, 0.99, seconds=2, calls=calls),
            loop_lag=sorted(self._lags)[-2:][0],
            cpu=self._cpu(),
            calls=sum(calls for *_, calls in self._times) / max(1, len(self._times)),
            memory=rss / self._memory,
            rss=rss,
        )

    def _cpu(self) -> float:
        if len(self._times) < 2:
            return 0.0
        (start, thread, process, _), (end, thread_end, process_end, _) = self._times[0], self._times[-1]
        passed = max(end - start, 1e-6)
        return max((thread_end - thread) / passed, (process_end - process) / passed / self._processors)

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + INTERVAL
            await asyncio.sleep(INTERVAL)
            now = clock()
            self._lags.append(max(0.0, now - due))
            self._times.append((now, time.thread_time() + waited(), time.process_time(), self._calls()))
            self._looked()


def waited() -> float:
    """Seconds that this thread was ready to run, and others ran: on a shared processor it wants more than it gets."""
    try:
        return int(_SCHEDULED.read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def resident() -> int:
    """The memory that this process has, in bytes; where the system does not tell, the most that it ever had."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def memory_limit() -> int:
    """The memory that this process may have, in bytes: the machine's, or its container's."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _LIMITS:
        try:
            limits.append(int(path.read_text()))
        except (OSError, ValueError):
            continue  # There is no such file, or it says "max".
    return max(1, min(limits))


def processors() -> int:
    """The processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
