"""Strategies: they vote on whether speech over the agent is an interruption, and their weights are added.

At 1.0 the speech is an interruption. While it is less, the agent is held and waits; when the speech is over and it is
still less, the agent goes on. A strategy is a function of the `Evidence` alone: no clock, no state, so that a recorded
session replays to the same decision. It returns a `Vote`, or None if it has nothing to say.

| strategy | votes | because |
| --- | --- | --- |
| `length` | 0 to +2 | somebody who wants the floor keeps talking; a cough stops |
| `detector` | +1 | a turn detector or a provider has judged already that it is a turn |
| `words` | -1 for "uh-huh", -2 for four of them, up to +1 for what means something | words tell the two apart |
| `question` | +2 for a "yes" after a question | an "okay" is an answer then |
| `loudness` | 0 to -0.5, the fainter the more; -6 beyond where a caller can be | who leans back is heard later |
| `voice` | -3 for another voice, -1 for what may be one, -0.5 for its commands | who speaks aside has to mean it |
| `echo` | -6 for the agent's own words, -1 for a single one | they come from its loudspeaker |

So clear speech interrupts by its length alone, and when it was short by words that mean something, once they are all
known; a command does so at once. "Uh-huh" does not, unless it goes on for twice as long; nor does what comes from
across the room. Strategies of yours vote beside these: see `vision_agents.core.agents.strategy`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from ..evidence import Evidence, Vote
from .echo import echo
from .length import MOST, detector, length
from .loudness import loudness
from .question import question
from .voice import voice
from .words import words

BuiltIn = Callable[[Evidence], Vote | None]

BUILT_IN: dict[str, BuiltIn] = {
    strategy.__name__: strategy for strategy in (length, detector, words, question, loudness, voice, echo)
}
"""All strategies of this package by their names, which `InterruptionPolicy.strategies` chooses from."""

BEST = {"length": MOST, "words": 1.0}
"""The most that more of the same speech can still give it."""

# Votes are sums of fractions: this much may be lost in adding them.
EPSILON = 1e-9


def total(given: Iterable[Vote]) -> float:
    """Add the weights of votes: 1.0 or more is an interruption."""
    return sum(vote.weight for vote in given) + EPSILON


# One piece of evidence is looked at several times in an event: for a winner, for hope, for each deadline.
@lru_cache(maxsize=16)
def votes(evidence: Evidence, names: tuple[str, ...]) -> tuple[Vote, ...]:
    """Collect the votes of the named strategies on the evidence."""
    given = ((name, BUILT_IN[name](evidence)) for name in names)
    return tuple(Vote(vote.weight, vote.reason, name) for name, vote in given if vote is not None)
