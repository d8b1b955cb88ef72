"""Runs the floor over recorded events again, and tells where it decides otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..floor import Floor, InterruptionPolicy, Vocabulary
from ..floor import effects as fx
from ..floor import events as ev
from .codec import Json, TraceError
from .notes import SessionStarted
from .records import Fact, encode_record, read_record

# Nobody hears a smaller difference in seconds; a recorded deadline is as late as the timer that announced it.
TOLERANCE = 0.05

# Deadlines that fall due one after the other without an event between them: more would be a loop.
_DEADLINES = 64


@dataclass(frozen=True, slots=True)
class Difference:
    """An event after which the floor does something else than was recorded."""

    t: float
    event: Json
    recorded: list[Json]
    replayed: list[Json]


def replay(records: Iterable[Json], policy: InterruptionPolicy | None = None) -> Iterator[Difference]:
    """Run a new floor over the recorded events, and yield each event whose effects differ from the recorded ones.

    With `policy` the question is what would have happened under it, as far as the recorded events can tell: the user's
    audio is as it was, but an agent that had gone on would have said more. Raises TraceError for records that are no
    trace of this version.
    """
    records = list(records)
    floor = recorded_floor(records, policy)
    steps: list[tuple[Json, list[Json]]] = []
    for record in records:
        if "event" in record:
            steps.append((record, []))
        elif "effect" in record and steps:
            # As this version writes it: fields that are new have their defaults.
            steps[-1][1].append(_comparable(encode_record(0.0, recorded_fact(record))))
    for record, recorded in steps:
        if policy is not None and record["event"] == ev.PolicySet.__name__:
            continue  # It is as if that had always been the policy.
        replayed = [_comparable(encode_record(0.0, effect)) for effect in floor.handle(recorded_event(record))]
        if replayed != recorded:
            yield Difference(float(record["t"]), record, recorded, replayed)


def rerun(floor: Floor, events: Iterable[tuple[float, ev.FloorEvent]], end: float) -> Iterator[tuple[float, fx.Effect]]:
    """Run `floor` over recorded events, each with its time `t` in the trace, and yield what it does, and when.

    Its deadlines fall due in their own time up to `end`, whether or not they were recorded; at the same moment what was
    recorded comes first, as it did. The floor's policy holds throughout: it is as if that had always been the policy.
    """
    start = 0.0
    for t, event in events:
        if isinstance(event, ev.PolicySet):
            continue
        start = event.at - t
        yield from _due(floor, event.at, start)
        yield from ((t, effect) for effect in floor.handle(event))
    yield from _due(floor, start + end, start)


def _due(floor: Floor, until: float, start: float) -> Iterator[tuple[float, fx.Effect]]:
    """Let the deadlines before `until` fall due, each as it stands when the one before it has been dealt with."""
    for _ in range(_DEADLINES):
        at = floor.deadline
        if at is None or at >= until:
            return
        yield from ((at - start, effect) for effect in floor.handle(ev.TimePassed(at)))


def recorded_fact(record: Mapping[str, Any]) -> Fact:
    """The event or effect of a record. Raises TraceError for one that this version does not know."""
    fact = read_record(record).fact
    assert fact is not None  # as a note of a later version may be
    return fact


def recorded_event(record: Mapping[str, Any]) -> ev.FloorEvent:
    """The event of a record. Raises TraceError for one that this version does not know."""
    fact = read_record(record).fact
    assert isinstance(fact, ev.FloorEvent)
    return fact


def recorded_floor(records: Iterable[Mapping[str, Any]], policy: InterruptionPolicy | None = None) -> Floor:
    """A new floor as the one that was recorded, under `policy` if given. Raises TraceError for another version."""
    session = _session(records)
    recorded = policy_of(session)
    try:
        vocabulary = Vocabulary(**{kind: frozenset(words) for kind, words in session.words.items()})
    except (AttributeError, TypeError, ValueError) as error:
        raise TraceError(f"the session record of the trace cannot be used: {error!r}") from None
    return Floor(policy or recorded, answers=session.answers, vocabulary=vocabulary, apology=session.apology)


def recorded_policy(records: Iterable[Mapping[str, Any]]) -> InterruptionPolicy:
    """The policy under which the call was held. Raises TraceError if the trace does not say, or says it wrongly."""
    return policy_of(_session(records))


def _session(records: Iterable[Mapping[str, Any]]) -> SessionStarted:
    record = next((record for record in records if record.get("note") == SessionStarted.__name__), None)
    if record is None:
        raise TraceError("the trace has no session record, which says under which policy it was made")
    session = read_record(record).fact
    assert isinstance(session, SessionStarted)
    return session


def policy_of(session: SessionStarted) -> InterruptionPolicy:
    """The policy under which a call began. Raises TraceError for one that cannot be used."""
    try:
        return InterruptionPolicy(**session.policy)
    except (TypeError, ValueError) as error:
        raise TraceError(f"the policy in the session record of the trace cannot be used: {error!r}") from None


def _comparable(record: Json) -> Json:
    """An effect as it would come back from a file, without its time and the state after it."""
    plain: Json = json.loads(json.dumps(record))
    return {key: value for key, value in plain.items() if key not in ("t", "state")}
