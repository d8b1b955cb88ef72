"""The decision in a case, by the effects of the floor, and whether it was expected."""

from __future__ import annotations

from collections.abc import Sequence

from vision_agents.core.floor import effects as fx
from vision_agents.core.trace.records import Fact

from .result import CaseResult, Decision

# The facts of a case from the beginning of the agent's answer on, and when each was, in seconds of the case.
Course = Sequence[tuple[float, Fact]]


def decided(course: Course, state: str, since: float) -> Decision:
    """Return what was decided. `since`: from when on that is because of the sound."""
    commit = next((at for at, fact in course if isinstance(fact, fx.Commit)), None)
    if commit is not None:
        return "early" if commit < since else "yield"
    # Where there was no reply to interrupt, a turn with words is what is given.
    if not _taken(course, since):
        return "ignore"
    return "after" if state in ("answering", "uninterruptible") else "yield"


def expected(case: CaseResult, decision: Decision, course: Course) -> bool:
    """Return whether that was expected of the case, and what was said after a pause was taken."""
    if case.expect == "ignore" and decision == "after":
        return case.may_be_later  # The agent has kept its answer.
    if decision != case.expect:
        return False
    return case.expect != "yield" or case.resumed is None or _taken(course, case.resumed)


def _taken(course: Course, since: float) -> bool:
    return any(at >= since for at, fact in course if isinstance(fact, fx.RecordTurn))
