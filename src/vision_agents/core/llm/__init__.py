"""Language models: text in a cascade, speech in realtime."""

from .events import (
    LLMResponseChunkEvent,
    LLMResponseCompletedEvent,
    RealtimeAudioOutputEvent,
    ToolEndedEvent,
    ToolEnding,
    ToolStartedEvent,
)
from .function_call import FunctionCall, calling_function
from .function_caller import call_note
from .function_calls import AnswerCalls
from .llm import LLM, LLMRequest
from .realtime import PlayedResponse, Realtime
from .tools import OnInterrupt, Tool, Tools

__all__ = [
    "LLM",
    "AnswerCalls",
    "FunctionCall",
    "LLMRequest",
    "LLMResponseChunkEvent",
    "LLMResponseCompletedEvent",
    "OnInterrupt",
    "PlayedResponse",
    "Realtime",
    "RealtimeAudioOutputEvent",
    "Tool",
    "ToolEndedEvent",
    "ToolEnding",
    "ToolStartedEvent",
    "Tools",
    "call_note",
    "calling_function",
]
