"""Clearance: whether something with effects may be done for an answer now."""

from __future__ import annotations

from enum import Enum


class Clearance(Enum):
    """The floor's word on a function that a model wants called."""

    GO = "go"
    """What the user wants is certain, and nobody is challenging the answer."""

    WAIT = "wait"
    """It is being decided. Ask again after the next event."""

    NEVER = "never"
    """The answer that it was for was interrupted, or is to half of what was said."""
