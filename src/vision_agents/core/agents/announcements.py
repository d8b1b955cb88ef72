"""Events for the agent's handlers, made of what the floor announces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..events import Event
from ..floor import effects as fx
from ..participants import Participant
from ..turn_detection import TurnEndedEvent, TurnStartedEvent
from .events import NoWordsEvent, UserAwayEvent, UserBackEvent

# Whom an effect is about: None for nobody, or somebody who left.
Who = Participant | None


def _turn_started(effect: fx.AnnounceTurnStarted, who: Who) -> Event:
    return TurnStartedEvent(
        participant=who, confidence=effect.confidence, interrupted=effect.interrupted, epoch=effect.epoch
    )


def _turn_ended(effect: fx.AnnounceTurnEnded, who: Who) -> Event:
    return TurnEndedEvent(
        participant=who,
        confidence=effect.confidence,
        duration_ms=effect.duration * 1000.0,
        trailing_silence_ms=effect.trailing_silence * 1000.0,
    )


def _no_words(effect: fx.AnnounceNoWords, who: Who) -> Event:
    return NoWordsEvent(participant=who)


def _user_away(effect: fx.AnnounceUserAway, who: Who) -> Event:
    return UserAwayEvent(silence=effect.silence)


def _user_back(effect: fx.AnnounceUserBack, who: Who) -> Event:
    return UserBackEvent(participant=who)


ANNOUNCEMENTS: dict[type[fx.Effect], Callable[[Any, Who], Event]] = {
    fx.AnnounceTurnStarted: _turn_started,
    fx.AnnounceTurnEnded: _turn_ended,
    fx.AnnounceNoWords: _no_words,
    fx.AnnounceUserAway: _user_away,
    fx.AnnounceUserBack: _user_back,
}
"""For each effect that is an announcement: makes the event of it and of whom it is about."""
