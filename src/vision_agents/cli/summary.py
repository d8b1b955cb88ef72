"""A report as a few lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from vision_agents.core.observability.explain import (
    STAGES,
    clock,
    counted,
    delays,
    dropped,
    milliseconds,
    outcome,
    weight,
    word_times,
)
from vision_agents.core.observability.facts import AnswerFacts, Distribution, InterruptionFacts, Report

# Seconds that the call's clock may be late before the figures are in doubt.
WORTH_TELLING = 0.04

_HEADER = ("", "at", "onset→hold", "onset→silence", "decision", "after", "late chunks")


def summary(report: Report) -> str:
    """The counts, the spreads, and each interruption: a line of figures, and why."""
    counts = report.counts
    lines = [
        f"{report.duration:.1f} s, {counted(counts.turns, 'turn')}, "
        + (f"{counted(counts.typed, 'typed text')}, " if counts.typed else "")
        + f"{counts.replies} {'reply' if counts.replies == 1 else 'replies'}, "
        f"{counted(counts.interruptions, 'interruption')}: {counts.commits} committed, {counts.resumes} resumed"
        + (f", {counts.undecided} undecided" if counts.undecided else "")
        + (f"; {counts.late_commits} after a refusal" if counts.late_commits else "")
        + (f"; {counts.recovered} false and recovered" if counts.recovered else ""),
        f"onset → silence    {_spread(report.onset_to_silence)}",
        f"response latency   {_spread(report.response_latency)}",
    ]
    if report.interruptions:
        rows = [_HEADER, *(_row(n, facts) for n, facts in enumerate(report.interruptions, 1))]
        lines += ["", *_table(rows)]
        for number, facts in enumerate(report.interruptions, 1):
            lines += ["", *_explained(number, facts)]
    if report.answers:
        lines += ["", "answers, in ms from one stage to the next:", *_answers(report)]
    times = word_times(report.words)
    if times:
        lines += ["", *times]
    if report.worst_delay is not None and report.worst_delay > WORTH_TELLING:
        lines += ["", f"this machine was too busy: the call's clock was up to {milliseconds(report.worst_delay)} late"]
    if report.errors:
        lines += ["", *(f"error at {error}" for error in report.errors)]
    return "\n".join(lines)


def _spread(spread: Distribution | None) -> str:
    if spread is None:
        return "–"
    return f"p50 {milliseconds(spread.p50)}, p95 {milliseconds(spread.p95)} (n={spread.count})"


def _row(number: int, facts: InterruptionFacts) -> tuple[str, ...]:
    at = next((at for at in (facts.onset, facts.onset_detected, facts.decided) if at is not None), 0.0)
    return (
        str(number),
        f"{at:.2f} s",
        milliseconds(facts.onset_to_hold),
        milliseconds(facts.felt),
        facts.decision,
        milliseconds(facts.hold_to_decision),
        str(facts.stale_chunks),
    )


def _explained(number: int, facts: InterruptionFacts) -> list[str]:
    """The lines under an interruption: reason, votes, outcome, and what was heard by then."""
    then = outcome(facts)
    names = max((len(vote.strategy) for vote in facts.evidence), default=0)
    lines = [
        *(f"{vote.strategy:{names}}  {weight(vote)}  {vote.reason}" for vote in facts.evidence),
        f"it {then}" if then else "",
        f"heard: {facts.heard}" if facts.heard else "nothing was heard yet",
        f"not heard: {facts.unheard}" if facts.unheard else "",
        f"dropped: {dropped(facts)}",
    ]
    head = f"{number}  {facts.decision}, {facts.participant or 'code'}: {facts.reason}"
    return [head, *(f"   {line}" for line in lines if line)]


def _answers(report: Report) -> list[str]:
    """A line for each answer: how long each stage took, and the whole."""
    header = ("", "at", *(short for short, _ in STAGES.values()), "whole", "")
    return _table([header, *map(_answer_row, report.answers)], left={len(header) - 1})


def _answer_row(facts: AnswerFacts) -> tuple[str, ...]:
    stages = facts.stages
    at = stages.speech_end if stages.speech_end is not None else stages.begun
    took = (facts.durations.get(stage) for stage in STAGES)
    return (
        str(facts.reply),
        "–" if at is None else clock(at),
        *(_ms(seconds) for seconds in (*took, facts.total)),
        delays(facts),
    )


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:.0f}"


def _table(rows: Iterable[tuple[str, ...]], left: Iterable[int] = (4,)) -> list[str]:
    """Text to the `left`, numbers to the right."""
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
