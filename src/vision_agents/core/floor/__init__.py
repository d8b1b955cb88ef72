"""The floor: who may speak, decided in one place."""

from .clearance import Clearance
from .evidence import Vote
from .machine import Floor
from .policy import InterruptionPolicy
from .state import FloorState
from .vocabulary import Vocabulary

__all__ = ["Clearance", "Floor", "FloorState", "InterruptionPolicy", "Vocabulary", "Vote"]
