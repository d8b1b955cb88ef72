"""Local text to speech with Piper voices.

piper-tts is GPL-3.0 and is used by this plugin alone: it is installed only with the extra `piper` and those that bring
it, such as `local`.
"""

# First of all: it keeps onnxruntime from sending telemetry.
import vision_agents.core.models.onnx  # noqa: F401

try:
    import onnxruntime as _onnxruntime  # noqa: F401
    from piper import PiperVoice as _PiperVoice  # noqa: F401
except ImportError as error:
    raise ImportError(
        f'The Piper plugin lacks a package ({error}). Run: pip install "interruptible-agents[piper]"', name=error.name
    ) from error

from .tts import TTS

__all__ = ["TTS"]
