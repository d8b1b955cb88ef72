"""Acme: `acme.STT`, `acme.TTS`, `acme.LLM`, `acme.Realtime`, `acme.Edge`."""

from .edge import Edge
from .llm import LLM
from .realtime import Realtime
from .stt import STT
from .tts import TTS
from .wire import AcmeError

__all__ = ["LLM", "STT", "TTS", "AcmeError", "Edge", "Realtime"]
