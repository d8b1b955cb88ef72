"""Deepgram: speech recognition (Nova, Flux) and speech (Aura, Flux). Install `interruptible-agents[deepgram]`."""

try:
    import deepgram as _deepgram  # noqa: F401
except ImportError as error:
    raise ImportError(
        f'The Deepgram plugin lacks a package ({error}). Run: pip install "interruptible-agents[deepgram]"',
        name=error.name,
    ) from error

from .stream import DeepgramError
from .stt import STT
from .tts import TTS

__all__ = ["STT", "TTS", "DeepgramError"]
