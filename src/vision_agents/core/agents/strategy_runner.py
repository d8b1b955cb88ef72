"""Runs the strategies of users beside the call: none of them can delay it, break it, or be forgotten in it."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence

from ..floor.evidence import Evidence, Vote
from .strategy import Opinion, Strategy

logger = logging.getLogger(__name__)

Report = Callable[[str, int, Vote], None]
"""Takes the participant, the number of the challenge, and the vote."""


class StrategyRunner:
    """One vote of each strategy at a time; what comes to be known meanwhile is put to it next, the newest only."""

    def __init__(self, strategies: Sequence[Strategy], report: Report) -> None:
        self._strategies = strategies
        self._report = report
        self._voting: dict[str, asyncio.Task[None]] = {}
        self._newest: dict[str, Evidence] = {}

    def consider(self, evidence: Evidence) -> None:
        """Put the evidence to all strategies. Returns at once."""
        for strategy in self._strategies:
            self._newest[strategy.name] = evidence
            if strategy.name not in self._voting:
                self._voting[strategy.name] = asyncio.create_task(self._ask(strategy), name=f"vote of {strategy.name}")

    async def close(self) -> None:
        """Nobody is asked any more."""
        voting = list(self._voting.values())
        for task in voting:
            task.cancel()
        if voting:
            await asyncio.wait(voting, timeout=1.0)

    async def _ask(self, strategy: Strategy) -> None:
        try:
            while (evidence := self._newest.pop(strategy.name, None)) is not None:
                vote = await self._vote_of(strategy, evidence)
                if vote is not None:
                    self._report(evidence.participant, evidence.challenge, vote)
        finally:
            del self._voting[strategy.name]

    async def _vote_of(self, strategy: Strategy, evidence: Evidence) -> Vote | None:
        """Its vote, or None if it has none, or none that can be used."""
        try:
            async with asyncio.timeout(strategy.timeout):
                opinion = await strategy.vote(evidence)
        except TimeoutError:
            logger.warning("strategy %s took more than %g s: its vote is dropped", strategy.name, strategy.timeout)
            return None
        except Exception:
            logger.warning("strategy %s failed: its vote is dropped", strategy.name, exc_info=True)
            return None
        return _checked(strategy, opinion)


def _checked(strategy: Strategy, opinion: Opinion) -> Vote | None:
    if opinion is None:
        return None
    try:
        weight, reason = opinion
        if math.isfinite(weight):
            return Vote(strategy.name, float(weight), str(reason))
    except (TypeError, ValueError):
        pass
    logger.warning(
        "strategy %s returned %r, not a finite weight and a reason: its vote is dropped", strategy.name, opinion
    )
    return None
