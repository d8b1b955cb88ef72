"""Levels of work that a process leaves out when it is late, so that what must be in time is."""

from __future__ import annotations

from enum import IntEnum


class Shed(IntEnum):
    """The amount that is left out: each level leaves out what those before it do, too. The hold is never left out.

    What is left out is work that makes answers better or sooner, and never what an interruption needs.
    """

    NOTHING = 0
    TURN_MODEL = 1
    """A model that judges whether a pause is the end of a turn: silence ends turns."""
    PARTIAL_TRANSCRIPTS = 2
    """Transcripts of turns that are not over."""
