"""Audio: data, resampling, framing, and the one gate through which the agent is heard."""

from .framing import Framer
from .level import level_of
from .pcm import PcmData, Samples
from .playout import Playout
from .resample import Resampler

__all__ = ["Framer", "PcmData", "Playout", "Resampler", "Samples", "level_of"]
