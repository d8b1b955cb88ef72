"""Text to speech."""

from ..audio import Word
from .events import TTSAudioEvent
from .tts import TTS, SpeechChunk

__all__ = ["TTS", "SpeechChunk", "TTSAudioEvent", "Word"]
