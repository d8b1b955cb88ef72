"""The rows as a picture over the number of callers: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from vision_agents.core.observability.explain import counted
from vision_agents.core.observability.markup import tag, text

from .row import Row, share
from .table import HEADER, UNITS, cells, notes

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

# A chart, and the room around its lines for the numbers, in pixels.
WIDTH, HEIGHT = 340.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 12.0, 10.0, 24.0

# Beside the style sheet of the calls' report.
_STYLE = """
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(330px, 100%), 1fr)); gap: 14px; }
.chart { padding: 14px 16px 8px; } .chart h3 { margin: 0 0 6px; font-size: 14px; font-weight: 600; }
.chart svg { display: block; width: 100%; } .chart text { fill: var(--soft); font-size: 11px; }
.chart .axis { stroke: var(--line); } .chart polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
.first { stroke: var(--user); fill: var(--user); } .second { stroke: var(--agent); fill: var(--agent); }
.chart .key { margin: 2px 0 4px; font-size: 12px; color: var(--soft); }
.key i { display: inline-block; width: 14px; height: 3px; margin: 0 5px 3px 0; background: var(--user); }
.key i + span + i { margin-left: 14px; background: var(--agent); }
h2 + .charts { margin-top: 0; } .wide + p { margin-top: 14px; }
"""

Value = Callable[[Row], float | None]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: its title, its unit, and a line or two of values over the callers."""

    title: str
    unit: str
    lines: tuple[tuple[str, Value], ...]


def _quantiles(values: Callable[[Row], list[float]], factor: float = 1000.0) -> tuple[tuple[str, Value], ...]:
    def of(quantile: float) -> Value:
        return lambda row: None if (found := share(values(row), quantile)) is None else factor * found

    return (("p50", of(0.5)), ("p95", of(0.95)))


CHARTS = (
    Chart("Onset of an interruption to silence", "ms", _quantiles(lambda row: row.silences)),
    Chart("End of a question to the answer", "s", _quantiles(lambda row: row.answers, 1.0)),
    Chart("Start to sound", "ms", _quantiles(lambda row: row.joins)),
    Chart(
        "Lateness of the agents' frames",
        "ms",
        (
            ("p99", lambda row: None if (late := share(row.late, 0.99)) is None else 1000.0 * late),
            ("the callers' own, p99", lambda row: None if (own := share(row.own_late, 0.99)) is None else 1000.0 * own),
        ),
    ),
    Chart(
        "Calls that were not had",
        "",
        (("refused", lambda row: float(row.refused.total())), ("lost", lambda row: float(row.lost))),
    ),
    Chart(
        "Processor of the server",
        "%",
        (("p50", lambda row: _percent(row, 0.5)), ("max", lambda row: _percent(row, 1.0))),
    ),
)


def picture(rows: Sequence[Row], title: str) -> str:
    """The whole page."""
    body = [
        tag("header", tag("h1", text(title)), tag("p", text(_summary(rows)), class_="soft")),
        tag("h2", text("Over the number of callers")),
        tag("section", *(_chart(chart, rows) for chart in CHARTS), class_="charts"),
        tag("h2", text("Figures")),
        _table(rows),
        *(tag("p", text(note), class_="soft") for note in notes(rows)),
    ]
    css = files("vision_agents.core.observability").joinpath("page.css").read_text(encoding="utf-8")
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("title", text(title)),
        tag("style", css + _STYLE),
    ]
    return f"<!doctype html>\n{tag('html', tag('head', *head), tag('body', tag('main', *body)), lang='en')}\n"


def _summary(rows: Sequence[Row]) -> str:
    calls, seconds = sum(row.calls for row in rows), sum(row.seconds for row in rows)
    return f"{counted(calls, 'call')} in {seconds:.0f} s, measured at the callers' end, in the sound that came back"


def _percent(row: Row, quantile: float) -> float | None:
    found = share(row.cpu, quantile)
    return None if found is None else 100.0 * found


def _table(rows: Sequence[Row]) -> str:
    head = (
        tag("th", text(name), tag("br"), text(unit), class_="number") for name, unit in zip(HEADER, UNITS, strict=True)
    )
    body = (tag("tr", *(tag("td", text(cell), class_="number") for cell in cells(row))) for row in rows)
    return tag("div", tag("table", tag("tr", *head), *body), class_="card wide")


# Charts.


def _chart(chart: Chart, rows: Sequence[Row]) -> str:
    lines = [[(row.callers, value) for row in rows if (value := of(row)) is not None] for _, of in chart.lines]
    # Not less than one: a chart of nothing but zeros has a scale too, and counts have whole numbers.
    most = max([1.0, *(value for line in lines for _, value in line)])
    step = _step(most)
    top = step * max(1, -(-most // step))
    last = max(row.callers for row in rows)

    def at(callers: float, value: float) -> tuple[float, float]:
        x = LEFT + callers / last * (WIDTH - LEFT - RIGHT)
        return x, TOP + (1.0 - value / top) * (HEIGHT - TOP - BOTTOM)

    parts = [*_scale(step, top, at), *_callers(rows, at)]
    for line, class_ in zip(lines, ("first", "second"), strict=False):
        places = [at(*point) for point in line]
        parts.append(tag("polyline", class_=class_, points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places)))
        parts += [tag("circle", class_=class_, cx=x, cy=y, r=3) for x, y in places]
    key = "".join(tag("i") + tag("span", text(name)) for name, _ in chart.lines)
    drawing = tag("svg", *parts, viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}", role="img", aria_label=text(chart.title))
    unit = f", {chart.unit}" if chart.unit else ""
    return tag("div", tag("h3", text(chart.title + unit)), tag("p", key, class_="key"), drawing, class_="card chart")


def _scale(step: float, top: float, at: Callable[[float, float], tuple[float, float]]) -> Iterator[str]:
    for number in range(round(top / step) + 1):
        _, y = at(0, number * step)
        yield tag("line", class_="axis", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y)
        yield tag("text", text(f"{number * step:g}"), x=LEFT - 6, y=y + 4, text_anchor="end")


def _callers(rows: Sequence[Row], at: Callable[[float, float], tuple[float, float]]) -> Iterator[str]:
    before = float("-inf")
    for row in sorted(rows, key=lambda row: row.callers):
        x, _ = at(row.callers, 0.0)
        if x - before >= 22.0:
            before = x
            yield tag("text", text(row.callers), x=x, y=HEIGHT - 6, text_anchor="middle")


def _step(most: float) -> float:
    """The distance of four or five lines that are round numbers."""
    step = 1e-3
    while True:
        for factor in (1.0, 2.0, 5.0):
            if factor * step * 5 >= most:
                return factor * step
        step *= 10.0
