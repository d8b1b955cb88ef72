"""A report as a few lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from vision_agents.core.observability.facts import Distribution, InterruptionFacts, Report
from vision_agents.core.observability.page import milliseconds

# Seconds that the call's clock may be late before the figures are in doubt.
WORTH_TELLING = 0.04

_HEADER = ("", "at", "onset→hold", "onset→silence", "decision", "after", "late chunks", "heard of the reply")
_WORDS = 48


def summary(report: Report) -> str:
    """The counts, the spreads, and a line for each interruption."""
    counts = report.counts
    lines = [
        f"{report.duration:.1f} s, {counts.turns} turns, {counts.replies} replies, "
        f"{counts.interruptions} interruptions: {counts.commits} committed, {counts.resumes} resumed"
        + (f", {counts.undecided} undecided" if counts.undecided else ""),
        f"onset → silence    {_spread(report.onset_to_silence)}",
        f"response latency   {_spread(report.response_latency)}",
    ]
    if report.interruptions:
        rows = [_HEADER, *(_row(n, facts) for n, facts in enumerate(report.interruptions, 1))]
        lines += ["", *_table(rows)]
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
    heard = facts.heard if len(facts.heard) <= _WORDS else f"… {facts.heard[-_WORDS:].split(' ', 1)[-1]}"
    return (
        str(number),
        f"{at:.2f} s",
        milliseconds(facts.onset_to_hold),
        milliseconds(facts.onset_to_silence),
        facts.decision,
        milliseconds(facts.hold_to_decision),
        str(facts.stale_chunks),
        heard,
    )


def _table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    # Text to the left, numbers to the right.
    left = {4, 7}
    return [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
