"""Runs user strategies beside the call: none of them can delay it or break it."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence

from ..floor.evidence import Evidence, Vote
from ..tasks import own_errors
from .strategy import Strategy

logger = logging.getLogger(__name__)

# Seconds that closing waits for strategies that do not let themselves be cancelled.
CLOSE_TIMEOUT = 1.0

Report = Callable[[str, int, Vote], None]
"""Takes the participant's id, the number of the challenge, and the vote."""

Key = tuple[int, str]
"""A strategy's place in the list, and a participant's id."""


class StrategyRunner:
    """Runs user strategies in tasks with a timeout, one call per strategy and participant at a time.

    Evidence that arrives while a strategy is still asked about the same participant is put to it next, the newest only.
    """

    def __init__(self, strategies: Sequence[Strategy], report: Report) -> None:
        self._strategies = tuple(strategies)
        self._report = report
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._newest: dict[Key, Evidence] = {}

    def submit(self, evidence: Evidence) -> None:
        """Put the evidence to all strategies. Returns at once."""
        for place, strategy in enumerate(self._strategies):
            key = place, evidence.participant
            self._newest[key] = evidence
            if key not in self._tasks:
                self._tasks[key] = asyncio.create_task(self._ask(strategy, key), name=f"vote of {strategy.name}")

    def forget(self, participant: str) -> None:
        """Ask no more about a participant who left."""
        for key, task in self._tasks.items():
            if key[1] == participant:
                task.cancel()

    async def close(self) -> None:
        """Cancel all votes. A strategy that does not end within `CLOSE_TIMEOUT` is left behind."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT)

    async def _ask(self, strategy: Strategy, key: Key) -> None:
        try:
            while (evidence := self._newest.pop(key, None)) is not None:
                vote = await self._vote_of(strategy, evidence)
                if vote is not None:
                    self._report(evidence.participant, evidence.challenge, vote)
        finally:
            del self._tasks[key]
            self._newest.pop(key, None)

    async def _vote_of(self, strategy: Strategy, evidence: Evidence) -> Vote | None:
        """Return its vote, or None if it has none, or none that can be used."""
        try:
            async with asyncio.timeout(strategy.timeout):
                vote = await own_errors(strategy.vote(evidence), f"strategy {strategy.name}")
        except TimeoutError:
            logger.warning("strategy %s took more than %g s: its vote is dropped", strategy.name, strategy.timeout)
            return None
        except Exception:
            logger.warning("strategy %s failed: its vote is dropped", strategy.name, exc_info=True)
            return None
        return _checked(strategy, vote)


def _checked(strategy: Strategy, vote: object) -> Vote | None:
    """Return the vote under its strategy's name, or None for one that is no vote."""
    if vote is None:
        return None
    if isinstance(vote, Vote) and isinstance(vote.weight, int | float) and math.isfinite(vote.weight):
        return Vote(float(vote.weight), str(vote.reason), strategy.name)
    logger.warning(
        "strategy %s returned %r, not None or a Vote with a finite weight: its vote is dropped", strategy.name, vote
    )
    return None
