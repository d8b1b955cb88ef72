"""The agent."""

from .agent import Agent
from .events import AgentSpeechEndedEvent, AgentSpeechStartedEvent, ErrorEvent, InterruptionEvent

__all__ = ["Agent", "AgentSpeechEndedEvent", "AgentSpeechStartedEvent", "ErrorEvent", "InterruptionEvent"]
