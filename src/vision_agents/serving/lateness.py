"""The lateness of pulled frames: for each call against a clock of its own, for the process as a distribution.

A frame is due 20 ms after the one before. Whatever keeps the event loop busy makes it later, so this is the one figure
that says whether a process keeps up with its calls.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate

from vision_agents.core.edge import FRAME_SECONDS

WINDOW = 10
"""Seconds over which the process is judged."""

FEWEST = 500
"""Frames that are judged at least: as many as one call has in the window. Where there are fewer, the others count as in
time: a call that begins is no sign of a process that is late."""

# Who is so late when a frame is pulled, and waits as long before the next one, leaves out what is due: nearly a frame,
# as whole ones are left out. Where many calls make up for frames in turn, less lies between two of one call.
LEFT_OUT = 0.9 * FRAME_SECONDS

# Stretches of a second, and how many of them what one stall made late lies in at most, wherever in one it began; beyond
# that it is a process that does not keep up.
_STRETCHES = 5
_STALL = 3

# The share of a constant offset that is forgotten with each frame: clocks of calls do not run like ours.
FORGET = 0.01

# Upper ends of the classes that latenesses are counted in, in seconds: 0.25 ms and up, each a sixth longer.
EDGES = tuple(0.00025 * 1.1667**step for step in range(52))


@dataclass(slots=True)
class _Stretch:
    """The frames of a fifth of a second, or of that part of it with so many calls, counted by their lateness."""

    number: int
    calls: int
    counts: list[int] = field(default_factory=lambda: [0] * (len(EDGES) + 1))


class Lateness:
    """The latenesses of the last `WINDOW` seconds. Reads no clock: `now` is in seconds and never decreases.

    Frames that were late with many calls say nothing of fewer, so with each goes how many calls there were.
    """

    def __init__(self) -> None:
        self.worst = 0.0
        self._stretches: deque[_Stretch] = deque()

    def forget(self) -> None:
        """Forget all frames but the worst: the calls that they were of are over."""
        self._stretches.clear()

    def add(self, now: float, late: float, calls: int = 0) -> None:
        """Count a frame that was `late` seconds late, when there were so many calls."""
        number = int(now * _STRETCHES)
        latest = self._stretches[-1] if self._stretches else None
        if latest is None or latest.number != number or latest.calls != calls:
            self._forget_old(number)
            latest = _Stretch(number, calls)
            self._stretches.append(latest)
        latest.counts[bisect_left(EDGES, late)] += 1
        self.worst = max(self.worst, late)

    def quantile(self, now: float, share: float, seconds: int = WINDOW, calls: float = math.inf) -> float:
        """The lateness that `share` of the frames of the last `seconds` kept, of `FEWEST` at least; 0 for none.

        `calls`: of frames with no more calls than these.
        """
        return _quantile(_summed(self._counted(now, seconds, calls)), share)

    def lasting(self, now: float, share: float, seconds: int = WINDOW, calls: float = math.inf) -> float:
        """The same without the `_STALL` stretches in a row that were worst: what one stall made late does not count."""
        counted = self._counted(now, seconds, calls)
        whole = _summed(counted)
        stalls = (range(number, number + _STALL) for number in {each.number for each in counted})
        without = (_difference(whole, _summed(each for each in counted if each.number in stall)) for stall in stalls)
        return min((_quantile(counts, share) for counts in without), default=0.0)

    def _counted(self, now: float, seconds: int, calls: float) -> list[_Stretch]:
        number = int(now * _STRETCHES)
        self._forget_old(number)
        first = number - min(seconds, WINDOW) * _STRETCHES
        return [each for each in self._stretches if each.number > first and each.calls <= calls]

    def _forget_old(self, number: int) -> None:
        while self._stretches and self._stretches[0].number <= number - WINDOW * _STRETCHES:
            self._stretches.popleft()


def _summed(stretches: Iterable[_Stretch]) -> list[int]:
    return [sum(each) for each in zip(*(stretch.counts for stretch in stretches), strict=True)]


def _difference(whole: list[int], part: list[int]) -> list[int]:
    return [count - taken for count, taken in zip(whole, part, strict=True)]


def _quantile(counts: list[int], share: float) -> float:
    total = sum(counts)
    if not total:
        return 0.0
    counts[0] += max(0, FEWEST - total)
    sums = list(accumulate(counts))
    found = bisect_left(sums, share * sums[-1])
    return EDGES[min(found, len(EDGES) - 1)]


class PullClock:
    """The clock of one call: `tick` is called with each pull, and tells how late it was.

    After a stall an edge makes up for frames at once, or leaves them out. So a frame for which it has waited, although
    one was due all the while, is not late by those before it.
    """

    def __init__(self, clock: Callable[[], float], tell: Callable[[float, float], None]) -> None:
        self._clock = clock
        self._tell = tell
        # When the last frame was pulled, and how late.
        self._last: float | None = None
        self._late = 0.0

    def tick(self) -> None:
        """A frame is pulled now."""
        now = self._clock()
        if self._last is not None:
            passed = now - self._last
            behind = self._late * (1.0 - FORGET)
            if behind >= LEFT_OUT and passed > LEFT_OUT:
                behind = 0.0
            self._late = max(0.0, behind + passed - FRAME_SECONDS)
        self._last = now
        self._tell(now, self._late)
