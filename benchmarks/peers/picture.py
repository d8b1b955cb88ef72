"""The table as a picture: a panel for each figure, a bar for each framework and setting; the best is marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

Row = dict[str, Any]

WIDTH, PANEL, BAR = 960, 300, 22
# So wide is a bar of nothing: where less is better, it is the best.
LEAST = 3
# What is drawn: title, unit, the figure of a row, and whether more is better.
PANELS: Sequence[tuple[str, Callable[[Row], float | None], str, bool]] = (
    ("yields to an interruption", lambda row: _share(row["yield"]), "%", True),
    ("time to silence, median", lambda row: _first(row["silence"], 1000), "ms", False),
    ("answers the interruption after, median", lambda row: _first(row["answer"], 1), "s", False),
    ("keeps its answer at a backchannel", lambda row: _share(row["kept"]["backchannel"]), "%", True),
    ("… at a cough or laugh", lambda row: _share(row["kept"]["vocal"]), "%", True),
    ("… at a noise", lambda row: _share(row["kept"]["noise"]), "%", True),
    ("… at music", lambda row: _share(row["kept"]["music"]), "%", True),
    ("… at talk aside", lambda row: _share(row["kept"]["side_talk"]), "%", True),
    ("silence that a kept answer cost, mean", lambda row: row["pause"], "s", False),
    ("processor for a second of a call", lambda row: row["cpu_ms"], "ms", False),
)
STYLE = """
  .card { fill: #fff; stroke: #d5dcdc } text { fill: #1d2b2a } .soft { fill: #52615f }
  .bar { fill: #b9c8c6 } .best { fill: #00897b }
  @media (prefers-color-scheme: dark) {
    .card { fill: #1b2423; stroke: #35423f } text { fill: #e4ecea } .soft { fill: #a9b7b4 }
    .bar { fill: #4a5b58 } .best { fill: #4db6ac }
  }
"""


def draw(rows: Sequence[Row]) -> str:
    """The picture, as SVG."""
    names = [f"{row['name']}, {row['setting']}" for row in rows]
    height = 60 + len(rows) * BAR
    lines = (len(PANELS) + 1) // 2
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {lines * height + 20}" role="img" '
        'aria-label="Interruptions side by side; the table has the same figures" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x=".5" y=".5" width="{WIDTH - 1}" height="{lines * height + 19}" rx="10"/>',
    ]
    for number, panel in enumerate(PANELS):
        out += _panel(rows, names, panel, 20 + number % 2 * (WIDTH // 2), 30 + number // 2 * height)
    return "\n".join([*out, "</svg>", ""])


def _panel(rows: Sequence[Row], names: Sequence[str], panel: Any, x: int, y: int) -> list[str]:
    title, figure, unit, more = panel
    values = [figure(row) for row in rows]
    known = [value for value in values if value is not None]
    best, largest = (max(known) if more else min(known), max(known)) if known else (0.0, 0.0)
    out = [f'<text x="{x}" y="{y}" font-weight="600">{escape(title)}</text>']
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        top = y + 14 + place * BAR
        out.append(f'<text class="soft" x="{x + 140}" y="{top + 12}" text-anchor="end">{escape(name)}</text>')
        if value is None:
            out.append(f'<text class="soft" x="{x + 150}" y="{top + 12}">never</text>')
            continue
        width = max(LEAST, (PANEL - 70) * value / largest if largest else 0.0)
        # Of those who never do it nobody does it best.
        won = value == best and (value > 0 or not more)
        kind, weight = ("best", "700") if won else ("bar", "400")
        out.append(f'<rect class="{kind}" x="{x + 148}" y="{top}" width="{width:.1f}" height="15" rx="3"/>')
        told = f'<text x="{x + 154 + width:.1f}" y="{top + 12}" font-weight="{weight}">{_told(value, unit)}</text>'
        out.append(told)
    return out


def _told(value: float, unit: str) -> str:
    return f"{value:.2f} {unit}" if unit == "s" else f"{value:.0f} {unit}"


def _share(counts: Sequence[int]) -> float | None:
    return 100 * counts[0] / counts[1] if counts[1] else None


def _first(values: Sequence[float] | None, factor: float) -> float | None:
    return None if values is None else factor * values[0]
