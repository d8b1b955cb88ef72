"""Hands each record of a call to those who observe it, as it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from ..floor import Floor, FloorState
from ..floor import effects as fx
from ..floor import events as ev
from ..tasks import logged_once
from .codec import Json
from .notes import VERSION, Note, SessionStarted
from .records import Fact, encode_record

Observer = Callable[[Mapping[str, Any]], None]


class Trace:
    """The records of one session of `floor`, and its clock: `clock` gives seconds, and the session begins now."""

    def __init__(self, floor: Floor, clock: Callable[[], float]) -> None:
        self._floor = floor
        self._clock = clock
        self.start = clock()
        self._observers: list[Observer] = []

    def now(self) -> float:
        """The time on the session's clock, in seconds: what `at` of the floor's events is in."""
        return self._clock()

    def observe(self, observer: Observer) -> None:
        """Call `observer(record)` for each record from now on, JSON-ready. It must return at once.

        Where it raises, the log says so, once.
        """
        self._observers.append(logged_once(observer, "an observer of the trace"))

    def open(self, started: float) -> None:
        """Record how interruptions are judged in this session. `started`: Unix time."""
        self.note(session_started(self._floor, started))

    def event(self, event: ev.FloorEvent, effects: Iterable[fx.Effect]) -> None:
        """Record an event and its effects, once the floor has taken it."""
        if not self._observers:
            return
        t, state = event.at - self.start, self._floor.state
        facts: tuple[Fact, ...] = (event, *effects)
        for fact in facts:
            self._emit(t, fact, state)

    def note(self, note: Note, at: float | None = None) -> None:
        """Record a fact that is not the floor's, of now or of `at` on the session's clock."""
        if self._observers:
            self._emit((self.now() if at is None else at) - self.start, note, self._floor.state)

    def _emit(self, t: float, fact: Fact, state: FloorState) -> None:
        record: Json = encode_record(t, fact, state)
        for observer in self._observers:
            observer(record)


def session_started(floor: Floor, started: float) -> SessionStarted:
    """The note that a trace begins with. `started`: Unix time."""
    policy = {knob.name: getattr(floor.policy, knob.name) for knob in fields(floor.policy)}
    return SessionStarted(VERSION, policy, floor.vocabulary.phrases, floor.answers, started, floor.apology)
