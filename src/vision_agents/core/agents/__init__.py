"""The agent."""

from .agent import Agent
from .events import (
    AgentSpeechEndedEvent,
    AgentSpeechStartedEvent,
    AgentStateEvent,
    AnswerLatencyEvent,
    ErrorEvent,
    InterruptionEvent,
    NoWordsEvent,
    UserAwayEvent,
    UserBackEvent,
)
from .strategy import Strategy
from .warm_up import warm_up

__all__ = [
    "Agent",
    "AgentSpeechEndedEvent",
    "AgentSpeechStartedEvent",
    "AgentStateEvent",
    "AnswerLatencyEvent",
    "ErrorEvent",
    "InterruptionEvent",
    "NoWordsEvent",
    "Strategy",
    "UserAwayEvent",
    "UserBackEvent",
    "warm_up",
]
