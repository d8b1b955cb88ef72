"""Cross-validation by source: each source is judged by thresholds that were set without it.

What was heard in a case is run through the floor again with each number in turn at other values: the settings of the
policy, and the constants of the strategies that were set on recordings. For each source that value is taken which is
best on all others; how often it is right on the source is the figure "left out". It tells what part of a result is owed
to thresholds that were set on these very recordings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

from vision_agents.core.floor import Floor, InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.strategies import votes
from vision_agents.core.trace.notes import SessionStarted
from vision_agents.core.trace.records import Fact

from .case import Recorded
from .result import CaseResult


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was set on recordings, and the other values that are tried: of the policy, or a constant of a
    `module` of the floor, which no agent sets."""

    name: str
    values: tuple[float, ...]
    module: str = ""

    @property
    def title(self) -> str:
        return f"{self.module}.{self.name}".removeprefix("strategies.").removeprefix(".")

    @contextmanager
    def at(self, value: float, policy: InterruptionPolicy) -> Iterator[InterruptionPolicy]:
        """Have the number at another value for a while; yields the policy with it."""
        if not self.module:
            yield policy.override({self.name: str(value)})
            return
        module = import_module(f"{_FLOOR}.{self.module}")
        before = getattr(module, self.name)
        try:
            setattr(module, self.name, value)
            votes.cache_clear()
            yield policy
        finally:
            setattr(module, self.name, before)
            votes.cache_clear()


AS_IT_IS = "as it is"

_FLOOR = "vision_agents.core.floor"

TRIED = (
    Number("commit_speech", (0.5, 0.6, 0.9, 1.1)),
    Number("clear_speech", (0.8, 0.9)),
    Number("OVER", (1.25, 2.0), "strategies.length"),
    Number("DOUBT", (0.25, 0.75), "challenger"),
    Number("STEADY", (5.0, 9.0), "strategies.loudness"),
    Number("FARTHEST", (14.0, 18.0), "strategies.loudness"),
    Number("LATER", (-1.0, -0.25), "strategies.loudness"),
    Number("SENTENCE", (2.0, 4.0), "strategies.words"),
    Number("GOES_ON", (1.0, 3.0), "strategies.loudness"),
    Number("BELIEVED", (0.5, 0.7), "strategies.words"),
    Number("CERTAIN", (0.7, 0.8), "strategies.words"),
    Number("UNSURE", (0.0, 0.5, 1.0), "strategies.words"),
    Number("FASTEST", (4.0, 6.0), "strategies.words"),
    Number("FASTEST_IN_ALL", (3.0, 4.5), "strategies.words"),
    Number("PER_BACKCHANNEL", (0.4, 0.6), "strategies.words"),
    Number("ADDRESSING", (3.0, 5.0), "strategies.words"),
    Number("SAME", (0.25, 0.35), "strategies.voice"),
    Number("SUREST", (0.3, 0.42), "strategies.voice"),
)
"""The numbers that decide what is an interruption, each with values on both sides, where both make sense."""

# Deadlines that fall due one after the other without an event between them: more would be a loop.
_DEADLINES = 64


def under(recorded: Recorded) -> dict[str, bool]:
    """Return for each value that is tried, one number at a time, whether the floor decides rightly on what was heard.

    What people did is as it was; what the agent did is, too, as in `what_if`.
    """
    policy = next(InterruptionPolicy(**fact.policy) for fact in _facts(recorded) if isinstance(fact, SessionStarted))
    found = {AS_IT_IS: _is_right(recorded, policy)}
    for number in TRIED:
        for value in number.values:
            with number.at(value, policy) as other:
                found[f"{number.title}={value:g}"] = _is_right(recorded, other)
    return found


def left_out(cases: Sequence[CaseResult]) -> dict[str, bool]:
    """Return for each case, by its id, whether it is right by the value that is best on all other sources."""
    tried = [case for case in cases if case.source and case.under]
    found: dict[str, bool] = {}
    for source in {case.source for case in tried}:
        best = _best([case for case in tried if case.source != source])
        found |= {case.id: case.under[best] for case in tried if case.source == source}
    return found


def _best(cases: Iterable[CaseResult]) -> str:
    """The value with the highest mean over kinds; of equals the first, which is what the number is."""
    kinds: dict[tuple[str, str], list[CaseResult]] = defaultdict(list)
    for case in cases:
        kinds[case.kind, case.expect].append(case)
    names = next((case.under for kind in kinds.values() for case in kind), {AS_IT_IS: True})
    return max(names, key=lambda name: sum(sum(c.under[name] for c in kind) / len(kind) for kind in kinds.values()))


def _is_right(recorded: Recorded, policy: InterruptionPolicy) -> bool:
    """Return whether the floor gives the caller the turn where it should, and only there."""
    scenario = recorded.scenario
    effects = [effect for at, effect in _replayed(recorded, policy) if at >= recorded.began]
    # Without a commit it is answered later.
    given = fx.Commit if scenario.may_be_later else fx.Commit | fx.RecordTurn
    return any(isinstance(effect, given) for effect in effects) == (scenario.expect == "yield")


def _replayed(recorded: Recorded, policy: InterruptionPolicy) -> Iterator[tuple[float, fx.Effect]]:
    """The effects, in seconds of the case; deadlines fall due in their own time."""
    floor = Floor(policy)
    for record in (*recorded.before, *recorded.records):
        event = record.fact
        if not isinstance(event, ev.FloorEvent):
            continue
        start = event.at - record.t
        for at in _due(floor, event.at):
            yield from ((at - start, effect) for effect in floor.handle(ev.TimePassed(at)))
        yield from ((record.t, effect) for effect in floor.handle(event))


def _facts(recorded: Recorded) -> Iterator[Fact | None]:
    return (record.fact for record in (*recorded.before, *recorded.records))


def _due(floor: Floor, until: float) -> Iterator[float]:
    for _ in range(_DEADLINES):
        deadline = floor.deadline
        if deadline is None or deadline >= until:
            return
        yield deadline
