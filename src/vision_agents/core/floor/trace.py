"""The trace: everything that went into the floor and came out, so that a session can be replayed and drawn.

A trace is a sequence of JSON records, one a line in a file. `t` is in seconds since the session began.

    {"t": 0.0, "note": "session", "version": 2, "policy": {…}, "words": {…}, "answers": true, "started": <Unix time>}
    {"t": 1.2, "event": "SpeechStarted", "participant": "user", …}     an event of the floor, with its fields
    {"t": 1.2, "effect": "Hold", "reply": 3, …}                        an effect of the event before it
    {"t": 1.2, "note": "…", …}                                         a fact beside the floor, for people and reports
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from . import effects as fx
from . import events as ev
from .machine import EVENTS, Floor
from .policy import InterruptionPolicy
from .vocabulary import Vocabulary

VERSION = 2

Record = dict[str, Any]
Observer = Callable[[Mapping[str, Any]], None]

_EVENTS = {kind.__name__: kind for kind in EVENTS}
_TYPES = {kind: typing.get_type_hints(kind) for kind in EVENTS}


class TraceError(ValueError):
    """A trace that cannot be read. The message says where, and what is wrong with it."""


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
    """The facts of a trace's first record, the note "session". `started`: Unix time."""
    policy = {knob.name: getattr(floor.policy, knob.name) for knob in fields(floor.policy)}
    words = {kind.name: sorted(getattr(floor.vocabulary, kind.name)) for kind in fields(floor.vocabulary)}
    return {"version": VERSION, "policy": policy, "words": words, "answers": floor.answers, "started": started}


def event_record(event: ev.FloorEvent, start: float = 0.0) -> Record:
    """An event as a record. Its own `at` is kept exact: a replay must see the same numbers."""
    return {"t": round(event.at - start, 6), "event": type(event).__name__, **_facts(event)}


def effect_record(effect: fx.Effect, t: float) -> Record:
    """An effect as a record."""
    return {"t": round(t, 6), "effect": type(effect).__name__, **_facts(effect)}


def _facts(of: ev.FloorEvent | fx.Effect) -> Record:
    return {fact.name: _plain(getattr(of, fact.name)) for fact in fields(of)}


def _plain(value: Any) -> Any:
    """As JSON has it: the votes of an effect are records too."""
    return [asdict(vote) for vote in value] if isinstance(value, tuple) else value


def read_event(record: Mapping[str, Any]) -> ev.FloorEvent:
    """The event of a record. Raises TraceError for one that this version does not know."""
    name = record["event"]
    kind = _EVENTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise TraceError(f"there is no floor event {name!r}; was the trace made by a newer version?")
    facts = {name: value for name, value in record.items() if name not in ("t", "event")}
    for name, value in facts.items():
        if name in _TYPES[kind] and not _is_a(_TYPES[kind][name], value):
            raise TraceError(f"{name} of {kind.__name__} cannot be {value!r}")
    try:
        return kind(**facts)
    except TypeError as error:
        raise TraceError(f"the fields of {kind.__name__} do not fit: {error}") from None


def _is_a(wanted: Any, value: object) -> bool:
    if isinstance(wanted, types.UnionType):
        return any(_is_a(option, value) for option in typing.get_args(wanted))
    if wanted is bool or isinstance(value, bool):
        return wanted is bool and isinstance(value, bool)
    if wanted is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, wanted)


def read_trace(path: Path) -> list[Record]:
    """All records of a trace file. A last line that was cut off (the process died) is left out.

    Raises TraceError, with the line's number, for anything else that is no record; OSError if the file cannot be read.
    """
    # Not `splitlines`: a transcript may contain what Unicode calls the end of a line.
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    records: list[Record] = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(_read_line(line))
        except TraceError as error:
            if number == len(lines) > 1:
                break
            raise TraceError(f"{path.name}, line {number}: {error}") from None
    return records


def _read_line(line: str) -> Record:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TraceError(f"not JSON ({error})") from None
    if not isinstance(record, dict) or not {"event", "effect", "note"} & record.keys():
        raise TraceError("no record of a trace")
    if not _is_a(float, record.get("t")):
        raise TraceError('the record has no time "t"')
    return record


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
    audio is as it was, but an agent that had gone on would have said more. Raises TraceError for records that are no
    trace of this version.
    """
    records = list(records)
    floor = _floor_of(records, policy)
    steps: list[tuple[Record, list[Record]]] = []
    for record in records:
        if "event" in record:
            steps.append((record, []))
        elif "effect" in record and steps:
            steps[-1][1].append(_normal(record))
    for record, recorded in steps:
        replayed = [_normal(effect_record(effect, 0.0)) for effect in floor.handle(read_event(record))]
        if replayed != recorded:
            yield Difference(float(record["t"]), record, recorded, replayed)


def _floor_of(records: list[Record], policy: InterruptionPolicy | None) -> Floor:
    session = next((record for record in records if record.get("note") == "session"), None)
    if session is None:
        raise TraceError("the trace has no session record, which says under which policy it was made")
    if session.get("version") != VERSION:
        raise TraceError(f"the trace is of version {session.get('version')}, this program reads version {VERSION}")
    try:
        recorded, answers = InterruptionPolicy(**session["policy"]), bool(session["answers"])
        vocabulary = Vocabulary(**{kind: frozenset(words) for kind, words in session["words"].items()})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TraceError(f"the session record of the trace cannot be used: {error!r}") from None
    return Floor(policy or recorded, answers=answers, vocabulary=vocabulary)


def _normal(record: Record) -> Record:
    """As it would come back from a file."""
    normal: Record = json.loads(json.dumps(record))
    normal.pop("t", None)
    return normal
