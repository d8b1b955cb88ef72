"""Smart Turn: local turn detection. Install with `pip install "vision-agents[smart_turn]"`."""

from .turn_detection import TurnDetection

__all__ = ["TurnDetection"]
