"""One record of a trace: an event of the floor, an effect of it, or a note; as JSON and as what it stands for.

    {"t": 1.2, "state": "held", "event": "SpeechStarted", "participant": "user", …}
    {"t": 1.2, "state": "held", "effect": "Hold", "reply": 3, …}       an effect of the event before it
    {"t": 1.2, "state": "held", "note": "UserTranscript", …}           a fact beside the floor

`t` is in seconds since the session began; `state` is the floor's, after the event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..floor import FloorState
from ..floor import effects as fx
from ..floor import events as ev
from ..floor.machine import EVENTS
from .codec import Json, TraceError, decode, encode, fits
from .notes import NOTES, OLDEST, VERSION, Note, SessionStarted

Fact = ev.FloorEvent | fx.Effect | Note

# The longest call that a trace can be of, in seconds: a time beyond it is a damaged record and not to be drawn.
LONGEST = 1e6

_EFFECTS = fx.Effect.__subclasses__()
_KINDS: dict[str, dict[str, type[Fact]]] = {
    "event": {kind.__name__: kind for kind in EVENTS},
    "effect": {kind.__name__: kind for kind in _EFFECTS},
    "note": {kind.__name__: kind for kind in NOTES},
}
_ENVELOPE = frozenset(("t", "state", *_KINDS))


@dataclass(frozen=True, slots=True)
class Record:
    """A fact and when it was: `t` seconds after the session began. `fact` is None for a note of a later version."""

    t: float
    fact: Fact | None
    state: FloorState | None = None


def encode_record(t: float, fact: Fact, state: FloorState | None = None) -> Json:
    """A record as JSON. The `at` of an event is kept exact: a replay must see the same numbers."""
    sort = "event" if isinstance(fact, ev.FloorEvent) else "effect" if isinstance(fact, fx.Effect) else "note"
    head: Json = {"t": round(t, 6)} if state is None else {"t": round(t, 6), "state": state.value}
    return {**head, sort: type(fact).__name__, **encode(fact)}


def read_record(record: Mapping[str, Any]) -> Record:
    """Read a record. Raises TraceError for one that is damaged, or of an event or effect not known here."""
    check_record(record)
    sort = next(sort for sort in _KINDS if sort in record)
    name = record[sort]
    kind = _KINDS[sort].get(name) if isinstance(name, str) else None
    if kind is None and sort != "note":
        raise TraceError(f"there is no floor {sort} {name!r}; was the trace made by a newer version?")
    if kind is SessionStarted and record.get("version") != VERSION:
        raise TraceError(
            f"the trace is of version {record.get('version')}, this program reads versions {OLDEST} to {VERSION}: read "
            "it with the release that wrote it, or record the call again"
        )
    fact = None
    if kind is not None:
        fact = decode(kind, {key: value for key, value in record.items() if key not in _ENVELOPE})
    return Record(float(record["t"]), fact, _state(record.get("state")))


def read_records(records: Iterable[Mapping[str, Any]]) -> Iterator[Record]:
    """Read records in their order. Raises TraceError, with the record's number, for one that is damaged."""
    for number, record in enumerate(records, 1):
        try:
            yield read_record(record)
        except TraceError as error:
            raise TraceError(f"record {number} of the trace cannot be understood: {error}") from None


def check_record(record: object) -> None:
    """Raise TraceError for what is no record at all, or has no time that a call can have."""
    if not isinstance(record, Mapping) or not _KINDS.keys() & record.keys():
        raise TraceError("no record of a trace")
    if not fits(float, record.get("t")):
        raise TraceError('the record has no time "t"')
    if abs(record["t"]) > LONGEST:
        raise TraceError(f"the time t = {record['t']:g} s cannot be one of a call")


def _state(name: Any) -> FloorState | None:
    try:
        return None if name is None else FloorState(name)
    except ValueError:
        raise TraceError(f"there is no state of the floor {name!r}") from None
