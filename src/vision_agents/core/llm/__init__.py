"""Language models: text in a cascade, speech in realtime."""

from .events import (
    LLMResponseChunkEvent,
    LLMResponseCompletedEvent,
    RealtimeAudioOutputEvent,
    ToolEndedEvent,
    ToolStartedEvent,
)
from .llm import LLM, LLMRequest
from .realtime import Heard, Realtime, RealtimeListener
from .tools import Tool, Tools

__all__ = [
    "LLM",
    "Heard",
    "LLMRequest",
    "LLMResponseChunkEvent",
    "LLMResponseCompletedEvent",
    "Realtime",
    "RealtimeAudioOutputEvent",
    "RealtimeListener",
    "Tool",
    "ToolEndedEvent",
    "ToolStartedEvent",
    "Tools",
]
