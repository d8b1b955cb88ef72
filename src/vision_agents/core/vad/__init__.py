"""Voice activity detection."""

from .segmenter import HOLD_SHARE, SpeechEdge, SpeechSegmenter
from .vad import SAMPLE_RATE, VAD, VADStream

__all__ = ["HOLD_SHARE", "SAMPLE_RATE", "VAD", "SpeechEdge", "SpeechSegmenter", "VADStream"]
