"""Language models: text in a cascade, speech in realtime."""

from .answer_calls import AnswerCalls
from .confirmation import Confirmation
from .events import (
    LLMResponseChunkEvent,
    LLMResponseCompletedEvent,
    RealtimeAudioOutputEvent,
    TokenUsageEvent,
    ToolEndedEvent,
    ToolEnding,
    ToolStartedEvent,
)
from .function_call import FunctionCall, Speaker, calling_function, came_to_nothing, took_effect
from .function_caller import call_note
from .function_calls import CALL_ENDED
from .llm import LLM, LLMRequest
from .realtime import PlayedResponse, Realtime
from .tools import Filler, OnInterrupt, Tool, Tools, nothing_to_tell
from .usage import UsageReporter

__all__ = [
    "CALL_ENDED",
    "LLM",
    "AnswerCalls",
    "Confirmation",
    "Filler",
    "FunctionCall",
    "LLMRequest",
    "LLMResponseChunkEvent",
    "LLMResponseCompletedEvent",
    "OnInterrupt",
    "PlayedResponse",
    "Realtime",
    "RealtimeAudioOutputEvent",
    "Speaker",
    "TokenUsageEvent",
    "Tool",
    "ToolEndedEvent",
    "ToolEnding",
    "ToolStartedEvent",
    "Tools",
    "UsageReporter",
    "call_note",
    "calling_function",
    "came_to_nothing",
    "nothing_to_tell",
    "took_effect",
]
