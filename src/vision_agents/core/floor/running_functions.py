"""The functions that a reply needs, and the time in which it says nothing because of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RunningFunctions:
    """The functions of a reply that run: how many, since when, and what is said at `filler_at` if nothing else was.

    `told`: what one of them finds is told by itself if the reply is given up.
    """

    since: float
    count: int = 1
    filler: str = ""
    filler_at: float = 0.0
    told: bool = False


@dataclass(slots=True)
class Wait:
    """The time in which a reply needs functions and has said nothing, from the first function on. Where it says
    something it is over, for good."""

    since: float
    over: bool = False
