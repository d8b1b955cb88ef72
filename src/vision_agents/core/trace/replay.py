"""Runs the floor over recorded events again: does it decide the same?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..floor import Floor, InterruptionPolicy, Vocabulary
from ..floor import events as ev
from .codec import Json, TraceError
from .notes import SessionStarted
from .records import Fact, encode_record, read_record


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
    recorded = _policy(session)
    try:
        vocabulary = Vocabulary(**{kind: frozenset(words) for kind, words in session.words.items()})
    except (AttributeError, TypeError, ValueError) as error:
        raise TraceError(f"the session record of the trace cannot be used: {error!r}") from None
    return Floor(policy or recorded, answers=session.answers, vocabulary=vocabulary, apology=session.apology)


def recorded_policy(records: Iterable[Mapping[str, Any]]) -> InterruptionPolicy:
    """The policy under which the call was held. Raises TraceError if the trace does not say, or says it wrongly."""
    return _policy(_session(records))


def _session(records: Iterable[Mapping[str, Any]]) -> SessionStarted:
    record = next((record for record in records if record.get("note") == SessionStarted.__name__), None)
    if record is None:
        raise TraceError("the trace has no session record, which says under which policy it was made")
    session = read_record(record).fact
    assert isinstance(session, SessionStarted)
    return session


def _policy(session: SessionStarted) -> InterruptionPolicy:
    try:
        return InterruptionPolicy(**session.policy)
    except (TypeError, ValueError) as error:
        raise TraceError(f"the policy in the session record of the trace cannot be used: {error!r}") from None


def _comparable(record: Json) -> Json:
    """An effect as it would come back from a file, without its time and the state after it."""
    plain: Json = json.loads(json.dumps(record))
    return {key: value for key, value in plain.items() if key not in ("t", "state")}
