"""The rows as a table of at most 100 columns."""

from __future__ import annotations

from collections.abc import Sequence

from vision_agents.core.observability.explain import counted

from .row import Row, share

HEADER = (
    "callers", "taken", "refused", "lost", "join", "silence", "answered", "latency", "resumed", "late", "CPU", "RSS",
)  # fmt: skip
UNITS = ("", "calls", "", "", "p50/95 ms", "p50/95 ms", "of asked", "p50/95 s", "coughs", "p99 ms", "%", "MB")

# Columns of a terminal.
WIDTH = 100

# A load generator that is later than this, at p99, makes times longer than they are.
OWN_LATE = 0.01


def table(rows: Sequence[Row]) -> str:
    """The table, and under it what has to be said of it."""
    lines = [HEADER, UNITS, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    gap = "  " if sum(widths) + 2 * len(widths) - 2 <= WIDTH else " "
    written = [gap.join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([*written, *(["", *notes(rows)] if notes(rows) else [])])


def cells(row: Row) -> tuple[str, ...]:
    """A row's cells, in the order of `HEADER`."""
    late = share(row.late, 0.99)
    return (
        f"{row.callers}{'' if row.complete else '*'}",
        f"{row.calls}",
        f"{row.refused.total()}",
        f"{row.lost}",
        _pair(row.joins, 1000, 0),
        _pair(row.silences, 1000, 0),
        f"{row.asked - row.unanswered}/{row.asked}",
        _pair(row.answers, 1, 2),
        f"{row.resumed}/{row.noises}",
        "–" if late is None else f"{late * 1000:.0f}",
        "–" if not row.cpu else f"{100 * (share(row.cpu, 0.5) or 0.0):.0f}",
        "–" if not row.rss else f"{row.rss / 1e6:.0f}",
    )


def notes(rows: Sequence[Row]) -> list[str]:
    """Sentences on what the table does not say."""
    found = []
    if any(not row.complete for row in rows):
        found.append("* stopped before its time: this is what was measured until then")
    for row in rows:
        found += [f"{counted(row.callers, 'caller')}: {note}" for note in _notes_of(row)]
    return found


def _notes_of(row: Row) -> list[str]:
    found = [f"{counted(count, 'start')} refused: {why}" for why, count in row.refused.most_common(3)]
    found += [f"{counted(count, 'start')} failed: {why}" for why, count in row.failed.most_common(3)]
    if row.refusals:
        found.append(f"refusals took p50/max {_ms(row.refusals, 0.5)}/{_ms(row.refusals, 1.0)} ms")
    if row.unstopped:
        found.append(f"{row.unstopped} of {row.interruptions} interruptions did not silence the agent")
    if row.cut_in:
        found.append(f"{row.cut_in} answers began while the caller still spoke")
    if row.too_late:
        found.append(f"{row.too_late:.2%} of the agents' frames came more than 20 ms late, or never")
    own = share(row.own_late, 0.99)
    if own is not None and own > OWN_LATE:
        found.append(f"the callers themselves were late (p99 {own * 1000:.0f} ms): run them where there is more room")
    return found


def _ms(values: list[float], quantile: float) -> str:
    return f"{1000 * (share(values, quantile) or 0.0):.0f}"


def _pair(values: list[float], factor: float, digits: int) -> str:
    pair = (share(values, 0.5), share(values, 0.95))
    return "/".join("–" if value is None else f"{value * factor:.{digits}f}" for value in pair)
