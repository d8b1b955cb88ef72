"""`lab.html`: a run for people, in one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from types import MappingProxyType

from vision_agents.core.observability.explain import counted
from vision_agents.core.observability.markup import tag, text

from .figures import Figures, figures, heard_figures
from .goals import goals
from .plots import STYLE, plots
from .result import CaseResult, LabResult
from .statistics import Proportion, Spread
from .table import (
    DECISIONS,
    GOAL_HEADER,
    HEARD_HEADER,
    LEGEND,
    TIMES,
    decision_cells,
    goal_cells,
    heard_cells,
    interval,
    milliseconds,
    notes_of,
    percent,
    time_cells,
)

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; media-src data:"

# Beside the style sheet of the calls' report.
_STYLE = """
main { max-width: 1280px; }
td.good { color: var(--resume); } td.bad { color: var(--commit); }
.figures + .card { margin-top: 14px; } .between { margin: 12px 0; } td:first-child { white-space: nowrap; }
details > summary { padding: 12px 16px; cursor: pointer; } details + details { margin-top: 10px; }
@media (max-width: 640px) {
  table { font-size: 13px; } th, td { padding: 8px 7px; }
  td:first-child { white-space: normal; }
}
"""

_COLUMNS = (
    "case", "state", "sound", "expected", "decision", "why", "by", "voiced", "held", "silence", "gap", "words heard",
)  # fmt: skip


def lab_page(
    result: LabResult, title: str = "Interruption lab", sounds: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The whole page. `sounds`: the addresses of what cases sounded like, by their ids."""
    rows = figures(result.cases)
    heard = heard_figures(result.cuts)
    body = [tag("header", tag("h1", text(title)), tag("p", text(_settings(result)), class_="soft"))]
    body += [tag("p", text(condition), class_="soft") for condition in result.conditions]
    body += [
        tag("h2", text("Goals")),
        _table(_judged(GOAL_HEADER), (map(_goal, _judged(goal_cells(goal))) for goal in goals(rows, heard)), 3),
    ]
    for origin in dict.fromkeys(row.origin for row in rows):
        total = next(row for row in rows if row.origin == origin and row.kind == "all")
        of = [case for case in result.cases if case.origin == origin]
        body += [tag("h2", text(_origin(origin))), _totals(total), plots(of), *_kinds(rows, origin)]
        body += [tag("p", text(f"{kind}: {note}"), class_="soft") for kind, note in notes_of(rows, origin).items()]
    if heard:
        body += [
            tag("h2", text("Heard words, against forced alignment of what was played")),
            _table(HEARD_HEADER, (map(text, heard_cells(row)) for row in heard), number=1),
        ]
    faulty = [case for case in result.cases if case.faulty]
    others = [case for case in result.cases if not case.faulty]
    body += [
        tag("h2", text(f"Decided wrongly: {counted(len(faulty), 'case')}")),
        *_listen(faulty, sounds),
        *_groups(faulty),
        tag("h2", text("Every other case")) if others else "",
        *_groups(others),
    ]
    css = files("vision_agents.core.observability").joinpath("page.css").read_text(encoding="utf-8")
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("title", text(title)),
        tag("style", css + _STYLE + STYLE),
    ]
    return f"<!doctype html>\n{tag('html', tag('head', *head), tag('body', tag('main', *body)), lang='en')}\n"


def _settings(result: LabResult) -> str:
    changed = ", ".join(f"{name} {value}" for name, value in result.policy.items())
    return f"{len(result.cases)} calls in virtual time · policy: {changed or 'the default'}"


def _origin(origin: str) -> str:
    return {"suite": "The suite", "audio": "The recordings"}.get(origin, origin)


def _totals(total: Figures) -> str:
    return tag(
        "section",
        _share(total.yielded, "true interruptions that it yielded to"),
        _share(total.ignored, "all else that it ignored"),
        _times(total.silence, "onset to silence, p50/p95"),
        _times(total.resume_gap, "end of the sound to the next sample, p50/p95"),
        _figure(f"{total.lost} / {total.repeated}", "samples lost / repeated beyond the cut word"),
        class_="figures",
    )


def _share(share: Proportion, meaning: str) -> str:
    if not share.count:
        return _figure("–", f"{meaning}: no case")
    return _figure(percent(share.value, 1), f"{meaning}, 95 %: {interval(share)} %")


def _times(times: Spread | None, meaning: str) -> str:
    return _figure(f"{milliseconds(times)} ms" if times else "–", meaning if times else f"{meaning}: no case")


def _figure(value: str, meaning: str) -> str:
    return tag("div", tag("b", text(value)), tag("span", text(meaning)), class_="card figure")


def _kinds(rows: list[Figures], origin: str) -> list[str]:
    """The kinds' decisions, and their times: side by side they would be wider than a screen."""
    kinds = [row for row in rows if row.origin == origin and row.kind != "all"]
    errors = (percent(None if row.word_error is None else row.word_error.value, 1) for row in kinds)
    times = ((*time_cells(row), error) for row, error in zip(kinds, errors, strict=True))
    return [
        _table(DECISIONS, (map(text, decision_cells(row, len(row.deciders))) for row in kinds), number=1, words=1),
        tag("p", text(LEGEND), class_="soft between"),
        _table((*TIMES, "heard-word error"), (map(text, row) for row in times), number=1),
    ]


def _listen(cases: Iterable[CaseResult], sounds: Mapping[str, str]) -> Iterable[str]:
    heard = [case for case in cases if case.id in sounds]
    if not heard:
        return
    rows = (
        [
            text(case.id),
            text(f"{case.kind} → {case.expect}"),
            text(case.decision),
            text(case.reason),
            tag("audio", controls="", preload="none", src=sounds[case.id], aria_label=f"Case {case.id}"),
        ]
        for case in heard
    )
    yield tag("p", text("Left the caller, right the agent; what the caller asked before is left out."), class_="soft")
    yield _table(("case", "kind", "decision", "why", "listen"), rows, number=5)


def _groups(cases: Iterable[CaseResult]) -> list[str]:
    groups: dict[str, list[CaseResult]] = {}
    for case in cases:
        groups.setdefault(f"{case.kind} → {case.expect}, {_origin(case.origin).lower()}", []).append(case)
    return [
        tag(
            "details",
            tag("summary", text(f"{name}: {len(members)}")),
            _table(_COLUMNS, map(_case, members), number=len(_COLUMNS)),
            class_="card",
        )
        for name, members in groups.items()
    ]


def _judged(row: Sequence[str]) -> tuple[str, ...]:
    """With the verdict, which stands last, beside the goal: on a telephone the last of many columns is out of sight."""
    of, goal, *rest, verdict = row
    return (of, goal, verdict, *rest)


def _goal(cell: str) -> str:
    kind = {"met": "good", "NOT MET": "bad"}.get(cell)
    return tag("td", text(cell), class_=kind) if kind else text(cell)


def _table(header: Sequence[str], rows: Iterable[Iterable[str]], number: int, words: int = 0) -> str:
    """`rows` are markup; from column `number` on they are numbers, but for the last `words` columns."""
    numbers = len(header) - number - words
    kinds = [None] * number + ["number"] * numbers + [None] * words
    head = tag(
        "tr", *(tag("th" if name else "td", text(name), class_=kind) for name, kind in zip(header, kinds, strict=True))
    )
    body = (tag("tr", *map(_cell, row, kinds)) for row in rows)
    return tag("div", tag("table", head, *body), class_="card wide", tabindex=0)


def _cell(content: str, kind: str | None) -> str:
    return content if content.startswith("<td") else tag("td", content, class_=kind)


def _case(case: CaseResult) -> list[str]:
    words = [entry[2] for entry in case.evidence.get("words", []) if entry[2]]
    held = case.evidence.get("held")
    return [
        text(case.id),
        text(case.state),
        text(case.sound),
        text(case.expect),
        tag("td", text(case.decision + (", stuck" if case.stuck else "")), class_="good" if case.right else "bad"),
        text(case.reason),
        text(case.decided_by or "–"),
        text(f"{case.evidence.get('voiced', 0.0):.2f} s"),
        text("–" if held is None else f"{held:.2f} s"),
        text(_ms(case.silence)),
        text(_ms(case.resume_gap)),
        text(words[-1] if words else ""),
    ]


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value * 1000:.0f} ms"
