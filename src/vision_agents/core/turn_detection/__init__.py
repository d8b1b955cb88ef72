"""Turn detection: who has begun to speak, and who is done."""

from .detector import TurnDetector
from .events import TurnEndedEvent, TurnStartedEvent

__all__ = ["TurnDetector", "TurnEndedEvent", "TurnStartedEvent"]
