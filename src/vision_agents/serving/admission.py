"""Decides whether a process takes one more call: before it is late, and not once it is.

Pure: what is measured comes in, a refusal or nothing comes out.

A count of calls says little: a call costs what its parts cost, and a burst of speech more than silence. So a call is
taken as long as the process keeps its frames' time, its event loop is not late, and processor and memory have room for
it. But two seconds of these figures do not tell what a call will use: where models are local it is answers that cost,
in its first seconds nobody has asked anything, and at times many are silent. So each counts at least at what one
usually costs while people talk in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from vision_agents.core.settings import check_number

from .load import Load

# The share of a processor that a call is taken to cost until it was measured, if only its ears compute here.
FIRST_COST = 0.012

# The same for each byte of the networks that compute here, on one processor: work goes by weights. Those of a call with
# all parts local have 210 MB, and it takes 0.19 of one.
BYTE_COST = 0.9e-9

# A cost is an average over so many call-seconds, looked at each half a second. A guess counts for `GUESSED` of them.
LOOK = 0.5
REMEMBERED = 600.0
GUESSED = 120.0

# Seconds without speech, of the caller or of the agent, after which a call is silent: more than a pause between turns
# usually takes. What it uses then says nothing of what it will when people go on.
SILENT = 5.0

# How fast it is learned that a process uses less without calls. That it uses more is learned as slowly as costs are
# forgotten: it may be done with what it does now, and while there are calls it cannot be told from them.
LEARNING = 0.05

# From this share of a processor on nothing is left to use: what is used is less than what calls cost.
FULL = 0.95


def first_cost(networks: float, processors: float) -> float:
    """The share of a processor that a call is taken to cost until it was measured, by the bytes of its networks."""
    return max(FIRST_COST / min(1.0, processors), BYTE_COST * networks / processors)


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
        check_number("lateness", self.lateness, 0.0)
        check_number("loop_lag", self.loop_lag, 0.0)
        check_number("cpu", self.cpu, above=0.0)
        check_number("memory", self.memory, above=0.0)
        check_number("sessions", self.sessions, 1, whole=True, optional=True)
        check_number("starting", self.starting, 1, whole=True)


def capped(limits: Limits, sessions: int | None) -> Limits:
    """The limits with no more than so many calls at a time."""
    counts = [count for count in (limits.sessions, sessions) if count is not None]
    return replace(limits, sessions=min(counts, default=None))


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of a process."""

    all: int = 0
    starting: int = 0
    young: int = 0
    """Those that do not show in what is measured."""
    recent: int = 0
    """Those that may not have cost yet what they will: the young ones, and others that have just begun."""
    leaving: int = 0
    """Those of all that end for a new one. What they cost is still measured."""
    silent: int = 0
    """Those in which nobody has spoken for `SILENT`, without recent ones."""

    @property
    def settled(self) -> int:
        """Those that have cost what they will."""
        return max(0, self.all - self.recent)

    @property
    def staying(self) -> int:
        """Those that are there besides a new one."""
        return max(0, self.all - self.leaving)


class Refused(Exception):
    """No further call is taken. `reason`: one word for metrics; `retry_after`: seconds after which it may be."""

    def __init__(self, reason: str, text: str, retry_after: float = 2.0) -> None:
        super().__init__(text)
        self.reason = reason
        self.retry_after = retry_after


class Cost:
    """The share of a processor that a call takes, on average: a guess at first, and learned from then on."""

    def __init__(self, guess: float) -> None:
        self.value = guess
        self._known = GUESSED

    def learn(self, value: float, seconds: float) -> None:
        """It was `value` for so many call-seconds."""
        self._known = min(REMEMBERED, self._known + seconds)
        self.value += min(1.0, seconds / self._known) * (value - self.value)


class Admission:
    """The judgement of one process. `cost`: the share of a processor that a call is taken to cost until it is known."""

    def __init__(self, limits: Limits, cost: float = FIRST_COST) -> None:
        self.limits = limits
        self.guess(cost)
        self._idle = 0.0

    def guess(self, cost: float) -> None:
        """Begin anew with a guess of what a call costs."""
        self._talk, self._silence = Cost(cost), Cost(min(cost, FIRST_COST))

    @property
    def cost(self) -> float:
        """The share of a processor that a call in which people talk is taken to cost."""
        return self._talk.value

    def learn(self, load: Load, calls: Calls) -> None:
        """Learn what a call costs; each half a second. Not while the process leaves work out: then they cost less."""
        if not calls.all and not load.calls:
            pace = LOOK / REMEMBERED if load.cpu > self._idle else LEARNING
            self._idle += pace * (load.cpu - self._idle)
            return
        # The more of them have just begun, the less it says: those have started only, and were asked nothing. Who has
        # left meanwhile did no more.
        known = min(load.calls, calls.all) - calls.recent
        if known <= 0.0 or calls.starting:
            return
        used, silent = max(0.0, load.cpu - self._idle), min(calls.silent, known)
        talking, talk, silence = load.calls - silent, self._talk.value, self._silence.value
        # What both kinds use together is known: so each is learned from what the other one leaves of it.
        if known > silent:
            cost = max(0.0, used - silent * silence) / talking
            if load.cpu <= FULL or cost >= talk:
                self._talk.learn(cost, (known - silent) ** 2 / load.calls * LOOK)
        if silent:
            cost = min(talk, max(0.0, used - talking * talk) / silent)
            if load.cpu <= FULL or cost >= silence:
                self._silence.learn(cost, silent**2 / load.calls * LOOK)

    def refusal(self, load: Load, calls: Calls) -> Refused | None:
        """Return why no further call is taken; None if one is."""
        limits = self.limits
        if limits.sessions is not None and calls.staying >= limits.sessions:
            return Refused("sessions", f"all {limits.sessions} places are taken")
        if calls.starting >= limits.starting:
            return Refused("starting", f"{calls.starting} calls are starting at this moment", 1.0)
        # With nobody here it is no call of ours that was late, or none that stays.
        if calls.staying and load.lateness > limits.lateness:
            return Refused("lateness", f"frames are pulled {load.lateness * 1000:.0f} ms late", 10.0)
        if load.loop_lag > limits.loop_lag:
            return Refused("loop_lag", f"the event loop is {load.loop_lag * 1000:.0f} ms late")
        # With nobody here yet it is not our calls that keep the machine busy: the first is taken.
        expected = self._expected(load, calls) + self.cost
        if calls.staying and expected > limits.cpu:
            return Refused("cpu", f"the processor is used by {expected:.0%} with one more call")
        if load.memory > limits.memory:
            return Refused("memory", f"{load.memory:.0%} of the memory are used", 10.0)
        return None

    def capacity(self, load: Load, calls: Calls) -> int:
        """Return about how many calls the process can have, those of now included."""
        if self.refusal(load, calls) is not None:
            return calls.all
        room = max(0.0, self.limits.cpu - self._expected(load, calls))
        fitting = calls.all + max(1, int(room / max(self.cost, 1e-4)))
        return fitting if self.limits.sessions is None else min(fitting, self.limits.sessions)

    def _expected(self, load: Load, calls: Calls) -> float:
        """The share of a processor that the calls which stay will use, and others do who have no right to it."""
        # Whoever has been there for a while may be silent just now, and will be answered again.
        settled = max(calls.settled / max(1, calls.all) * load.cpu, calls.settled * self.cost)
        there = max(load.cpu + calls.young * self.cost, settled + calls.recent * self.cost)
        return there - calls.leaving * self.cost + load.others
