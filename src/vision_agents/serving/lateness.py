"""The lateness of pulled frames: for each call against a clock of its own, for the process as a distribution.

A frame is due 20 ms after the one before. Whatever keeps the event loop busy makes it later, so this is the one figure
that says whether a process keeps up with its calls.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate

from vision_agents.core.edge import FRAME_SECONDS

WINDOW = 10
"""Seconds over which the process is judged."""

FEWEST = 500
"""Frames that are judged at least: as many as one call has in the window. Where there are fewer, the others count as in
time: a call that begins is no sign of a process that is late."""

# A frame as late as this was left out, or the call stood still: the next one is due from here.
LOST = 0.2

# The share of a constant offset that is forgotten with each frame: clocks of calls do not run like ours.
FORGET = 0.01

# Upper ends of the classes that latenesses are counted in, in seconds: 0.25 ms and up, each a sixth longer.
EDGES = tuple(0.00025 * 1.1667**step for step in range(52))


@dataclass(slots=True)
class _Stretch:
    """The frames of a second, or of that part of it in which there were so many calls, counted by their lateness."""

    second: int
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
        second = int(now)
        latest = self._stretches[-1] if self._stretches else None
        if latest is None or latest.second != second or latest.calls != calls:
            self._forget_before(second)
            latest = _Stretch(second, calls)
            self._stretches.append(latest)
        latest.counts[bisect_left(EDGES, late)] += 1
        self.worst = max(self.worst, late)

    def quantile(self, now: float, share: float, seconds: int = WINDOW, calls: float = math.inf) -> float:
        """The lateness that `share` of the frames of the last `seconds` kept, of `FEWEST` at least; 0 for none.

        `calls`: of frames with no more calls than these.
        """
        self._forget_before(int(now))
        first = int(now) - min(seconds, WINDOW)
        counted = [each.counts for each in self._stretches if each.second > first and each.calls <= calls]
        if not counted:
            return 0.0
        counts = [sum(each) for each in zip(*counted, strict=True)]
        counts[0] += max(0, FEWEST - sum(counts))
        sums = list(accumulate(counts))
        found = bisect_left(sums, share * sums[-1])
        return EDGES[min(found, len(EDGES) - 1)]

    def _forget_before(self, second: int) -> None:
        while self._stretches and self._stretches[0].second <= second - WINDOW:
            self._stretches.popleft()


class PullClock:
    """The clock of one call: `tick` is called with each pull, and tells how late it was."""

    def __init__(self, clock: Callable[[], float], tell: Callable[[float, float], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._due: float | None = None

    def tick(self) -> None:
        """A frame is pulled now."""
        now = self._clock()
        late = 0.0 if self._due is None else now - self._due
        self._tell(now, max(0.0, late))
        if late < 0.0 or late > LOST or self._due is None:
            self._due = now + FRAME_SECONDS
        else:
            self._due += FRAME_SECONDS + FORGET * late
