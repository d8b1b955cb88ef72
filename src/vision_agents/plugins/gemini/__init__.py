"""Google Gemini: text models, and realtime speech models by the Live API. Install `interruptible-agents[gemini]`."""

try:
    import google.genai as _genai  # noqa: F401
except ImportError as error:
    raise ImportError(
        f'The Gemini plugin lacks a package ({error}). Run: pip install "interruptible-agents[gemini]"', name=error.name
    ) from error

from .client import GeminiError
from .llm import LLM
from .realtime import Realtime

__all__ = ["LLM", "GeminiError", "Realtime"]
