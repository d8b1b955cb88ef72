"""Language models: text in a cascade, speech in realtime."""

from .events import (
    LLMResponseChunkEvent,
    LLMResponseCompletedEvent,
    RealtimeAudioOutputEvent,
    ToolEndedEvent,
    ToolEnding,
    ToolStartedEvent,
)
from .function_caller import call_note
from .function_calls import AnswerCalls
from .llm import LLM, LLMRequest
from .realtime import Heard, Realtime
from .tools import OnInterrupt, Tool, Tools

__all__ = [
    "LLM",
    "AnswerCalls",
    "Heard",
    "LLMRequest",
    "LLMResponseChunkEvent",
    "LLMResponseCompletedEvent",
    "OnInterrupt",
    "Realtime",
    "RealtimeAudioOutputEvent",
    "Tool",
    "ToolEndedEvent",
    "ToolEnding",
    "ToolStartedEvent",
    "Tools",
    "call_note",
]
