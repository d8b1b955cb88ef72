"""The load of a process and its workers, measured on its event loop: lag, processor, memory, lateness of frames."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from vision_agents.core.tasks import Tasks

from .lateness import Lateness
from .node import Node, Part
from .usage import WorkerUsage, memory_limit, processors, resident, waited

# Seconds between two looks, and how many looks a figure is made of: two seconds.
INTERVAL = 0.1
LOOKS = 20

# Seconds for which a load is as good as a new one: it is asked for with each start, and files tell of it.
FRESH = 0.02


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
    process with all its threads and workers, whichever is more; over two seconds."""
    others: float = 0.0
    """By how much of this process's part of its node others use more than theirs, as a share of it."""
    calls: float = 0.0
    """Calls at a time in these two seconds, on average."""
    memory: float = 0.0
    """The share of the memory that the process and its workers may have; of a node that others are on, with theirs."""
    rss: int = 0
    """The memory that they have, in bytes."""


class LoadMeter:
    """Looks at the process ten times a second while it runs.

    Args:
        calls: tells how many calls there are.
        looked: called after each look, on the event loop.
        part: what the process may use of its node; None if it has all of it to itself.
    """

    def __init__(self, calls: Callable[[], int], looked: Callable[[], None], part: Part | None = None) -> None:
        self.lateness = Lateness()
        self.processors = processors() if part is None else part.processors
        self._node = None if part is None else Node()
        self._calls, self._looked = calls, looked
        self._tasks = Tasks()
        self.forget()
        self._workers = WorkerUsage()
        self._memory = memory_limit()

    def forget(self) -> None:
        """Forget what was measured: the calls that it was of are over, and say nothing of those that come."""
        self.lateness.forget()
        self._lags: deque[float] = deque([0.0], maxlen=LOOKS)
        # Times of the loop's clock, this thread's, the process's with its workers', and the node's, and the calls.
        self._times: deque[tuple[float, float, float, float | None, int]] = deque(maxlen=LOOKS + 1)
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
        rss = resident() + self._workers.memory
        calls = self._calls() + 1
        return Load(
            lateness=self.lateness.quantile(now, 0.99, calls=calls),
            lasting_lateness=self.lateness.lasting(now, 0.99, seconds=2, calls=calls),
            loop_lag=sorted(self._lags)[-2:][0],
            cpu=self._cpu(),
            others=self._others(),
            calls=sum(calls for *_, calls in self._times) / max(1, len(self._times)),
            memory=max(rss / self._memory, 0.0 if self._node is None else self._node.memory()),
            rss=rss,
        )

    def _cpu(self) -> float:
        if len(self._times) < 2:
            return 0.0
        (start, thread, process, *_), (end, thread_end, process_end, *_) = self._times[0], self._times[-1]
        passed = max(end - start, 1e-6)
        return max((thread_end - thread) / passed, (process_end - process) / passed / self.processors)

    def _others(self) -> float:
        if self._node is None or len(self._times) < 2:
            return 0.0
        (start, _, process, node, _), (end, _, process_end, node_end, _) = self._times[0], self._times[-1]
        if node is None or node_end is None:
            return 0.0
        theirs = (node_end - node - (process_end - process)) / max(end - start, 1e-6)
        return max(0.0, theirs - max(0.0, self._node.processors - self.processors)) / self.processors

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + INTERVAL
            await asyncio.sleep(INTERVAL)
            now = clock()
            self._lags.append(max(0.0, now - due))
            self._workers.look()
            spent = time.process_time() + self._workers.seconds
            node = None if self._node is None else self._node.seconds()
            self._times.append((now, time.thread_time() + waited(), spent, node, self._calls()))
            self._looked()
