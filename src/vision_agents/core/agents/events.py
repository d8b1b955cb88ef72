"""The events of an agent: what it said, how it was interrupted, what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpeechStartedEvent(Event):
    """The first sample of a reply was played."""

    reply: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpeechEndedEvent(Event):
    """A reply is over. `heard`: the words that were played; `unheard`: those that were not, if it was interrupted.

    `estimated`: whether the words' times are estimates, or come from the synthesiser.
    """

    reply: int
    epoch: int
    heard: str
    unheard: str = ""
    interrupted: bool = False
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptionEvent(Event):
    """The user spoke over the agent, and this is what was made of it.

    `held_ms`: from the first window of speech, when the voice was silenced, to the decision. `onset_delay_ms`: from the
    speech's onset, as the detector estimates it, to that window. `reason`: why it was decided so.
    """

    reply: int
    decision: Literal["commit", "resume"]
    reason: str
    epoch: int
    held_ms: float
    onset_delay_ms: float
    heard: str
    unheard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent(Event):
    """A component failed; the conversation goes on without what it was making."""

    component: str
    error: str
