"""Decides whether a process takes one more call: before it is late, and not once it is.

Pure: what is measured comes in, a refusal or nothing comes out.

A count of calls says little: a call costs what its parts cost, and a burst of speech more than silence. So a call is
taken as long as the process keeps its frames' time, its event loop is not late, and processor and memory have room for
it. What was taken in the last seconds has not shown in these figures yet, so it is added by what a call usually costs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .load import Load

# The share of a processor that a call is taken to cost until it was measured, and how fast that is learned.
FIRST_COST = 0.012
LEARNING = 0.05

# Fewer calls than this say nothing of what one costs.
ENOUGH = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits up to which a process takes calls."""

    lateness: float = 0.008
    """Seconds that 99 of 100 frames of the last ten seconds may have been pulled late."""
    loop_lag: float = 0.05
    """Seconds that the event loop may wake up late."""
    cpu: float = 0.85
    """The share of a processor that may be used with the new call."""
    memory: float = 0.9
    """The share of the memory that may be used."""
    sessions: int | None = None
    """Calls at a time, whatever is measured. None for as many as the process can keep up with."""
    starting: int = 64
    """Calls that may be starting at a time."""

    def __post_init__(self) -> None:
        if self.sessions is not None and self.sessions < 1:
            raise ValueError(f"the number of sessions at a time is 1 or more, not {self.sessions}")


def capped(limits: Limits, sessions: int | None) -> Limits:
    """The limits with no more than so many calls at a time."""
    counts = [count for count in (limits.sessions, sessions) if count is not None]
    return replace(limits, sessions=min(counts, default=None))


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of a process: all of them, those that are starting, and those too young to show in what is measured."""

    all: int = 0
    starting: int = 0
    young: int = 0


class Refused(Exception):
    """No further call is taken. `reason`: one word for metrics; `retry_after`: seconds after which it may be."""

    def __init__(self, reason: str, text: str, retry_after: float = 2.0) -> None:
        super().__init__(text)
        self.reason = reason
        self.retry_after = retry_after


class Admission:
    """The judgement of one process."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.cost = FIRST_COST

    def learn(self, load: Load, calls: Calls) -> None:
        """Learn what a call costs from a process that has some. Not while it leaves work out: then they cost less."""
        if load.calls >= ENOUGH and not calls.starting:
            self.cost += LEARNING * (load.cpu / load.calls - self.cost)

    def refusal(self, load: Load, calls: Calls) -> Refused | None:
        """Return why no further call is taken; None if one is."""
        limits = self.limits
        if limits.sessions is not None and calls.all >= limits.sessions:
            return Refused("sessions", f"all {limits.sessions} places are taken")
        if calls.starting >= limits.starting:
            return Refused("starting", f"{calls.starting} calls are starting at this moment", 1.0)
        # With nobody here it is no call of ours that was late, or none that stays.
        if calls.all and load.lateness > limits.lateness:
            return Refused("lateness", f"frames are pulled {load.lateness * 1000:.0f} ms late", 10.0)
        if load.loop_lag > limits.loop_lag:
            return Refused("loop_lag", f"the event loop is {load.loop_lag * 1000:.0f} ms late")
        # With nobody here yet it is not our calls that keep the machine busy: the first is taken.
        expected = load.cpu + (calls.young + 1) * self.cost
        if calls.all and expected > limits.cpu:
            return Refused("cpu", f"the processor is used by {expected:.0%} with one more call")
        if load.memory > limits.memory:
            return Refused("memory", f"{load.memory:.0%} of the memory are used", 10.0)
        return None

    def capacity(self, load: Load, calls: Calls) -> int:
        """Return about how many calls the process can have, those of now included."""
        if self.refusal(load, calls) is not None:
            return calls.all
        room = max(0.0, self.limits.cpu - load.cpu - calls.young * self.cost)
        fitting = calls.all + max(1, int(room / max(self.cost, 1e-4)))
        return fitting if self.limits.sessions is None else min(fitting, self.limits.sessions)
