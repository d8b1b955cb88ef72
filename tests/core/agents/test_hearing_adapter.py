"""What the ears report, as the floor is told of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vision_agents.core import Participant
from vision_agents.core.agents.hearing_adapter import HearingAdapter
from vision_agents.core.floor import Floor
from vision_agents.core.floor import events as ev

ANN = Participant("ann")


def adapter(told: list[ev.FloorEvent], allows: Callable[[Participant], bool]) -> HearingAdapter:
    """One whose clock is later each time that somebody looks, as real ones are."""
    roster = SimpleNamespace(present={ANN.id}, has_left=lambda who: False)
    rules = SimpleNamespace(strategies=(), allows=allows)
    parts = SimpleNamespace(ears=lambda listener: SimpleNamespace())
    events = SimpleNamespace(has_subscribers=lambda kind: False)
    trace = SimpleNamespace(now=cast(Callable[[], float], count(1.0).__next__), note=lambda note: None)
    made: Any = (parts, rules, Floor(), roster, told.append, events, trace, lambda: 3)
    return HearingAdapter(*made)


@pytest.mark.parametrize("kind", [ev.SpeechStarted, ev.TurnStarted])
def test_words_are_no_older_than_their_turn(kind: type[ev.FloorEvent]) -> None:
    told: list[ev.FloorEvent] = []
    hears = adapter(told, lambda who: len(told) > 5)
    if kind is ev.SpeechStarted:
        hears.speech_started(ANN, 0.9, 0.0)
    else:
        hears.turn_started(ANN, 0.9)
    hears.words(ANN, "hello", True, None, place=4)
    began = next(event for event in told if isinstance(event, kind))
    words = next(event for event in told if isinstance(event, ev.TranscriptReceived))
    assert words.began == began.at
    assert [event.at for event in told] == sorted(event.at for event in told)


def test_no_turn_that_was_vouched_for_ends_before_it_began() -> None:
    """A service hears in an instant what it is sent once more."""
    told: list[ev.FloorEvent] = []
    hears = adapter(told, lambda who: True)
    for silence in (0.5, 50.0):
        hears.turn_started(ANN, 0.9)
        hears.turn_ended(ANN, 0.9, 0.8, silence)
    assert [event.trailing_silence for event in told if isinstance(event, ev.TurnEnded)] == [0.5, 0.0]
    # Of one that only speech has opened the end may be late.
    hears.speech_started(ANN, 0.9, 0.0)
    hears.turn_ended(ANN, 0.9, 0.8, 50.0)
    assert isinstance(told[-1], ev.TurnEnded)
    assert told[-1].trailing_silence == 50.0
