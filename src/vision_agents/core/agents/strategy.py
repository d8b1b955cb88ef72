"""Strategies of users: what else speaks for or against an interruption."""

from __future__ import annotations

import abc

from ..floor.evidence import Evidence

Opinion = tuple[float, str] | None
"""A weight and why; None if there is nothing to say."""


class Strategy(abc.ABC):
    """Votes, beside those of `core.floor.strategies`, on whether speech over the agent's voice is an interruption.

    Unlike those it may take its time: it may ask a model, a database, a button. The agent is held meanwhile and does
    not wait for it; a vote that comes after the decision is without effect. One that raises, or takes longer than
    `timeout`, has no vote that time, which the log says.

        class OnlyInGerman(Strategy):
            async def vote(self, evidence):
                return (-1.0, "not German") if evidence.words and not german(evidence.words) else None

        agent = Agent(..., strategies=[OnlyInGerman()])
    """

    # Seconds after which a vote is no longer waited for. Most decisions fall within half a second.
    timeout: float = 1.0

    @property
    def name(self) -> str:
        """By which the vote is known in events and reports."""
        return type(self).__name__

    @abc.abstractmethod
    async def vote(self, evidence: Evidence) -> Opinion:
        """What to make of the evidence: a weight and a reason in a few words, or None.

        1.0 is enough for an interruption, -1.0 takes as much away; beyond 3.0 either way is cut off. It replaces what
        this strategy said before of the same speech. Called again when more is known, never while it still runs. Code
        that blocks belongs into `asyncio.to_thread`, as everywhere on the event loop.
        """
