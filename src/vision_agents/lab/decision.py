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


def expected(case: CaseResult, decision: Decision, course: Course, finished: bool | None = None) -> bool:
    """Return whether that was expected of the case.

    Also what was said after a pause has to be taken, and what may not be interrupted to be heard to its end and then
    answered. `finished`: whether that was to be heard; None where there is no sound, but the course alone.
    """
    if decision == "after":
        if case.expect == "ignore":
            return case.may_be_later  # The agent has kept its answer.
        return case.expect == "after" and (_finished(course) if finished is None else finished)
    if decision != case.expect:
        return False
    return case.expect != "yield" or case.resumed is None or _taken(course, case.resumed)


def _finished(course: Course) -> bool:
    """Return whether the floor lets the agent finish, neither held nor given up, and then has it answer."""
    answer = next((n for n, (_, fact) in enumerate(course) if isinstance(fact, fx.BeginReply) and fact.answer), None)
    return answer is not None and not any(isinstance(fact, fx.Hold | fx.DropReply) for _, fact in course[:answer])


def _taken(course: Course, since: float) -> bool:
    return any(at >= since for at, fact in course if isinstance(fact, fx.RecordTurn))
