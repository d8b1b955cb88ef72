"""Asking a recorded call what another policy would have done.

What people did is as it was recorded. What the agent did is as well: one that had gone on would have said more, and the
user might have answered it. So the first differences tell most, and later ones follow from them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ..floor import InterruptionPolicy
from ..trace import encode_record, recorded_floor
from ..trace.codec import Json
from ..trace.replay import TOLERANCE, recorded_event, rerun

# What is told of an interruption; other effects are of no interest to a listener.
TOLD = ("Hold", "Commit", "Resume", "DropReply")


@dataclass(frozen=True, slots=True)
class Change:
    """An effect, and whether it is the same as before (" "), is no more ("-"), or is new ("+"). `t` as in the trace."""

    mark: Literal[" ", "-", "+"]
    t: float
    effect: Json


def what_if(records: list[Json], policy: InterruptionPolicy) -> list[Change]:
    """Run the recorded call under `policy` and compare holds, commits, resumes and dropped replies, in order of time.

    The floor's deadlines fall due in their own time here, whether or not they were recorded.
    Raises TraceError for a trace that cannot be read.
    """
    before = [(float(record["t"]), record) for record in records if record.get("effect") in TOLD]
    after = [(t, effect) for t, effect in _run(records, policy) if effect["effect"] in TOLD]
    return list(_compare(before, after))


def _run(records: list[Json], policy: InterruptionPolicy) -> Iterator[tuple[float, Json]]:
    events = ((float(record["t"]), recorded_event(record)) for record in records if "event" in record)
    end = max((float(record["t"]) for record in records), default=0.0)
    for t, effect in rerun(recorded_floor(records, policy), events, end):
        yield t, encode_record(t, effect)


def _compare(before: list[tuple[float, Json]], after: list[tuple[float, Json]]) -> Iterator[Change]:
    matcher = difflib.SequenceMatcher(None, [_key(effect) for _, effect in before], [_key(e) for _, e in after], False)
    changes: list[Change] = []
    for _, i1, i2, j1, j2 in matcher.get_opcodes():
        pairs = list(zip(before[i1:i2], after[j1:j2], strict=False))
        for old, new in pairs:
            changes += [Change(" ", *new)] if _same(old, new) else [Change("-", *old), Change("+", *new)]
        changes += [Change("-", t, effect) for t, effect in before[i1 + len(pairs) : i2]]
        changes += [Change("+", t, effect) for t, effect in after[j1 + len(pairs) : j2]]
    yield from sorted(changes, key=lambda change: change.t)


def _key(effect: Json) -> tuple[Any, ...]:
    return effect["effect"], effect.get("reply"), effect.get("rewind")


def _same(old: tuple[float, Json], new: tuple[float, Json]) -> bool:
    return _key(old[1]) == _key(new[1]) and abs(old[0] - new[0]) <= TOLERANCE
