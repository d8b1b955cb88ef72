"""Decides cases again on what was heard in them: by the floor as it is now, under any policy.

That is exact up to the first moment at which the floor does something else than it did. What people said stays as it
was from there on, though the agent would have said more, or less: what is decided then is an approximation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

from vision_agents.core.floor import Floor, InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.trace.notes import SessionStarted, UserTranscript
from vision_agents.core.trace.records import Record
from vision_agents.core.trace.replay import TOLERANCE, policy_of, rerun

from .decision import decided, expected
from .result import CaseResult

Effects = list[tuple[float, fx.Effect]]

# What an effect does not ask for: why it is, and by which numbers replies, turns and epochs go.
_BESIDE = frozenset(("reason", "evidence", "epoch", "reply", "turn", "within"))


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
    commit = _commit(course)
    reason = commit[1].reason if commit is not None else _reason(course)
    right = expected(case, decision, course)
    again = replace(case, decision=decision, right=right, reason=reason, decided_by=None)
    # Whether what was said after a pause is taken, is decided after the commit.
    return Again(again, exact=commit is not None and commit[0] <= parted and case.resumed is None)


def is_right(case: CaseResult, records: Sequence[Record], policy: InterruptionPolicy) -> bool:
    """Return whether the floor decides the case rightly under this policy."""
    course = _since(effects_of(records, policy), case.began)
    return expected(case, decided(course, case.state, case.since), course)


def is_trace_of(case: CaseResult, records: Sequence[Record], settings: Mapping[str, str]) -> bool:
    """Return whether a trace is that of the case as it ran under these settings of the policy.

    It is by the policy, the decision and its reason, and the words that were heard. Raises ValueError for settings that
    there are not.
    """
    policy, course = recorded_policy(records), _since(_recorded(records), case.began)
    commit, words = _commit(course), case.evidence.get("words")
    return (
        policy == policy.override(dict(settings))
        and decided(course, case.state, case.since) == case.decision
        and (commit is None or case.reason in ("", commit[1].reason))
        and (words is None or [text for _, _, text, _ in words] == _words(records, case.began))
    )


def recorded_policy(records: Sequence[Record]) -> InterruptionPolicy:
    """The policy under which the case ran."""
    return policy_of(_session(records))


def effects_of(records: Sequence[Record], policy: InterruptionPolicy) -> Effects:
    """Return all that the floor does on the recorded events, in seconds of the case; by the words that it has today."""
    session = _session(records)
    floor = Floor(policy, answers=session.answers, apology=session.apology)
    events = ((record.t, record.fact) for record in records if isinstance(record.fact, ev.FloorEvent))
    return list(rerun(floor, events, max(record.t for record in records)))


def _session(records: Sequence[Record]) -> SessionStarted:
    return next(record.fact for record in records if isinstance(record.fact, SessionStarted))


def _recorded(records: Sequence[Record]) -> Effects:
    return [(record.t, record.fact) for record in records if isinstance(record.fact, fx.Effect)]


def _since(effects: Effects, began: float) -> Effects:
    return [(at, effect) for at, effect in effects if at >= began]


def _parted(before: Effects, now: Effects) -> float | None:
    """The first moment at which the two differ in what is done; None if they do not."""
    for (then, was), (at, effect) in zip(before, now, strict=False):
        if not _same(was, effect) or abs(then - at) > TOLERANCE:
            return min(then, at)
    rest = [*before[len(now) :], *now[len(before) :]]
    return rest[0][0] if rest else None


def _same(was: fx.Effect, now: fx.Effect) -> bool:
    """Return whether both ask for the same."""
    if type(was) is not type(now):
        return False
    asked = (field.name for field in fields(was) if field.name not in _BESIDE)
    return all(_alike(getattr(was, name), getattr(now, name)) for name in asked)


def _alike(was: object, now: object) -> bool:
    # Seconds of silence are as late as the timer.
    if isinstance(was, float) and isinstance(now, float):
        return abs(was - now) <= TOLERANCE
    return was == now


def _commit(course: Effects) -> tuple[float, fx.Commit] | None:
    return next(((at, effect) for at, effect in course if isinstance(effect, fx.Commit)), None)


def _words(records: Sequence[Record], began: float) -> list[str]:
    return [record.fact.text for record in records if record.t >= began and isinstance(record.fact, UserTranscript)]


def _reason(course: Effects) -> str:
    resume = next((effect for _, effect in reversed(course) if isinstance(effect, fx.Resume)), None)
    return resume.reason if resume is not None else "no reply was held for it"
