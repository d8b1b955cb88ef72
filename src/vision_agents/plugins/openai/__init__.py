"""OpenAI: text models, every server that speaks Chat Completions, and realtime speech models."""

try:
    import openai as _openai  # noqa: F401
    import websockets as _websockets  # noqa: F401
except ImportError as error:
    raise ImportError(
        f'The OpenAI plugin lacks a package ({error}). Run: pip install "interruptible-agents[openai]"', name=error.name
    ) from error

from .chat_completions import ChatCompletionsLLM
from .client import OpenAIError
from .llm import LLM
from .realtime import Realtime

__all__ = ["LLM", "ChatCompletionsLLM", "OpenAIError", "Realtime"]
