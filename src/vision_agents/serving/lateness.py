"""The lateness of pulled frames: for each call against a clock of its own, for the process as a distribution.

A frame is due 20 ms after the one before. Whatever keeps the event loop busy makes it later, so this is the one figure
that says whether a process keeps up with its calls.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
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


class Lateness:
    """The latenesses of the last `WINDOW` seconds. Reads no clock: `now` is in seconds and never decreases."""

    def __init__(self) -> None:
        self._counts = [[0] * (len(EDGES) + 1) for _ in range(WINDOW)]
        self._second = 0
        self.worst = 0.0

    def add(self, now: float, late: float) -> None:
        """Count a frame that was `late` seconds late."""
        self._turn(int(now))
        self._counts[self._second % WINDOW][bisect_left(EDGES, late)] += 1
        self.worst = max(self.worst, late)

    def quantile(self, now: float, share: float, seconds: int = WINDOW) -> float:
        """The lateness that `share` of the frames of the last `seconds` kept, of `FEWEST` at least; 0 for none."""
        self._turn(int(now))
        recent = [self._counts[(self._second - ago) % WINDOW] for ago in range(min(seconds, WINDOW))]
        counts = [sum(each) for each in zip(*recent, strict=True)]
        if not any(counts):
            return 0.0
        counts[0] += max(0, FEWEST - sum(counts))
        sums = list(accumulate(counts))
        found = bisect_left(sums, share * sums[-1])
        return EDGES[min(found, len(EDGES) - 1)]

    def _turn(self, second: int) -> None:
        for _ in range(min(second - self._second, WINDOW)):
            self._second += 1
            self._counts[self._second % WINDOW] = [0] * (len(EDGES) + 1)
        self._second = max(self._second, second)


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
