"""The events of speech recognition."""

from __future__ import annotations

from dataclasses import dataclass

from ..events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class STTPartialTranscriptEvent(Event):
    """What a participant seems to be saying; replaced by the next one."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class STTTranscriptEvent(Event):
    """What a participant said, for good."""

    text: str
