"""The figures as text: the same cells for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Sequence

from .figures import Figures
from .statistics import Proportion, Spread

HEADER = (
    "kind",
    "cases",
    "right",
    "95 %",
    "held",
    "silence p50/p95",
    "resume gap p50/p95",
    "silent p50/p95",
    "stuck",
    "lost/repeated",
    "heard-word error",
    "response p50/p95",
    "too early",
)


def table(rows: Sequence[Figures]) -> str:
    """For the terminal. "right": yielded to true interruptions, or ignored what was none."""
    parts: list[str] = []
    for origin in dict.fromkeys(row.origin for row in rows):
        lines = [HEADER, *(cells(row) for row in rows if row.origin == origin and row.kind != "all")]
        total = next(row for row in rows if row.origin == origin and row.kind == "all")
        parts.append("\n".join([f"{origin}: {total.cases} cases", *_aligned(lines), *summary(total)]))
    return "\n\n".join(parts)


def cells(row: Figures) -> tuple[str, ...]:
    """A row of the table: of a kind, so all its cases expect the same."""
    share = row.yielded if row.yielded.count else row.ignored
    return (
        f"{row.kind} → {'yield' if row.yielded.count else 'ignore'}",
        str(row.cases) + (f" ({row.failed} failed)" if row.failed else ""),
        percent(share.value),
        interval(share),
        percent(row.held.value),
        milliseconds(row.silence),
        milliseconds(row.resume_gap),
        milliseconds(row.pause),
        str(row.stuck) if row.ignored.count else "–",
        f"{row.lost}/{row.repeated}",
        percent(row.word_error, 1),
        milliseconds(row.response),
        str(row.interposed) if row.yielded.count else "–",
    )


def summary(total: Figures) -> list[str]:
    """The whole of an origin in a few lines."""
    return [
        f"yield rate       {_share(total.yielded)}",
        f"selectivity      {_share(total.ignored)}, {total.recovered} wrong commits recovered, {total.stuck} stuck",
        f"time to silence  {milliseconds(total.silence)}",
        f"resume gap       {milliseconds(total.resume_gap)}; silent {milliseconds(total.pause)} in all",
        f"response         {milliseconds(total.response)} after the caller's last sound, "
        f"{total.interposed} answered before it",
        f"samples          {total.lost} lost, {total.repeated} repeated beyond the cut word; "
        f"heard-word error {percent(total.word_error, 2)}",
    ]


def milliseconds(values: Spread | None) -> str:
    """p50 / p95."""
    return "–" if values is None else f"{values.p50 * 1000:.0f}/{values.p95 * 1000:.0f} ms (n={values.count})"


def percent(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value * 100:.{digits}f} %"


def interval(share: Proportion) -> str:
    return "–" if share.interval is None else f"{share.interval[0] * 100:.0f}–{share.interval[1] * 100:.0f}"


def _share(share: Proportion) -> str:
    return f"{percent(share.value, 1)} ({share.hits}/{share.count}, 95 %: {interval(share)} %)"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
