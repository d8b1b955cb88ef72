"""Voice activity detection."""

from .segmenter import SpeechEdge, SpeechSegmenter
from .vad import SAMPLE_RATE, VAD, VADStream

__all__ = ["SAMPLE_RATE", "VAD", "SpeechEdge", "SpeechSegmenter", "VADStream"]
