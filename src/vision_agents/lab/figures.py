"""The figures of a run: for each kind, how often it was right and how long things took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .result import CaseResult
from .statistics import Proportion, Spread, spread

# A case in which the agent began to answer before the caller was done counts as such, not as a fast answer.
EARLY = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """One row of the table.

    yielded       of the cases that are true interruptions, those to which it yielded
    ignored       selectivity: of the others, those that were not committed
    held          of all, those that silenced it for a moment at least
    silence       onset to silence, of the true interruptions
    resume_gap    end of the sound to the next sample, of those that were ignored after a hold
    pause         how long the agent was silent in all, of those too
    stuck         of those, how many ended in silence for good
    recovered     wrong commits after which it went on
    lost, repeated    samples, in all
    word_error    words by which the heard text was wrong, as a share of the words heard; None where none was cut off
    response      end of the caller's speech to the answer
    interposed    answers that were begun before that end; they are not counted in `response`
    """

    origin: str
    kind: str
    cases: int
    failed: int
    yielded: Proportion
    ignored: Proportion
    held: Proportion
    silence: Spread | None
    resume_gap: Spread | None
    pause: Spread | None
    stuck: int
    recovered: int
    lost: int
    repeated: int
    word_error: float | None
    response: Spread | None
    interposed: int

    def record(self) -> dict[str, Any]:
        """For JSON, with the intervals."""
        proportions = {
            name: {**asdict(share), "value": share.value, "interval": share.interval}
            for name, share in (("yielded", self.yielded), ("ignored", self.ignored), ("held", self.held))
        }
        return {**asdict(self), **proportions}


def figures(cases: Sequence[CaseResult]) -> list[Figures]:
    """A row for each origin and kind, in the order of their names, and one for each origin over all kinds ("all")."""
    rows: list[Figures] = []
    for origin in sorted({case.origin for case in cases}):
        of_origin = [case for case in cases if case.origin == origin]
        kinds = sorted({(case.expect != "yield", case.kind) for case in of_origin})
        rows += [
            row_of(origin, kind, [c for c in of_origin if c.kind == kind and (c.expect != "yield") == ignored])
            for ignored, kind in kinds
        ]
        rows.append(row_of(origin, "all", of_origin))
    return rows


def row_of(origin: str, kind: str, cases: Sequence[CaseResult]) -> Figures:
    """The figures of some cases."""
    ran = [case for case in cases if case.decision != "failed"]
    true = [case for case in ran if case.expect == "yield"]
    others = [case for case in ran if case.expect == "ignore"]
    cut = [(c.reported_words, c.heard_words) for c in ran if c.reported_words is not None and c.heard_words is not None]
    heard = sum(actual for _, actual in cut)
    responses = [case.response for case in true if case.response is not None]
    return Figures(
        origin=origin,
        kind=kind,
        cases=len(cases),
        failed=len(cases) - len(ran),
        yielded=Proportion(sum(case.right for case in true), len(true)),
        ignored=Proportion(sum(case.right for case in others), len(others)),
        held=Proportion(sum(case.held for case in ran), len(ran)),
        silence=spread(case.silence for case in true),
        resume_gap=spread(case.resume_gap for case in ran),
        pause=spread(case.pause for case in ran if case.held),
        stuck=sum(case.stuck for case in ran),
        recovered=sum(case.recovered for case in others),
        lost=sum(case.lost for case in ran),
        repeated=sum(case.repeated for case in ran),
        word_error=sum(abs(said - actual) for said, actual in cut) / heard if heard else None,
        response=spread(response for response in responses if response >= EARLY),
        interposed=sum(response < EARLY for response in responses),
    )
