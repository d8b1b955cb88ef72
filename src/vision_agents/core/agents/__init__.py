"""The agent."""

from .agent import Agent
from .events import AgentSpeechEndedEvent, AgentSpeechStartedEvent, ErrorEvent, InterruptionEvent
from .strategy import Strategy

__all__ = [
    "Agent",
    "AgentSpeechEndedEvent",
    "AgentSpeechStartedEvent",
    "ErrorEvent",
    "InterruptionEvent",
    "Strategy",
]
