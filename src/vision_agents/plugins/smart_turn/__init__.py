"""Smart Turn: local turn detection. Install with `pip install "interruptible-agents[smart-turn]"`."""

from vision_agents.core.turn_detection import TurnEndedEvent, TurnStartedEvent

from .turn_detection import TurnDetection

__all__ = ["TurnDetection", "TurnEndedEvent", "TurnStartedEvent"]
