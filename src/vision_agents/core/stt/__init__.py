"""Speech to text."""

from .events import STTPartialTranscriptEvent, STTTranscriptEvent
from .stt import STT

__all__ = ["STT", "STTPartialTranscriptEvent", "STTTranscriptEvent"]
