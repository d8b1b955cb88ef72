"""The figures as text: the same cells for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Sequence

from .figures import BESIDE, SOON, Figures, HeardFigures
from .goals import Goal
from .statistics import Proportion, Ratio, Spread

DECISIONS = ("kind", "cases", "right", "95 %", "left out", "later", "held", "stuck", "decided by")
# In ms, p50/p95.
TIMES = ("kind", "silence", f"≤ {SOON:g} s", "dead air", "silent", "response", "cut off", "lost/rep.")
LEGEND = f"times in ms, p50/p95; “≤ {SOON:g} s”: false stops that were over by then"
# Strategies that a row of the terminal's table names.
MOST_DECIDERS = 2
HEARD_HEADER = ("word times", "cuts", "error", "95 %", "cuts with an error", "95 %", "reported too many")
GOAL_HEADER = ("of", "goal", "wanted", "measured", "95 %", "cases", "")

NOTES = {"side_talk_equal": "side talk as loud as the caller, not told apart by loudness; not in “all”"}


def table(rows: Sequence[Figures]) -> str:
    """For the terminal. "right": yielded to true interruptions, ignored what was none, answered after a notice."""
    parts: list[str] = []
    for origin in dict.fromkeys(row.origin for row in rows):
        kinds = [row for row in rows if row.origin == origin and row.kind != "all"]
        decisions = aligned([DECISIONS, *map(decision_cells, kinds)])
        times = aligned([TIMES, *map(time_cells, kinds)])
        total = next(row for row in rows if row.origin == origin and row.kind == "all")
        notes = [f"{kind}: {note}" for kind, note in notes_of(rows, origin).items()]
        count = sum(row.cases for row in rows if row.origin == origin and row.kind != "all")
        head = f"{origin}: {count} cases"
        parts.append("\n".join([head, *decisions, "", LEGEND, *times, "", *notes, *summary(total)]))
    return "\n\n".join(parts)


def heard_table(rows: Sequence[HeardFigures]) -> str:
    """For the terminal: the heard words of real speech, by where their times came from."""
    lines = aligned([HEARD_HEADER, *map(heard_cells, rows)])
    return "\n".join(["heard words, against forced alignment of what was played", *lines])


def goal_table(goals: Sequence[Goal]) -> str:
    """For the terminal: every goal, and whether it was met."""
    return "\n".join(["goals", *aligned([GOAL_HEADER, *map(goal_cells, goals)], numbers=3)])


def decision_cells(row: Figures, most: int = MOST_DECIDERS) -> tuple[str, ...]:
    """A row of the decisions: of a kind, so all its cases expect the same."""
    return (
        f"{row.kind} → {row.expect}",
        str(row.cases) + (f" ({row.failed} failed)" if row.failed else ""),
        percent(row.right.value),
        interval(row.right),
        percent(row.left_out.value),
        str(row.later),
        percent(row.held.value),
        str(row.stuck) if row.ignored.count else "–",
        deciders(row, most),
    )


def time_cells(row: Figures) -> tuple[str, ...]:
    """A row of the times, and of what was lost."""
    return (
        f"{row.kind} → {row.expect}",
        milliseconds(row.silence),
        f"{row.soon.hits}/{row.soon.count}" if row.soon.count else "–",
        milliseconds(row.dead_air),
        milliseconds(row.pause),
        milliseconds(row.response),
        str(row.interposed) if row.yielded.count else "–",
        f"{row.lost}/{row.repeated}",
    )


def heard_cells(row: HeardFigures) -> tuple[str, ...]:
    """A row of the heard words."""
    return (
        row.source,
        str(row.off.count),
        "–" if row.error is None else percent(row.error.value, 2),
        ratio_interval(row.error),
        percent(row.off.value, 1),
        interval(row.off),
        f"{row.bias * 100:+.2f} %",
    )


def goal_cells(goal: Goal) -> tuple[str, ...]:
    """A row of the goals."""
    verdict = "met" if goal.met else "NOT MET"
    return goal.origin, goal.name, goal.wanted, goal.measured, goal.interval, str(goal.count), verdict


def notes_of(rows: Sequence[Figures], origin: str) -> dict[str, str]:
    """Notes on the kinds that are reported beside the others."""
    return {row.kind: NOTES[row.kind] for row in rows if row.origin == origin and row.kind in BESIDE}


def summary(total: Figures) -> list[str]:
    """The whole of an origin in a few lines, each figure with its interval at 95 % in brackets."""
    lines = [
        f"yield rate       {_share(total.yielded)}",
        f"selectivity      {_share(total.ignored)}, {total.recovered} wrong commits recovered, {total.stuck} stuck",
        f"left out         {_share(total.left_out)}: right by settings chosen without the case's source",
        f"time to silence  {precisely(total.silence)}",
        f"resume gap       {precisely(total.resume_gap)}",
        f"                 false stops over within {SOON:g} s {_share(total.soon)}",
        f"                 after the decision {precisely(total.resume_delay)}",
        f"dead air         {precisely(total.dead_air)}",
        f"                 silent in all {precisely(total.pause)}",
        f"response         {precisely(total.response)}; {total.interposed} cut off, {total.talked_over} heard",
        f"samples          {total.lost} lost, {total.repeated} repeated; cases without {_share(total.intact)}",
        f"heard words      error {_ratio(total.word_error)}, with exact word times",
    ]
    if total.after.count:
        lines.insert(2, f"answered after   {_share(total.after)}: said over what may not be interrupted")
    return lines


def deciders(row: Figures, most: int) -> str:
    """The strategies that decided, the most frequent first."""
    named = [f"{name} {count}" for name, count in row.deciders.items()]
    return ", ".join(named[:most]) + (" …" if len(named) > most else "") or "–"


def milliseconds(values: Spread | None) -> str:
    """p50/p95."""
    return "–" if values is None else f"{values.p50 * 1000:.0f}/{values.p95 * 1000:.0f}"


def precisely(values: Spread | None) -> str:
    """p50 / p95, with their intervals."""
    if values is None:
        return "–"
    halves = ((values.p50, values.p50_interval), (values.p95, values.p95_interval))
    return " / ".join(f"{value * 1000:.0f} [{low * 1000:.0f}–{high * 1000:.0f}]" for value, (low, high) in halves) + (
        f" ms (p50 / p95, n={values.count})"
    )


def percent(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value * 100:.{digits}f} %"


def interval(share: Proportion) -> str:
    return "–" if share.interval is None else f"{share.interval[0] * 100:.0f}–{share.interval[1] * 100:.0f}"


def ratio_interval(ratio: Ratio | None) -> str:
    return "–" if ratio is None else f"{ratio.low * 100:.2f}–{ratio.high * 100:.2f}"


def aligned(rows: Sequence[Sequence[str]], numbers: int = 1) -> list[str]:
    """Columns side by side; from column `numbers` on they are set to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column >= numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _share(share: Proportion) -> str:
    return f"{percent(share.value, 1)} [{interval(share)}] ({share.hits}/{share.count})"


def _ratio(ratio: Ratio | None) -> str:
    return "–" if ratio is None else f"{percent(ratio.value, 2)} [{ratio_interval(ratio)}] (n={ratio.count})"
