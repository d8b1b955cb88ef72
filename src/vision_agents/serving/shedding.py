"""Decides what a process leaves out when it is late all the same: one thing after the other, and never the hold.

Pure: `update` is told how late frames have been for a while, and returns what is left out from now on.
"""

from __future__ import annotations

import math

from vision_agents.core.shed import Shed

# Seconds late, of 99 in 100 frames, from which on something is left out, and below which it comes back.
LATE = 0.010
IN_TIME = 0.004

# Seconds until the next thing is left out, if that did not help, and until one comes back.
NEXT = 2.0
BACK = 10.0

# What the log says of a level that is reached, and of one that is left.
LEFT_OUT = {
    Shed.TURN_MODEL: "no model judges the ends of turns, silence does",
    Shed.PARTIAL_TRANSCRIPTS: "there are no partial transcripts, and silence ends turns",
}
BROUGHT_BACK = {
    Shed.NOTHING: "nothing is left out any more",
    Shed.TURN_MODEL: "there are partial transcripts again; silence still ends turns",
}


class Shedding:
    """The level of what is left out, and its changes. `now` is in seconds and never decreases."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Leave nothing out, as at the beginning: the calls for which it was are over."""
        self.level = Shed.NOTHING
        # The calls for which something had to be left out.
        self._too_many = math.inf
        self._since = float("-inf")
        self._in_time_since: float | None = None

    @property
    def most(self) -> float:
        """The most calls there may be: fewer than those for which something is left out now, or was just."""
        return self._too_many - 1

    def update(self, now: float, lateness: float, calls: int = 0) -> Shed:
        """Judge the last two seconds, with so many calls at their end; a single stall is not to be among them."""
        if lateness > LATE:
            self._in_time_since = None
            if now - self._since >= NEXT and self.level < max(Shed):
                self._too_many = calls
                self._change(now, Shed(self.level + 1))
        elif lateness > IN_TIME:
            self._in_time_since = None
        else:
            if self._in_time_since is None:
                self._in_time_since = now
            if now - max(self._in_time_since, self._since) >= BACK:
                if self.level > Shed.NOTHING:
                    self._change(now, Shed(self.level - 1))
                else:
                    # Until now what came back last had not shown in what is measured.
                    self._too_many = math.inf
        return self.level

    def _change(self, now: float, level: Shed) -> None:
        self.level, self._since = level, now
