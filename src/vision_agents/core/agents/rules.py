"""An agent's rules for interruptions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ..floor import InterruptionPolicy
from ..floor.strategies import BUILT_IN
from ..floor.vocabulary import ALL, Vocabulary
from ..llm import Filler
from ..participants import Participant
from ..tasks import OUTSIDE
from .strategy import Strategy

logger = logging.getLogger(__name__)

NO_FILLER = Filler("")

MayInterrupt = Callable[[Participant], bool]


@dataclass(frozen=True, slots=True)
class Rules:
    """The arguments of `Agent` that concern interruptions, and what is said in long waits and after failures.

    Raises TypeError for a strategy that is none, ValueError for two strategies of one name.
    """

    policy: InterruptionPolicy
    vocabulary: Vocabulary = ALL
    strategies: tuple[Strategy, ...] = ()
    may_interrupt: MayInterrupt | None = None
    filler: Filler = NO_FILLER
    apology: str = ""

    def __post_init__(self) -> None:
        names = set(BUILT_IN)
        for strategy in self.strategies:
            if not isinstance(strategy, Strategy):
                raise TypeError(
                    f"strategies are instances of Strategy, not {strategy!r}: was the class meant to be called?"
                )
            if strategy.name in names:
                raise ValueError(
                    f"there is a strategy named {strategy.name!r} already: give each one a name of its own "
                    "(override the property `name` in its class)"
                )
            names.add(strategy.name)

    def allows(self, participant: Participant) -> bool:
        """Return True if the participant's speech may interrupt the agent. A callable that fails forbids nothing."""
        if self.may_interrupt is None:
            return True
        try:
            return bool(self.may_interrupt(participant))
        except OUTSIDE:
            raise
        except BaseException:
            logger.exception("may_interrupt failed for %s: they may", participant.id)
            return True
