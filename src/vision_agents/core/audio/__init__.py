"""Audio: data, resampling, framing, and the one gate through which the agent is heard."""

from .framing import Framer
from .level import speech_level
from .pcm import PcmData, Samples
from .playout import Playout
from .resample import Resampler
from .word import Word

__all__ = ["Framer", "PcmData", "Playout", "Resampler", "Samples", "Word", "speech_level"]
