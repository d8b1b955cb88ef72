"""The events of a call."""

from __future__ import annotations

from dataclasses import dataclass

from ..events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantJoinedEvent(Event):
    """`participant` is in the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantLeftEvent(Event):
    """`participant` left the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEndedEvent(Event):
    """The call is over. `error` says why, if it broke."""

    error: str | None = None
