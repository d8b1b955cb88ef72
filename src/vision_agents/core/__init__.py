"""The core of vision_agents: agents, and the parts they are made of."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .agents import Agent, Strategy, warm_up
from .audio import PcmData
from .conversation import Conversation
from .distribution import warn_of_namesake
from .events import Event, EventManager
from .floor import InterruptionPolicy, Vocabulary, Vote
from .llm import Filler
from .participants import Participant, User

if TYPE_CHECKING:
    from vision_agents.serving import AgentLauncher, AgentSession, Runner, ServeOptions

# What serves agents stands on the core, and has its public name here too: it is imported when it is first used.
_SERVING = ("AgentLauncher", "AgentSession", "Runner", "ServeOptions")

__all__ = [
    "Agent",
    "AgentLauncher",
    "AgentSession",
    "Conversation",
    "Event",
    "EventManager",
    "Filler",
    "InterruptionPolicy",
    "Participant",
    "PcmData",
    "Runner",
    "ServeOptions",
    "Strategy",
    "User",
    "Vocabulary",
    "Vote",
    "warm_up",
]

warn_of_namesake()


def __getattr__(name: str) -> Any:
    if name not in _SERVING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("vision_agents.serving"), name)
