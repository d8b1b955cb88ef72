"""Speech to text."""

from .events import STTPartialTranscriptEvent, STTTranscriptEvent
from .stt import SAMPLE_RATE, STT

__all__ = ["SAMPLE_RATE", "STT", "STTPartialTranscriptEvent", "STTTranscriptEvent"]
