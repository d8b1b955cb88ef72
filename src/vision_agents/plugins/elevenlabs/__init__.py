"""ElevenLabs: speech recognition with turns (Scribe), and speech. Install `interruptible-agents[elevenlabs]`."""

try:
    import elevenlabs as _elevenlabs  # noqa: F401
    import websockets as _websockets  # noqa: F401
except ImportError as error:
    raise ImportError(
        f'The ElevenLabs plugin lacks a package ({error}). Run: pip install "interruptible-agents[elevenlabs]"',
        name=error.name,
    ) from error

from .account import ElevenLabsError
from .stt import STT
from .tts import TTS

__all__ = ["STT", "TTS", "ElevenLabsError"]
