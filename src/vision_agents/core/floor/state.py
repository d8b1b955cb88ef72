"""The floor as a whole, seen from outside."""

from __future__ import annotations

from enum import StrEnum


class FloorState(StrEnum):
    """The states of the floor: who speaks, or who is waited for."""

    IDLE = "idle"
    USER_SPEAKING = "user speaking"
    THINKING = "thinking"
    SPEAKING = "speaking"
    HELD = "held"
