"""The results of `lab endpointing` as a table for the terminal, and as a page with curves of latency and cut-offs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from vision_agents.core.floor.endpointing import Endpointing
from vision_agents.core.observability.markup import tag, text

from .endpointing import ANSWER, GOAL, SLOWEST, CrossValidated, Outcome, Rule, cross_validate, rules, simulate
from .signals import Heard
from .statistics import Proportion, Spread
from .table import aligned, interval, percent

HEADER = ("rule", "setting", "latency p50", "95 %", "p95", "95 %", "pauses cut off", "95 %", "heard", "turns cut off")

KINDS = {
    "clip": "recordings as they are",
    "stretched": "recordings whose longest gap is drawn out",
    "joined": "two recordings of one speaker, one after the other",
    "all": "all of them",
}

NOTES = (
    "Latency: from the last sound of a turn to the decision that it is over, 0.06 s for Smart Turn and 0.1 s for the "
    "words of the recogniser included. An answer begins later by what the model and the voice take.",
    "Cut off: a silence of 0.2 s or more inside a turn that was taken for its end. Heard: those in which an answer "
    f"would have begun, {ANSWER:g} s after that; who goes on before is not interrupted by it.",
    "* the setting that the rule comes with. Smart Turn stands in for LiveKit's own detectors, which may be used in "
    "LiveKit Agents only. Their rules and numbers are those of their documentation.",
)

_LEGEND = (
    "In the curves a large dot is the setting that a rule comes with, and the ring the learned one, source held out."
)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
main { max-width: 1180px; }
svg.curves { width: 100%; height: auto; } svg text { fill: currentColor; font-size: 12px; }
svg .grid { stroke: currentColor; opacity: 0.15; } td:first-child { white-space: nowrap; }
tr.default td { font-weight: 600; } h2 { margin-top: 28px; }
"""
_COLOURS = ("#2f7d4f", "#888888", "#c2571a", "#d9a441", "#3566b8", "#8aa7d6")


@dataclass(frozen=True, slots=True)
class Tried:
    """The rules on the turns of a kind, and the learned one cross-validated on them."""

    kind: str
    turns: int
    outcomes: tuple[tuple[Rule, Outcome], ...]
    held_out: CrossValidated


def try_rules(turns: Sequence[Heard]) -> list[Tried]:
    """Put every rule to the turns of each kind, and to all of them."""
    tried = []
    for kind in KINDS:
        chosen = [turn for turn in turns if kind in ("all", turn.kind)]
        if chosen:
            outcomes = tuple((rule, simulate(chosen, rule.decide)) for rule in rules())
            tried.append(Tried(kind, len(chosen), outcomes, cross_validate(chosen)))
    return tried


def endpointing_table(tried: Iterable[Tried], *, every: bool = False) -> str:
    """For the terminal: of each rule the setting that it comes with, or `every` one."""
    parts = []
    for one in tried:
        rows = [cells(rule, outcome) for rule, outcome in one.outcomes if every or rule.default]
        rows.insert(1, _held_out(one))
        parts.append("\n".join([_title(one), *aligned([HEADER, *rows], 2)]))
    return "\n\n".join([*parts, "\n".join(NOTES)])


def endpointing_page(tried: Sequence[Tried]) -> str:
    """The page, in one file that needs nothing else."""
    body = [tag("header", tag("h1", text("When a turn is over")))]
    body += [tag("p", text(note), class_="soft") for note in (*NOTES, _LEGEND)]
    for one in tried:
        body += [tag("h2", text(_title(one))), tag("div", _curves(one), class_="card"), _table(one), _choices(one)]
    css = files("vision_agents.core.observability").joinpath("page.css").read_text(encoding="utf-8")
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("title", text("When a turn is over")),
        tag("style", css + _STYLE),
    ]
    return f"<!doctype html>\n{tag('html', tag('head', *head), tag('body', tag('main', *body)), lang='en')}\n"


def cells(rule: Rule, outcome: Outcome) -> tuple[str, ...]:
    """A row of the table."""
    return (rule.name, rule.setting + (" *" if rule.default else ""), *_figures(outcome))


def _figures(outcome: Outcome) -> tuple[str, ...]:
    latency, cuts = outcome.latency, outcome.cut_offs
    share = f"{cuts.hits}/{cuts.count} {percent(cuts.value)}"
    heard = percent(Proportion(outcome.heard, cuts.count).value)
    return *_seconds(latency), share, interval(cuts), heard, f"{outcome.cut_turns}/{outcome.turns}"


def _seconds(latency: Spread | None) -> tuple[str, ...]:
    if latency is None:
        return "–", "–", "–", "–"
    (low, high), (low95, high95) = latency.p50_interval, latency.p95_interval
    return f"{latency.p50:.2f} s", f"{low:.2f}–{high:.2f}", f"{latency.p95:.2f} s", f"{low95:.2f}–{high95:.2f}"


def _held_out(one: Tried) -> tuple[str, ...]:
    return ("learned", "source held out", *_figures(one.held_out.outcome))


def _title(one: Tried) -> str:
    ends, pauses = len(one.outcomes[0][1].latencies), one.outcomes[0][1].pauses
    return f"{KINDS[one.kind]}: {one.turns} turns, {ends} ends, {pauses} pauses"


def _table(one: Tried) -> str:
    head = tag("tr", *(tag("th", text(name)) for name in HEADER))
    rows = [
        tag("tr", *(tag("td", text(cell)) for cell in cells(rule, outcome)), class_="default" if rule.default else None)
        for rule, outcome in one.outcomes
    ]
    rows.append(tag("tr", *(tag("td", text(cell)) for cell in _held_out(one)), class_="default"))
    return tag("div", tag("table", head, *rows), class_="card wide")


def _choices(one: Tried) -> str:
    """The numbers that were chosen without each source: the more often the same, the less they hang on one."""
    said = "; ".join(f"{count} × {_numbers(setting)}" for setting, count in one.held_out.chosen)
    rule = f"a median of {GOAL:g} s, {SLOWEST:g} s in 95 of 100, and then the fewest cut off"
    return tag("p", text(f"Source held out: numbers chosen on all other sources ({rule}): {said}."), class_="soft")


def _numbers(setting: Endpointing) -> str:
    return (
        f"risk {setting.risk:g}, trust {setting.trust:g}, of a word {setting.word_trust:g}, "
        f"usual pause {setting.usual_pause:g} s, spread {setting.spread:g}, short {setting.short:g}, "
        f"lone {setting.lone:g}, whole {setting.whole:g}"
    )


# The curves: two panels side by side, latency upwards and cut-offs to the right.

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 480, 300, 50, 20, 70
_LATEST = {"p50": 1.5, "p95": 3.2}


def _curves(one: Tried) -> str:
    names = list(dict.fromkeys(rule.name for rule, _ in one.outcomes))
    most = max((outcome.cut_offs.value or 0.0 for _, outcome in one.outcomes), default=0.0)
    right = min(1.0, math.ceil(most * 10 + 0.1) / 10)
    parts = [_panel(one, names, figure, place, right) for place, figure in enumerate(_LATEST)]
    for place, name in enumerate(names):
        x = _LEFT + place * 175
        parts.append(tag("circle", cx=x, cy=_TOP + _HEIGHT + 58, r=5, fill=_COLOURS[place]))
        parts.append(tag("text", text(name), x=x + 10, y=_TOP + _HEIGHT + 62))
    width, height = 2 * (_WIDTH + _GAP) + _LEFT, _TOP + _HEIGHT + 74
    return tag("svg", *parts, class_="curves", viewBox=f"0 0 {width} {height}", role="img")


def _panel(one: Tried, names: Sequence[str], figure: str, place: int, right: float) -> str:
    left, top = _LEFT + place * (_WIDTH + _GAP), _LATEST[figure]

    def at(outcome: Outcome) -> tuple[float, float] | None:
        latency = outcome.latency
        if latency is None:
            return None
        value = latency.p50 if figure == "p50" else latency.p95
        x = left + (outcome.cut_offs.value or 0.0) / right * _WIDTH
        return round(x, 1), round(_TOP + _HEIGHT * (1 - min(value, top) / top), 1)

    parts = [tag("text", text(f"latency {figure}, s"), x=left, y=_TOP - 6)]
    for step in range(int(top / 0.5) + 1):
        y = _TOP + _HEIGHT * (1 - step * 0.5 / top)
        parts.append(tag("line", x1=left, x2=left + _WIDTH, y1=y, y2=y, class_="grid"))
        parts.append(tag("text", text(f"{step * 0.5:g}"), x=left - 8, y=y + 4, text_anchor="end"))
    for step in range(6):
        x = left + _WIDTH * step / 5
        parts.append(tag("text", text(f"{right * step * 20:.0f} %"), x=x, y=_TOP + _HEIGHT + 18, text_anchor="middle"))
    caption = text("pauses cut off")
    parts.append(tag("text", caption, x=left + _WIDTH / 2, y=_TOP + _HEIGHT + 36, text_anchor="middle"))
    for name, colour in zip(names, _COLOURS, strict=True):
        outcomes = [(rule, point) for rule, made in one.outcomes if rule.name == name and (point := at(made))]
        line = " ".join(f"{x},{y}" for _, (x, y) in outcomes)
        parts.append(tag("polyline", points=line, fill="none", stroke=colour, stroke_width=2))
        for rule, (x, y) in outcomes:
            hint = tag("title", text(f"{rule.name}, {rule.setting}"))
            parts.append(tag("circle", hint, cx=x, cy=y, r=7 if rule.default else 3, fill=colour))
    held_out = at(one.held_out.outcome)
    if held_out is not None:
        x, y = held_out
        hint = tag("title", text("learned, source held out"))
        parts.append(tag("circle", hint, cx=x, cy=y, r=7, fill="none", stroke=_COLOURS[0], stroke_width=2))
    return tag("g", *parts)
