"""Text to speech."""

from ..audio import Word
from .events import TTSAudioEvent
from .tts import TTS, SpeechChunk
from .tuning import TunableVoice, VoiceTuning

__all__ = ["TTS", "SpeechChunk", "TTSAudioEvent", "TunableVoice", "VoiceTuning", "Word"]
