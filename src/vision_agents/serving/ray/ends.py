"""The ends of a cluster's sessions: how each ended, who waits for it, and what was said there."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import replace

from vision_agents.core.conversation import Message

from ..lost import Ended, EndedCalls, Ending, LeftCalls, Lost, LostCalls, latest
from ..session import End
from .book import Entry

logger = logging.getLogger(__name__)


class Ends:
    """The sessions that are over, for some minutes."""

    def __init__(self) -> None:
        # Sessions that ended by a fault, by how they ended.
        self.losses: Counter[str] = Counter()
        self._lost = LostCalls()
        self._over = EndedCalls()
        # The conversations of pages that have hung up.
        self._left = LeftCalls()
        self._waiting: dict[str, list[asyncio.Future[Ending]]] = {}

    def add(
        self, now: float, session: str, entry: Entry, ending: Ending, conversation: tuple[Message, ...] = ()
    ) -> None:
        """A session is over, of which `entry` was known: whoever waits is told. `conversation`: as its host has it."""
        if entry.moves and ending.end == End.FAILED:
            ending = replace(ending, lost=True)  # Its next host could not go on with it.
        if entry.taken and ending.end == End.CLOSED:
            ending = replace(ending, taken=True)
        self._over.add(now, Ended(session, entry.facts.call_id, ending))
        said = latest(conversation or entry.conversation)
        left = Lost(session, entry.facts.call_id, ending.error or "the call failed", said)
        if entry.facts.records:
            self._keep(now, left, entry.begun)
        if ending.lost:
            logger.warning("session %s of call %s is lost: %s", session, left.call_id, left.why)
            self.losses[ending.end] += 1
            self._lost.add(now, left)
        for told in self._waiting.pop(session, []):
            if not told.done():
                told.set_result(ending)

    def find(self, now: float, call_id: str, session_id: str) -> Ending | None:
        """The end of the session of this id, if it was one of this call."""
        ended = self._over.find(now, call_id, session_id)
        return None if ended is None else ended.ending

    def lost(self, now: float, call_id: str, session_id: str) -> Lost | None:
        """The lost session of this id, if it was one of this call."""
        return self._lost.find(now, call_id, session_id)

    def said(self, now: float, call_id: str) -> tuple[Message, ...] | None:
        """Return what was said in the last session of this call; None if nothing is known of one."""
        left = self._left.last(now, call_id)
        return None if left is None else left.conversation

    async def wait(self, session: str, seconds: float) -> Ending | None:
        """Wait for the end of a session that there is; None if it has not come within `seconds`."""
        told: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(session, [])
        waiting.append(told)
        try:
            await asyncio.wait([told], timeout=seconds)
        finally:
            waiting.remove(told)
        return told.result() if told.done() else None

    def _keep(self, now: float, left: Lost, begun: bool) -> None:
        """Keep what was said for the page that comes back: of a call in which nobody said anything that is nothing.

        A start that came to nothing leaves what was there before it.
        """
        if left.conversation:
            self._left.add(now, left)
        elif begun:
            self._left.drop(left.call_id)
