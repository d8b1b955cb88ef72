"""The agent."""

from .agent import Agent
from .events import AgentSpeechEndedEvent, AgentSpeechStartedEvent, ErrorEvent, InterruptionEvent
from .strategy import Strategy
from .warm_up import warm_up

__all__ = [
    "Agent",
    "AgentSpeechEndedEvent",
    "AgentSpeechStartedEvent",
    "ErrorEvent",
    "InterruptionEvent",
    "Strategy",
    "warm_up",
]
