"""The goals of an agent's judgement of interruptions, and whether they were reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .figures import SOON, Figures, HeardFigures
from .statistics import Proportion

YIELD = 0.99
SELECTIVITY = {
    "backchannel": 0.9,
    "vocal": 0.9,
    "noise": 0.9,
    "music": 0.9,
    "echo": 0.9,
    "echo_cancelled": 0.9,
    "side_talk": 0.7,
    "side_talk_equal": 0.6,
}
SILENCE = 0.09
RESUME = 0.3
RESPONSE, SLOWEST_RESPONSE = 0.35, 1.0
WAITS = 0.98
WORD_ERROR = 0.03


@dataclass(frozen=True, slots=True)
class Goal:
    """`origin`: of the cases that were measured; `measured`, with its `interval` at 95 %, in `count` cases.

    `met`: whether what was measured reaches the goal. The interval may well go beyond it.
    """

    origin: str
    name: str
    wanted: str
    measured: str
    interval: str
    count: int
    met: bool


def goals(rows: Sequence[Figures], heard: Sequence[HeardFigures] = ()) -> list[Goal]:
    """Each goal for each origin of which there are cases, then the heard words."""
    found: list[Goal] = []
    for origin in dict.fromkeys(row.origin for row in rows):
        kinds = {row.kind: row for row in rows if row.origin == origin and row.ignored.count and row.kind != "all"}
        total = next(row for row in rows if row.origin == origin and row.kind == "all")
        found += _goals_of(total, kinds)
    return found + [_heard(row) for row in heard if row.error is not None and not row.source.startswith("aligner")]


def _goals_of(total: Figures, kinds: dict[str, Figures]) -> Iterator[Goal]:
    origin = total.origin
    yield from _share(origin, "yields to true interruptions", YIELD, total.yielded)
    for kind, wanted in SELECTIVITY.items():
        if kind in kinds:
            yield from _share(origin, f"ignores: {kind}", wanted, kinds[kind].ignored)
    if (silence := total.silence) is not None:
        name = "time to silence, median"
        yield _time(origin, name, SILENCE, silence.p50, silence.p50_interval, silence.count)
    if (delay := total.resume_delay) is not None:
        name = "goes on after it knows, 95 of 100"
        yield _time(origin, name, RESUME, delay.p95, delay.p95_interval, delay.count)
    if (response := total.response) is not None:
        yield _time(origin, "answers, median", RESPONSE, response.p50, response.p50_interval, response.count)
        yield _time(origin, "answers, 95 of 100", SLOWEST_RESPONSE, response.p95, response.p95_interval, response.count)
        waited = Proportion(response.count, response.count + total.interposed)
        yield from _share(origin, "answers when the caller is done", WAITS, waited)
    yield from _share(origin, f"false stops over within {SOON:g} s", 1.0, total.soon)
    lost = total.lost + total.repeated
    interval = _interval(total.intact)
    name = "no sample lost or repeated"
    yield Goal(origin, name, "0", f"{lost}; {_percent(total.intact.value)}", interval, total.intact.count, lost == 0)


def _share(origin: str, name: str, wanted: float, share: Proportion) -> Iterator[Goal]:
    if share.value is not None:
        bound = f"{'≥ ' if wanted < 1 else ''}{wanted * 100:.0f} %"
        measured = f"{_percent(share.value)} ({share.hits}/{share.count})"
        yield Goal(origin, name, bound, measured, _interval(share), share.count, share.value >= wanted)


def _time(origin: str, name: str, wanted: float, seconds: float, interval: tuple[float, float], count: int) -> Goal:
    measured, (low, high) = seconds * 1000, (bound * 1000 for bound in interval)
    return Goal(
        origin,
        name,
        f"≤ {wanted * 1000:.0f} ms",
        f"{measured:.0f} ms",
        f"{low:.0f}–{high:.0f}",
        count,
        seconds <= wanted,
    )


def _heard(row: HeardFigures) -> Goal:
    assert row.error is not None
    error = row.error
    return Goal(
        "speech",
        f"heard-word error, {row.source} times",
        f"≤ {WORD_ERROR * 100:.0f} %",
        f"{error.value * 100:.2f} %",
        f"{error.low * 100:.2f}–{error.high * 100:.2f}",
        error.count,
        error.value <= WORD_ERROR,
    )


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.1f} %"


def _interval(share: Proportion) -> str:
    return "–" if share.interval is None else f"{share.interval[0] * 100:.0f}–{share.interval[1] * 100:.0f}"
