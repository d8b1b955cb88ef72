"""Text to speech."""

from .events import TTSAudioEvent
from .tts import TTS, SpeechChunk, Word

__all__ = ["TTS", "SpeechChunk", "TTSAudioEvent", "Word"]
