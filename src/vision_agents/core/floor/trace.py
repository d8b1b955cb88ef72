"""The trace: everything that went into the floor and came out, so that a session can be replayed and drawn.

A trace is a sequence of JSON records, one a line in a file. `t` is in seconds since the session began.

    {"t": 0.0, "note": "session", "version": 1, "policy": {…}, "answers": true, "started": <Unix time>}
    {"t": 1.2, "event": "SpeechStarted", "participant": "user", …}     an event of the floor, with its fields
    {"t": 1.2, "effect": "Hold", "reply": 3, …}                        an effect of the event before it
    {"t": 1.2, "note": "…", …}                                         a fact beside the floor, for people and reports
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from . import effects as fx
from . import events as ev
from .machine import Floor
from .policy import InterruptionPolicy

VERSION = 1

Record = dict[str, Any]
Observer = Callable[[Mapping[str, Any]], None]

_EVENTS: dict[str, type[ev.FloorEvent]] = {kind.__name__: kind for kind in ev.FloorEvent.__subclasses__()}


class TraceError(ValueError):
    """A trace that cannot be read. The message names the line and what is wrong with it."""


class Trace:
    """Hands each record to the observers as it happens. `start` is the session's zero on the clock of the events."""

    def __init__(self, start: float) -> None:
        self.start = start
        self._observers: list[Observer] = []

    def observe(self, observer: Observer) -> None:
        """Call `observer(record)` for each record from now on. It must return at once and not raise."""
        self._observers.append(observer)

    def event(self, event: ev.FloorEvent, effects: Iterable[fx.Effect]) -> None:
        """Record an event and what it led to."""
        if not self._observers:
            return
        self._emit(event_record(event, self.start))
        for effect in effects:
            self._emit(effect_record(effect, event.at - self.start))

    def note(self, at: float, note: str, **facts: Any) -> None:
        """Record a fact that is not the floor's."""
        if self._observers:
            self._emit({"t": round(at - self.start, 6), "note": note, **facts})

    def _emit(self, record: Record) -> None:
        for observer in self._observers:
            observer(record)


def session_record(floor: Floor, started: float) -> Record:
    """The first record of a trace. `started`: Unix time."""
    policy = {f.name: getattr(floor.policy, f.name) for f in fields(floor.policy)}
    return {"version": VERSION, "policy": policy, "answers": floor.answers, "started": started}


def event_record(event: ev.FloorEvent, start: float = 0.0) -> Record:
    """An event as a record. Its own `at` is kept exact: a replay must see the same numbers."""
    facts = {f.name: getattr(event, f.name) for f in fields(event) if f.name != "at"}
    return {"t": round(event.at - start, 6), "event": type(event).__name__, "at": event.at, **facts}


def effect_record(effect: fx.Effect, t: float) -> Record:
    """An effect as a record."""
    return {
        "t": round(t, 6),
        "effect": type(effect).__name__,
        **{f.name: getattr(effect, f.name) for f in fields(effect)},
    }


def read_event(record: Mapping[str, Any]) -> ev.FloorEvent:
    """The event of a record. Raises TraceError for one that this version does not know."""
    kind = _EVENTS.get(record["event"])
    if kind is None:
        raise TraceError(f"there is no floor event {record['event']!r}; was the trace made by a newer version?")
    try:
        return kind(**{name: value for name, value in record.items() if name not in ("t", "event")})
    except TypeError as error:
        raise TraceError(f"the fields of {record['event']} do not fit: {error}") from None


def read_trace(path: Path) -> list[Record]:
    """All records of a trace file. A last line that was cut off (the process died) is left out.

    Raises TraceError, with the line's number, for anything else that is no record; OSError if the file cannot be read.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    records: list[Record] = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise TraceError(f"{path.name}, line {number}: not JSON ({error})") from None
        if not isinstance(record, dict) or not {"event", "effect", "note"} & record.keys():
            raise TraceError(f"{path.name}, line {number}: no record of a trace")
        records.append(record)
    return records


@dataclass(frozen=True, slots=True)
class Difference:
    """An event after which the floor does something else than was recorded."""

    t: float
    event: Record
    recorded: list[Record]
    replayed: list[Record]


def replay(records: Iterable[Record], policy: InterruptionPolicy | None = None) -> Iterator[Difference]:
    """Run a new floor over the recorded events, and yield each event whose effects differ from the recorded ones.

    With `policy` the question is what would have happened under it, as far as the recorded events can tell: the user's
    audio is as it was, but an agent that had gone on would have said more.
    """
    records = list(records)
    floor = _floor_of(records, policy)
    for index, record in enumerate(records):
        if "event" not in record:
            continue
        t = float(record["t"])
        replayed = [_normal(effect_record(effect, t)) for effect in floor.handle(read_event(record))]
        recorded = []
        for following in records[index + 1 :]:
            if "event" in following:
                break
            if "effect" in following:
                recorded.append(_normal(following))
        if replayed != recorded:
            yield Difference(t, record, recorded, replayed)


def _floor_of(records: list[Record], policy: InterruptionPolicy | None) -> Floor:
    head = next((record for record in records if record.get("note") == "session"), None)
    if head is None:
        raise TraceError("the trace has no session record, which says under which policy it was made")
    if head.get("version") != VERSION:
        raise TraceError(f"the trace is of version {head.get('version')}, this program reads version {VERSION}")
    return Floor(policy or InterruptionPolicy(**head["policy"]), answers=head["answers"])


def _normal(record: Record) -> Record:
    """As it would come back from a file."""
    normal: Record = json.loads(json.dumps(record))
    normal.pop("t", None)
    return normal
