"""The events of speech recognition."""

from __future__ import annotations

from dataclasses import dataclass

from ..events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class STTPartialTranscriptEvent(Event):
    """A partial transcript of a participant; replaced by the next one."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class STTTranscriptEvent(Event):
    """A final transcript of a participant."""

    text: str
