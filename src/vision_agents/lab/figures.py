"""The figures of a run: for each kind, how often it was right and how long things took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .endpointing import ANSWER
from .manifest import EQUAL
from .result import CaseResult, Cut
from .scenario import EXPECTED, Expected
from .statistics import Proportion, Ratio, Spread, ratio, spread
from .validation import left_out

# A case in which the agent began to answer before the caller was done counts as such, not as a fast answer.
EARLY = 0.0

# A false stop is to be over so many seconds after the end of the sound.
SOON = 0.5

# Kinds that are reported beside the others, and are not in the row of all.
BESIDE = frozenset({EQUAL})


@dataclass(frozen=True, slots=True)
class Figures:
    """One row of the table.

    yielded       of the cases that are true interruptions, those to which it yielded
    ignored       selectivity: of what is none, that which was not committed
    after         of what was said over a notice, that which was answered after it, with nothing of either lost
    held          of all, those that silenced it for a moment at least
    silence       onset to silence, of the true interruptions
    resume_gap    end of the sound to the next sample, of false stops
    resume_delay  decision to go on to the next sample
    soon          of the false stops (holds and commits for what is to be ignored), those over within `SOON` seconds of
                  the sound's end
    dead_air      how long the agent was silent after the end of the sound, for each of its false stops
    pause         how long the agent was silent in all, of those that were ignored after a hold
    stuck         of those, how many ended in silence for good
    later         what was to yield, or to be ignored, and is answered after what the agent says
    recovered     wrong commits after which it went on
    lost, repeated    samples, in all
    intact        of all, those in which no sample was lost or repeated
    word_error    words by which the heard text was wrong, as a share of the words heard; None where none was cut off
    deciders      how often which strategy decided
    response      end of the caller's speech to the answer
    left_out      of the cases with a source, those that are right by settings that were chosen without it
    interposed    answers that were begun before that end; they are not counted in `response`
    talked_over   of those, where the caller went on so late (`ANSWER`) that something of the answer is heard even if it
                  takes its time; before that it is made anew, with all of the words
    """

    origin: str
    kind: str
    cases: int
    failed: int
    yielded: Proportion
    ignored: Proportion
    after: Proportion
    held: Proportion
    silence: Spread | None
    resume_gap: Spread | None
    resume_delay: Spread | None
    soon: Proportion
    dead_air: Spread | None
    pause: Spread | None
    stuck: int
    later: int
    recovered: int
    lost: int
    repeated: int
    intact: Proportion
    word_error: Ratio | None
    response: Spread | None
    interposed: int
    talked_over: int
    deciders: dict[str, int]
    left_out: Proportion

    @property
    def expect(self) -> Expected:
        """The decision that is right for the cases: where they differ, for most of them."""
        shares: dict[Expected, Proportion] = {"yield": self.yielded, "ignore": self.ignored, "after": self.after}
        return max(shares, key=lambda expect: shares[expect].count)

    @property
    def right(self) -> Proportion:
        """The cases with that outcome."""
        return {"yield": self.yielded, "ignore": self.ignored, "after": self.after}[self.expect]

    def record(self) -> dict[str, Any]:
        """For JSON, with the intervals."""
        shares = {
            "yielded": self.yielded,
            "ignored": self.ignored,
            "after": self.after,
            "held": self.held,
            "soon": self.soon,
            "intact": self.intact,
            "left_out": self.left_out,
        }
        proportions = {
            name: {**asdict(share), "value": share.value, "interval": share.interval} for name, share in shares.items()
        }
        return {**asdict(self), **proportions}


def figures(cases: Sequence[CaseResult]) -> list[Figures]:
    """A row for each origin and kind, in the order of their names, and one for each origin over all kinds ("all").

    The kinds of `BESIDE` are not in "all".
    """
    rows: list[Figures] = []
    without = left_out(cases)
    for origin in sorted({case.origin for case in cases}):
        of_origin = [case for case in cases if case.origin == origin]
        kinds = sorted({(EXPECTED.index(case.expect), case.kind) for case in of_origin})
        rows += [
            row_of(origin, kind, [c for c in of_origin if c.kind == kind and c.expect == EXPECTED[expect]], without)
            for expect, kind in kinds
        ]
        rows.append(row_of(origin, "all", [case for case in of_origin if case.kind not in BESIDE], without))
    return rows


def row_of(origin: str, kind: str, cases: Sequence[CaseResult], left_out: Mapping[str, bool] | None = None) -> Figures:
    """The figures of some cases. `left_out`: as `validation.left_out` says."""
    validated = [left_out[case.id] for case in cases if left_out is not None and case.id in left_out]
    ran = [case for case in cases if case.decision != "failed"]
    true = [case for case in ran if case.expect == "yield"]
    others = [case for case in ran if case.expect == "ignore"]
    later = [case for case in ran if case.expect == "after"]
    false_stops = [c for c in others if c.state == "answering" and (c.held or c.decision != "ignore")]
    cut = [(c.reported_words, c.heard_words) for c in ran if c.reported_words is not None and c.heard_words is not None]
    responses = [case.response for case in true if case.response is not None]
    return Figures(
        origin=origin,
        kind=kind,
        cases=len(cases),
        failed=len(cases) - len(ran),
        yielded=Proportion(sum(case.right for case in true), len(true)),
        ignored=Proportion(sum(case.right for case in others), len(others)),
        after=Proportion(sum(case.right for case in later), len(later)),
        held=Proportion(sum(case.held for case in ran), len(ran)),
        silence=spread(case.silence for case in true),
        resume_gap=spread(case.resume_gap for case in others),
        resume_delay=spread(case.resume_delay for case in ran),
        soon=Proportion(
            sum(case.resume_gap is not None and case.resume_gap <= SOON for case in false_stops), len(false_stops)
        ),
        dead_air=spread(seconds for case in others for seconds in case.dead_air),
        pause=spread(case.pause for case in others if case.held),
        stuck=sum(case.stuck for case in ran),
        later=sum(case.decision == "after" for case in (*true, *others)),
        recovered=sum(case.recovered for case in others),
        lost=sum(case.lost for case in ran),
        repeated=sum(case.repeated for case in ran),
        intact=Proportion(sum(not case.lost and not case.repeated for case in ran), len(ran)),
        word_error=ratio([(abs(said - actual), actual) for said, actual in cut]),
        response=spread(response for response in responses if response >= EARLY),
        interposed=sum(response < EARLY for response in responses),
        talked_over=sum(case.went_on is not None and case.went_on > ANSWER for case in true),
        deciders=dict(Counter(case.decided_by for case in ran if case.decided_by is not None).most_common()),
        left_out=Proportion(sum(validated), len(validated)),
    )


@dataclass(frozen=True, slots=True)
class HeardFigures:
    """Heard words by one source: `error`, the words by which it was wrong over the words heard; `off`, the cuts at
    which it was wrong at all; `bias`, the words that it reported too many, over the words heard."""

    source: str
    error: Ratio | None
    off: Proportion
    bias: float


def heard_figures(cuts: Sequence[Cut]) -> list[HeardFigures]:
    """A row for each source, in the order of the cuts."""
    rows: list[HeardFigures] = []
    for source in dict.fromkeys(cut.source for cut in cuts):
        of_source = [cut for cut in cuts if cut.source == source]
        pairs = [(cut.reported, cut.heard) for cut in of_source]
        rows.append(
            HeardFigures(
                source,
                ratio([(abs(reported - heard), heard) for reported, heard in pairs]),
                Proportion(sum(reported != heard for reported, heard in pairs), len(pairs)),
                sum(reported - heard for reported, heard in pairs) / max(1, sum(heard for _, heard in pairs)),
            )
        )
    return rows
