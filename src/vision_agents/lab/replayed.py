"""A run decided again, case by case: in several processes, and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vision_agents.core.trace.records import Record

from .again import Again, decide_again, is_trace_of
from .compare import changed_lines, compare
from .kept import kept
from .pool import Progress, in_processes
from .result import CaseResult, LabResult
from .scenario import LabError
from .table import aligned, percent
from .validation import Number, chosen, left_out, means, under

HEADER = ("kind", "cases", "before", "", "now", "", "left out", "approximate")
TRIED_HEADER = ("value", "mean of kinds", "right", "chosen by")


@dataclass(frozen=True, slots=True)
class Replayed:
    """A run decided again: as it ran, and as it is decided now. `approximate`: the ids of the cases of which the
    decision rests on what might have come otherwise."""

    before: LabResult
    now: LabResult
    approximate: frozenset[str]


def replay_cases(
    folder: Path,
    before: LabResult,
    settings: Mapping[str, str],
    numbers: Sequence[Number] = (),
    jobs: int = 2,
    progress: Progress = lambda done, total: None,
) -> Replayed:
    """Decide the cases of a run again, whose traces are in `folder`. `numbers`: those that are tried on each case.

    Raises LabError where a trace is missing, cannot be read, or is of another run.
    """
    cases = [case for case in before.cases if case.decision != "failed"]
    replay = partial(_replay, folder, dict(before.policy), dict(settings), tuple(numbers))
    found: dict[str, Again] = {}
    for again in in_processes(replay, cases, jobs):
        found[again.case.id] = again
        progress(len(found), len(cases))
    now = tuple(found[case.id].case if case.id in found else case for case in before.cases)
    approximate = frozenset(name for name, again in found.items() if not again.exact)
    return Replayed(before, replace(before, cases=now, policy={**before.policy, **settings}), approximate)


def _replay(
    folder: Path, ran: Mapping[str, str], settings: Mapping[str, str], numbers: Sequence[Number], case: CaseResult
) -> Again:
    records = kept(folder, case.id)
    if not _is_of(case, records, ran):
        raise LabError(
            f"the trace of {case.id} in {folder} is of another run than its lab.json: run the lab with --keep once more"
        )
    again = decide_again(case, records, settings)
    tried = under(case, records, numbers, settings) if numbers and case.source else {}
    return replace(again, case=replace(again.case, under=tried))


def _is_of(case: CaseResult, records: Sequence[Record], ran: Mapping[str, str]) -> bool:
    try:
        return is_trace_of(case, records, ran)
    except ValueError as error:
        raise LabError(f"lab.json was not written by this version: {error}; run the lab once more") from None


def described(replayed: Replayed) -> str:
    """For the terminal: which cases are decided otherwise, the kinds before and now, and what was tried."""
    compared = compare(replayed.before, replayed.now)
    parts = ["\n".join(changed_lines(compared, replayed.approximate)), "\n".join(_kinds(replayed))]
    tried = [case for case in replayed.now.cases if case.under]
    if tried:
        parts.append("\n".join(_tried(tried)))
    return "\n\n".join(parts)


def _kinds(replayed: Replayed) -> list[str]:
    validated = left_out(replayed.now.cases)
    groups: dict[tuple[str, str], list[tuple[CaseResult, CaseResult]]] = {}
    for before, now in zip(replayed.before.cases, replayed.now.cases, strict=True):
        groups.setdefault((now.origin, f"{now.kind} → {now.expect}"), []).append((before, now))
    rows = [
        (
            kind,
            str(len(pairs)),
            *_share([before.right for before, _ in pairs]),
            *_share([now.right for _, now in pairs]),
            _share([validated[now.id] for _, now in pairs if now.id in validated])[1],
            str(sum(now.id in replayed.approximate for _, now in pairs)),
        )
        for (_, kind), pairs in sorted(groups.items())
    ]
    return aligned([HEADER, *rows])


def _tried(cases: Sequence[CaseResult]) -> list[str]:
    by_source = list(chosen(cases).values())
    return aligned(
        [
            TRIED_HEADER,
            *(
                (name, percent(mean, 2), str(sum(case.under[name] for case in cases)), str(by_source.count(name)))
                for name, mean in means(cases).items()
            ),
        ]
    )


def _share(right: Sequence[bool]) -> tuple[str, str]:
    return (str(sum(right)), percent(sum(right) / len(right), 1)) if right else ("", "–")
