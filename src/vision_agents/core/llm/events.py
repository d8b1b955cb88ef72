"""The events of language models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ..audio import PcmData
from ..events import Event
from ..usage import TokenUsage


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
class TokenUsageEvent(Event):
    """A model was used for so many tokens, as its provider counts them. Sent for each request of a text model and each
    response of a realtime model, also for one that was interrupted, if the provider tells. `epoch`: of the request."""

    usage: TokenUsage
    epoch: int


# How a call of a function ended.
ToolEnding = Literal["result", "error", "cancelled", "undone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStartedEvent(Event):
    """A function is being called for the model. `call_id` is the same in the events of one call."""

    name: str
    call_id: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEndedEvent(Event):
    """A call of a function ended.

    `ending`: it returned `result`; it raised or took too long, and `error` says what; it was "cancelled" by an
    interruption or at the end of the call; or it was taken back ("undone"). What had returned before it was taken back
    has two of these events, first "result" and then "undone", or "error" if it could not be taken back.
    """

    name: str
    ending: ToolEnding
    call_id: str = ""
    result: Any = None
    error: str | None = None
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeAudioOutputEvent(Event):
    """A chunk of a realtime model's speech, and the epoch in which its response began."""

    data: PcmData
    epoch: int
