"""Decides cases again on what was heard in them: by the floor as it is now, under any policy.

That is exact up to the first moment at which the floor does something else than it did. What people said stays as it
was from there on, though the agent would have said more, or less: what is decided then is an approximation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vision_agents.core.floor import Floor, InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.trace.notes import SessionStarted
from vision_agents.core.trace.records import Record

from .decision import decided, expected
from .result import CaseResult

# Seconds by which an effect may come at another time and still be the same: clocks tick a little late.
_LATE = 0.05

# Deadlines that fall due one after the other without an event between them: more would be a loop.
_DEADLINES = 64

Effects = list[tuple[float, fx.Effect]]


@dataclass(frozen=True, slots=True)
class Again:
    """A case that was decided again. `exact`: the decision rests on nothing that would have come otherwise."""

    case: CaseResult
    exact: bool


def decide_again(case: CaseResult, records: Sequence[Record], settings: Mapping[str, str] | None = None) -> Again:
    """Decide a case again. `records`: its trace; `settings`: of the policy, as texts, beside those of the trace.

    Of a case that goes as it did, all is as it was; of another one the decision is new, and the times are the old ones.
    """
    effects = effects_of(records, recorded_policy(records).override(dict(settings or {})))
    parted = _parted(_since(_recorded(records), case.began), _since(effects, case.began))
    if parted is None:
        return Again(case, exact=True)
    course = _since(effects, case.began)
    decision = decided(course, case.state, case.since)
    commit = next(((at, effect) for at, effect in course if isinstance(effect, fx.Commit)), None)
    reason = commit[1].reason if commit is not None else _reason(course)
    right = expected(case, decision, course)
    again = replace(case, decision=decision, right=right, reason=reason, decided_by=None)
    return Again(again, exact=commit is not None and commit[0] <= parted)


def is_right(case: CaseResult, records: Sequence[Record], policy: InterruptionPolicy) -> bool:
    """Return whether the floor decides the case rightly under this policy."""
    course = _since(effects_of(records, policy), case.began)
    return expected(case, decided(course, case.state, case.since), course)


def recorded_policy(records: Sequence[Record]) -> InterruptionPolicy:
    """The policy under which the case ran."""
    return next(
        InterruptionPolicy(**record.fact.policy) for record in records if isinstance(record.fact, SessionStarted)
    )


def effects_of(records: Sequence[Record], policy: InterruptionPolicy) -> Effects:
    """Return all that the floor does on the recorded events, in seconds of the case; deadlines are due in time."""
    floor, effects = Floor(policy), Effects()
    for record in records:
        event = record.fact
        if not isinstance(event, ev.FloorEvent):
            continue
        start = event.at - record.t
        for at in _due(floor, event.at):
            effects += ((at - start, effect) for effect in floor.handle(ev.TimePassed(at)))
        effects += ((record.t, effect) for effect in floor.handle(event))
    return effects


def _due(floor: Floor, until: float) -> Iterator[float]:
    for _ in range(_DEADLINES):
        deadline = floor.deadline
        if deadline is None or deadline >= until:
            return
        yield deadline


def _recorded(records: Sequence[Record]) -> Effects:
    return [(record.t, record.fact) for record in records if isinstance(record.fact, fx.Effect)]


def _since(effects: Effects, began: float) -> Effects:
    return [(at, effect) for at, effect in effects if at >= began]


def _parted(before: Effects, now: Effects) -> float | None:
    """The first moment at which the two differ in what is done; None if they do not."""
    for (then, was), (at, effect) in zip(before, now, strict=False):
        if type(was) is not type(effect) or abs(then - at) > _LATE:
            return min(then, at)
    rest = [*before[len(now) :], *now[len(before) :]]
    return rest[0][0] if rest else None


def _reason(course: Effects) -> str:
    resume = next((effect for _, effect in reversed(course) if isinstance(effect, fx.Resume)), None)
    return resume.reason if resume is not None else "no reply was held for it"
