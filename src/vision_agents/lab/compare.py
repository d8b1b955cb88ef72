"""Two runs side by side: which cases changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .figures import row_of
from .result import CaseResult, LabResult
from .table import percent

# A time to silence or a resume gap that changed by less says nothing, in seconds.
NOTABLE = 0.03


@dataclass(frozen=True, slots=True)
class Change:
    """A case that was decided otherwise, or took notably longer or shorter."""

    before: CaseResult
    after: CaseResult

    @property
    def mark(self) -> str:
        """ "+": right now; "-": right before; "~": neither of the two."""
        if self.before.right == self.after.right:
            return "~"
        return "+" if self.after.right else "-"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`changes`: of the cases that are in both; `gone` and `new`: the ids of the others; `same`: how many did not."""

    changes: tuple[Change, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]
    same: int


def compare(before: LabResult, after: LabResult) -> Comparison:
    """Compare case by case."""
    old, new = ({case.id: case for case in result.cases} for result in (before, after))
    both = [Change(old[name], new[name]) for name in old if name in new]
    changes = tuple(change for change in both if _differs(change.before, change.after))
    return Comparison(
        changes,
        tuple(name for name in old if name not in new),
        tuple(name for name in new if name not in old),
        len(both) - len(changes),
    )


def described(comparison: Comparison, before: LabResult, after: LabResult) -> str:
    """For the terminal."""
    lines = changed_lines(comparison)
    for name, ids in (("only in the first", comparison.gone), ("only in the second", comparison.new)):
        if ids:
            lines.append(f"{name}: {len(ids)} cases ({', '.join(ids[:5])}{', …' if len(ids) > 5 else ''})")
    lines += _kinds(before.cases, after.cases)
    return "\n".join(lines)


def changed_lines(comparison: Comparison, approximate: Collection[str] = ()) -> list[str]:
    """For the terminal: each case that changed, and how many did. `approximate`: the ids of those that are so only
    about."""
    lines = [
        _line(change) + (" (approximate)" if change.after.id in approximate else "")
        for change in sorted(comparison.changes, key=lambda change: "-+~".index(change.mark))
    ]
    counts = {mark: sum(change.mark == mark for change in comparison.changes) for mark in "+-~"}
    return [
        *lines,
        f"{counts['+']} cases became right (+), {counts['-']} wrong (-), {counts['~']} changed otherwise (~), "
        f"{comparison.same} are the same",
    ]


def _differs(a: CaseResult, b: CaseResult) -> bool:
    if (a.decision, a.right, a.held, a.stuck, a.recovered) != (b.decision, b.right, b.held, b.stuck, b.recovered):
        return True
    if (a.lost, a.repeated) != (b.lost, b.repeated):
        return True
    return any(_apart(x, y) for x, y in ((a.silence, b.silence), (a.resume_gap, b.resume_gap)))


def _apart(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is not b
    return abs(a - b) > NOTABLE


def _line(change: Change) -> str:
    a, b = change.before, change.after
    return f"{change.mark} {a.id} ({a.sound}), expected {a.expect}: {_outcome(a)} → {_outcome(b)}"


def _outcome(case: CaseResult) -> str:
    facts = [case.reason]
    if case.silence is not None:
        facts.append(f"silence {case.silence * 1000:.0f} ms")
    if case.resume_gap is not None:
        facts.append(f"gap {case.resume_gap * 1000:.0f} ms")
    if case.stuck:
        facts.append("stuck")
    return f"{case.decision} [{', '.join(facts)}]"


def _kinds(before: Iterable[CaseResult], after: Iterable[CaseResult]) -> list[str]:
    """For each kind the share of right cases in both."""
    groups: dict[tuple[str, str], tuple[list[CaseResult], list[CaseResult]]] = {}
    for side, cases in enumerate((before, after)):
        for case in cases:
            groups.setdefault((case.origin, f"{case.kind} → {case.expect}"), ([], []))[side].append(case)
    return [
        f"  {origin:6} {kind:32} {_right(a):>7} → {_right(b):>7}" for (origin, kind), (a, b) in sorted(groups.items())
    ]


def _right(cases: list[CaseResult]) -> str:
    return percent(row_of("", "", cases).right.value, 1)
