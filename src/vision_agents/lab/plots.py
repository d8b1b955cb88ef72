"""The plots of `lab.html`: how soon the agent fell silent, and how each kind of case was decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from vision_agents.core.observability.markup import tag, text

from .result import CaseResult
from .statistics import spread

# Of a histogram, in seconds: the width of a bar, and the last one, which has all that is longer. TICK: bars to a tick.
BIN, LAST = 0.05, 1.5
TICK = 4

# Pixels: a drawing, the room for its labels, and a row of bars.
WIDTH, HEIGHT = 620.0, 170.0
BELOW, NAMES, ROW = 20.0, 240.0, 22.0

_KEY = "Decisions by kind: red yielded, green ignored, blue answered after, amber early or failed; pale: wrong"

STYLE = """
.figures + .plots, .plots + .card { margin-top: 14px; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); gap: 14px; }
.plot { padding: 14px 16px 10px; } .plot h3 { margin: 0 0 8px; font-size: 14px; font-weight: 600; }
.plot { overflow-x: auto; } .plot svg { min-width: 500px; max-width: 760px; }
.plot text { fill: var(--soft); font-size: 11px; } .plot .axis { stroke: var(--line); }
.plot .yield { fill: var(--commit); } .plot .ignore { fill: var(--resume); } .plot .after { fill: var(--user); }
.plot .early, .plot .failed { fill: var(--hold); } .plot .silence { fill: var(--agent); } .plot .wrong { opacity: 0.4; }
.plot .median { stroke: var(--ink); stroke-dasharray: 3 2; }
@media (max-width: 640px) { .plot svg { min-width: 0; overflow: visible; } .plot text { font-size: 18px; } }
"""


def plots(cases: Sequence[CaseResult]) -> str:
    """All plots of these cases."""
    silences = [case.silence for case in cases if case.silence is not None and case.decision == "yield" and case.right]
    parts = [_plot("Onset of an interruption to silence, ms", _histogram(silences))] if silences else []
    parts.append(_plot(_KEY, _decisions(cases)))
    return tag("div", *parts, class_="plots")


def _plot(title: str, drawing: str) -> str:
    return tag("figure", tag("h3", text(title)), drawing, class_="card plot", style="margin: 0", tabindex=0)


def _histogram(values: Sequence[float]) -> str:
    bins = Counter(min(int(value / BIN), round(LAST / BIN)) for value in values)
    # As far as there is something to see.
    count = min(round(LAST / BIN) + 1, max(2, max(bins) // TICK + 1) * TICK)
    width, most = WIDTH / count, max(bins.values())
    floor = HEIGHT - BELOW
    bars = [
        tag(
            "rect",
            tag("title", text(f"{_span(n)}: {bins[n]} of {len(values)} cases")),
            x=n * width + 1,
            y=floor - bins[n] / most * (floor - 14),
            width=width - 2,
            height=bins[n] / most * (floor - 14),
            class_="silence",
        )
        for n in sorted(bins)
    ]
    edges = {0: "start", count: "end"}
    ticks = [
        tag("text", text(f"{n * BIN * 1000:.0f}"), x=n * width, y=HEIGHT - 4, text_anchor=edges.get(n, "middle"))
        for n in range(0, count + 1, TICK)
    ]
    middle = spread(values)
    median = 0.0 if middle is None else middle.p50
    x = min(median / BIN, count) * width
    line = tag("line", x1=x, x2=x, y1=0, y2=floor, class_="median")
    label = tag("text", text(f"median {median * 1000:.0f}"), x=x + 4, y=10)
    axis = tag("line", x1=0, x2=WIDTH, y1=floor, y2=floor, class_="axis")
    said = f"Of {len(values)} cases the median is {median * 1000:.0f} ms."
    return _svg(HEIGHT, said, axis, *bars, *ticks, line, label)


def _span(n: int) -> str:
    start = n * BIN * 1000
    return f"{start:.0f} ms and more" if n == round(LAST / BIN) else f"{start:.0f} to {start + BIN * 1000:.0f} ms"


def _decisions(cases: Iterable[CaseResult]) -> str:
    kinds: dict[str, Counter[tuple[str, bool]]] = {}
    for case in cases:
        kinds.setdefault(f"{case.kind} → {case.expect}", Counter())[case.decision, case.right] += 1
    rows = [part for n, (kind, counts) in enumerate(sorted(kinds.items())) for part in _row(n, kind, counts)]
    return _svg(ROW * len(kinds) + 4, f"The decisions of {len(kinds)} kinds of cases, as in the tables.", *rows)


def _row(n: int, kind: str, counts: Counter[tuple[str, bool]]) -> list[str]:
    y, total = n * ROW, counts.total()
    parts = [tag("text", text(kind), x=NAMES - 8, y=y + 15, text_anchor="end")]
    x = NAMES
    for (decision, right), count in sorted(counts.items(), key=lambda each: (not each[0][1], each[0])):
        width = count / total * (WIDTH - NAMES)
        told = f"{kind}: {count} of {total} {decision}{'' if right else ', wrong'}"
        kinds = decision if right else f"{decision} wrong"
        parts.append(
            tag("rect", tag("title", text(told)), x=x, y=y + 3, width=max(width - 1, 0.5), height=ROW - 7, class_=kinds)
        )
        x += width
    return parts


def _svg(height: float, said: str, *parts: str) -> str:
    return tag("svg", *parts, viewBox=f"0 0 {WIDTH:g} {height:g}", role="img", aria_label=said)
