"""The base class of users' strategies: further votes on whether speech is an interruption."""

from __future__ import annotations

import abc

from ..floor.evidence import Evidence, Vote


class Strategy(abc.ABC):
    """A strategy of the user's own: it votes beside the built-in ones of `core.floor.strategies`.

    It may take its time: it may ask a model, a database, a button. The agent is held meanwhile and does not wait for
    it; a vote that comes after the decision is without effect. A strategy that raises, or takes longer than `timeout`,
    has no vote that time, and the log says so.

        class OnlyInGerman(Strategy):
            async def vote(self, evidence):
                return Vote(-1.0, "not German") if evidence.words and not german(evidence.words) else None

        agent = Agent(..., strategies=[OnlyInGerman()])
    """

    # Seconds after which a vote is no longer waited for. Most decisions fall within half a second.
    timeout: float = 1.0

    @property
    def name(self) -> str:
        """The name of its votes in events and reports. No two strategies of an agent have the same."""
        return type(self).__name__

    @abc.abstractmethod
    async def vote(self, evidence: Evidence) -> Vote | None:
        """Return a vote on one participant's speech, or None for no opinion.

        The weights of all strategies are added: 1.0 is enough for an interruption, -1.0 takes as much away; beyond 3.0
        either way is cut off. The vote replaces the one before on the same speech. Called again when more is known; for
        one participant never while it still runs, for several at the same time. Code that blocks belongs into
        `asyncio.to_thread`, as everywhere on the event loop.
        """
