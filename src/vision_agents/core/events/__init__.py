"""Events and how they reach handlers."""

from .event import Event
from .manager import EventManager, SubscriptionError

__all__ = ["Event", "EventManager", "SubscriptionError"]
