"""The events of language models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..audio import PcmData
from ..events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class LLMResponseChunkEvent(Event):
    """A piece of a model's text as it streams, and the epoch in which it was asked for."""

    delta: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LLMResponseCompletedEvent(Event):
    """A model finished a response. `text` is all that it wrote, which is not what was heard."""

    text: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStartedEvent(Event):
    """A function is being called for the model."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEndedEvent(Event):
    """A function called for the model returned or raised. Exactly one of `result` and `error` counts."""

    name: str
    result: Any = None
    error: str | None = None
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeAudioOutputEvent(Event):
    """A chunk of a realtime model's speech, and the epoch in which its response began."""

    data: PcmData
    epoch: int
