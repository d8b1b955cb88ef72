"""The events of taking turns. The agent sends them for every kind of pipeline, realtime models included."""

from __future__ import annotations

from dataclasses import dataclass

from ..events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStartedEvent(Event):
    """A participant took the turn; if the agent was speaking, it was interrupted.

    `confidence`: of the detector, 0 to 1. `interrupted`: whether the agent had to stop for it. `epoch`: the epoch that
    began with it.
    """

    confidence: float = 1.0
    interrupted: bool = False
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEndedEvent(Event):
    """A participant finished speaking.

    `confidence`: of the detector, 0 to 1. `duration_ms`: from the first sound of the turn to its last.
    `trailing_silence_ms`: silence between the last sound and the decision.
    """

    confidence: float = 1.0
    duration_ms: float = 0.0
    trailing_silence_ms: float = 0.0
