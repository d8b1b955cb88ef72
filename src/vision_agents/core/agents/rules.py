"""How an agent wants interruptions judged."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from ..floor import InterruptionPolicy
from ..floor.vocabulary import ALL, Vocabulary
from ..participants import Participant
from .strategy import Strategy

logger = logging.getLogger(__name__)

MayInterrupt = Callable[[Participant], bool]


@dataclass(frozen=True, slots=True)
class Rules:
    """All that `Agent` is told about interruptions; see there."""

    policy: InterruptionPolicy
    vocabulary: Vocabulary = ALL
    strategies: tuple[Strategy, ...] = ()
    may_interrupt: MayInterrupt | None = None

    def allows(self, participant: Participant) -> bool:
        """Whether the participant's speech may interrupt the agent. A callable that fails forbids nothing."""
        if self.may_interrupt is None:
            return True
        try:
            return bool(self.may_interrupt(participant))
        except Exception:
            logger.exception("may_interrupt failed for %s: they may", participant.id)
            return True
