"""The core of vision_agents: agents, and the parts they are made of."""

from .agents import Agent, Strategy, warm_up
from .audio import PcmData
from .conversation import Conversation
from .distribution import warn_of_namesake
from .events import Event, EventManager
from .floor import InterruptionPolicy, Vocabulary, Vote
from .participants import Participant, User

__all__ = [
    "Agent",
    "Conversation",
    "Event",
    "EventManager",
    "InterruptionPolicy",
    "Participant",
    "PcmData",
    "Strategy",
    "User",
    "Vocabulary",
    "Vote",
    "warm_up",
]

warn_of_namesake()
