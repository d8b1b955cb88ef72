"""The part of the report's page on answers: where the time of each went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .explain import STAGES, clock, delays, stage_sentence
from .facts import AnswerFacts, Report, distribution
from .markup import tag, text

# A bar's length and height in its own units, for the slowest answer.
LENGTH = 1000.0
HEIGHT = 12.0

# A page with more rows than this is not read any more; the JSON has them all.
MOST_ROWS = 200


def answer_table(report: Report, names: Mapping[str, str]) -> Iterator[str]:
    """The section's markup; nothing in a call of which the stages are not known."""
    if not report.answers:
        return
    yield tag("h2", "Answers, and where their time went")
    yield tag(
        "p",
        text(
            "In ms, from the end of the user's speech, as detected, to the first sample that was pulled. Each stage is "
            "counted from the one before it; what was there early took nothing."
        ),
        class_="soft",
    )
    slowest = max((facts.total for facts in report.answers if facts.total is not None), default=0.0)
    rows = [_row(facts, names, slowest) for facts in report.answers[:MOST_ROWS]]
    yield tag("div", tag("table", _head(), *rows, _median(report), class_="answers"), class_="card wide", tabindex=0)
    if len(report.answers) > MOST_ROWS:
        yield tag("p", text(f"{len(report.answers) - MOST_ROWS} more are in report.json."), class_="soft")


def _head() -> str:
    stages = (
        tag("th", tag("i", class_=f"stage {stage}"), text(short), class_="number", title=long)
        for stage, (short, long) in STAGES.items()
    )
    return tag(
        "tr", tag("td"), tag("th", "at", class_="number"), tag("td"), *stages, tag("th", "whole", class_="number")
    )


def _row(facts: AnswerFacts, names: Mapping[str, str], slowest: float) -> str:
    stages = facts.stages
    at = stages.speech_end if stages.speech_end is not None else stages.begun
    who = facts.participant
    told = ", ".join(filter(None, (f"to {names.get(who, who)}" if who is not None else "", delays(facts))))
    return tag(
        "tr",
        tag("td", text(facts.reply), class_="number"),
        tag("td", text("–" if at is None else clock(at)), class_="number"),
        tag("td", _bar(facts, slowest), tag("p", text(told), class_="soft"), class_="bar"),
        *(tag("td", text(_ms(facts.durations.get(stage))), class_="number") for stage in STAGES),
        tag("td", tag("b", text(_ms(facts.total))), class_="number"),
    )


def _median(report: Report) -> str:
    spread = report.stages
    total = distribution(facts.total for facts in report.answers)
    if total is None or total.count < 2:
        return ""
    return tag(
        "tr",
        tag("td", "median", colspan=3),
        *(tag("td", text(_ms(spread[stage].p50 if stage in spread else None)), class_="number") for stage in STAGES),
        tag("td", text(_ms(total.p50)), class_="number"),
        class_="median",
    )


def _bar(facts: AnswerFacts, slowest: float) -> str:
    """The stages in a row, as long as they took; of an answer that was not heard, or has no speech, there is none."""
    if facts.total is None or not slowest:
        return ""
    pieces, x = [], 0.0
    for stage, (_, long) in STAGES.items():
        seconds = facts.durations.get(stage, 0.0)
        if seconds:
            width = seconds / slowest * LENGTH
            title = tag("title", text(f"{_ms(seconds)} ms {long}"))
            pieces.append(tag("rect", title, class_=f"stage {stage}", x=x, y=0, width=width, height=HEIGHT))
            x += width
    return tag(
        "svg",
        *pieces,
        viewBox=f"0 0 {LENGTH:g} {HEIGHT:g}",
        preserveAspectRatio="none",
        class_="stages",
        role="img",
        aria_label=stage_sentence(facts),
    )


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:.0f}"
