"""The registry of a cluster: one actor that every host and every front asks, and that tells them.

Serve has no way to reach the host of a running call without taking one of its places, so this is it: hosts poll for
what they are told and say with each poll how they are; fronts ask where sessions are, and wait for calls to take over.
It keeps nothing for good: after its own death the hosts' next polls tell it everything again. It knows no Ray.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

from vision_agents.core.conversation import Message
from vision_agents.core.tasks import Tasks

from ..admission import Refused
from ..dispatch import SessionFacts
from ..lost import Ending, Lost
from ..metrics import Snapshot, Totals
from ..session import CallRequest
from .answers import Attempt, Before, Refusal, Said, sent
from .book import Book, Release, Report
from .ends import Ends
from .mail import Box, Mail

logger = logging.getLogger(__name__)

# Seconds that a host's poll, and a front's, waits for news at most.
POLL = 1.0
FRONT_POLL = 5.0

# Seconds in which all hosts have reported to a registry that was started again: they try each fifth of one.
LEARN = 1.5

# Seconds between two looks at who is silent; if one comes much later, it is the registry itself that stood still.
LOOK = 1.0

# Seconds that a release waits for the one before to be deleted, if nobody says that it has been: Serve itself tries for
# a minute.
LEAVE = 65.0

DRAINING = Refused("draining", "this server is about to end", 5.0)


class Registry:
    """The sessions of a cluster. Its methods are called from other machines: what they take and return is data."""

    def __init__(self) -> None:
        self._book = Book()
        self._ends = Ends()
        self._boxes: dict[str, Box] = {}
        self._moved: asyncio.Queue[CallRequest] = asyncio.Queue()
        self._refused: Counter[str] = Counter()
        self._moves = 0
        self._drained: Release | None = None
        # The latest that is on its way, whose hosts need not have reported yet.
        self._coming: Release | None = None
        # Nobody is about to delete the release that there is.
        self._free = asyncio.Event()
        self._free.set()
        loop = asyncio.get_running_loop()
        self._clock = loop.time
        # It lets one pass at a time, so that they do in the order in which they came.
        self._gate = asyncio.Semaphore(0)
        loop.call_later(LEARN, self._gate.release)
        self._tasks = Tasks()
        self._tasks.spawn(self._watch(), "watching hosts")

    async def close(self) -> None:
        """Look after nobody any more."""
        await self._tasks.close()

    # What fronts ask.

    async def reserve(self, request: CallRequest, facts: SessionFacts, most: int | None) -> Refusal | Attempt:
        """Enter a session that is about to be started; return its first attempt, or why there must be none."""
        await self._learn()
        refusal = DRAINING if self._draining else self._book.reserve(self._clock(), request, facts, most)
        if refusal is not None:
            self._refused[refusal.reason] += 1
            return sent(refusal)
        return Attempt(request.attempt, await self.takers())

    async def refusal(self, leaving: int = 0) -> Refusal | None:
        """Return why no further session is taken now, if so many of those that there are end for it."""
        await self._learn()
        refusal = DRAINING if self._draining else self._book.refusal(leaving)
        return None if refusal is None else sent(refusal)

    async def takers(self) -> frozenset[str]:
        """Return the hosts that a session may be offered to."""
        return frozenset(self._book.takers(self._clock()))

    async def release(self, session: str, refused: str | None = None) -> None:
        """No host has taken a session, and it is not started. `refused`: the reason that whoever asked is told."""
        await self._learn()
        if refused is not None:
            self._refused[refused] += 1
        # A host that has it all the same was too slow, and is told to let go of it.
        self._close(session, Ending("failed", "it could not be started"))

    async def again(self, session: str, attempt: int) -> Attempt | None:
        """A host has been given up with which a session was to start; returns the next attempt.

        None if the session is over or not known any more, or somebody else has it started.
        """
        await self._learn()
        number = self._book.again(self._clock(), session, attempt)
        return None if number is None else Attempt(number, await self.takers())

    async def broken(self, request: CallRequest, facts: SessionFacts, host: str, why: str, dead: bool) -> None:
        """The stream of a session has broken off. `dead`: because its host is dead, with all sessions there."""
        entry = self._book.adopt(self._clock(), request, facts, host)
        if entry is not None and entry.host == host:
            self._died(request.session_id, why)
        if dead:
            self._bury(host, why)

    async def find(self, call_id: str, session_id: str) -> SessionFacts | None:
        """The session of this id, if it is one of this call."""
        await self._learn()
        entry = self._book.find(call_id, session_id)
        return None if entry is None else entry.facts

    async def lost(self, call_id: str, session_id: str) -> Lost | None:
        """The lost session of this id, if it was one of this call."""
        return self._ends.lost(self._clock(), call_id, session_id)

    async def end(self, call_id: str, session_id: str, taken: bool = False) -> bool:
        """Have a session ended by its host. Returns whether there is one.

        `taken`: another connection of its caller is to have the call.
        """
        await self._learn()
        entry = self._book.find(call_id, session_id)
        if entry is None:
            return False
        entry.taken = entry.taken or taken
        if entry.host is None:
            self._close(session_id, Ending("closed"))  # No host may claim it any more.
        else:
            self._box(entry.host).end(session_id)
        return True

    async def say(self, call_id: str, session_id: str, text: str) -> Said:
        """Have what a caller typed answered by the host of the session."""
        await self._learn()
        entry = self._book.find(call_id, session_id)
        if entry is None or entry.host is None or not entry.begun:
            return Said.NOWHERE
        return Said.TOLD if self._box(entry.host).say(session_id, text) else Said.FULL

    async def before(self, call_id: str) -> Before:
        """Return what a page that comes back goes on from: its session, and what was said there, or in the last one."""
        await self._learn()
        for session_id, entry in self._book.sessions.items():
            if entry.facts.call_id == call_id:
                return Before(session_id, entry.conversation)
        return Before(None, self._ends.said(self._clock(), call_id))

    async def ending(self, call_id: str, session_id: str, seconds: float) -> Ending | None:
        """Wait for the end of a session; None if it has not come within `seconds`, or there is none."""
        await self._learn()
        if self._book.find(call_id, session_id) is None:
            return self._ends.find(self._clock(), call_id, session_id)
        return await self._ends.wait(session_id, seconds)

    async def moved(self) -> CallRequest | None:
        """Wait for a session whose host is dead, to be started elsewhere; None if there is none for some seconds."""
        try:
            async with asyncio.timeout(FRONT_POLL):
                while True:
                    request = await self._moved.get()
                    entry = self._book.sessions.get(request.session_id)
                    if entry is not None and entry.host is None and entry.attempt == request.attempt:
                        return request
        except TimeoutError:
            return None

    async def figures(self) -> tuple[Mapping[str, Snapshot], Totals]:
        """The figures of each host, and those of the cluster."""
        await self._learn()
        hosts = {name: host.report.snapshot for name, host in self._book.hosts.items()}
        return hosts, Totals(self._refused, self._ends.losses, self._moves)

    # What hosts ask.

    async def claim(self, session: str, host: str, attempt: int = 0) -> bool:
        """A host is about to start a session. Returns whether it may."""
        return self._book.claim(self._clock(), session, host, attempt)

    async def started(self, session: str, host: str, facts: SessionFacts, attempt: int = 0) -> None:
        """The agent is in the call."""
        entry = self._book.held(session, host, attempt)
        if entry is not None:
            entry.facts, entry.begun = facts, True
            self._moves += entry.moves - entry.went_on
            entry.went_on = entry.moves

    async def resize(self, host: str, capacity: int) -> None:
        """A host takes more sessions than it has reported, or fewer."""
        self._book.resize(host, capacity)

    async def unclaim(self, session: str, host: str, attempt: int = 0) -> None:
        """The host cannot start the session after all; another one may."""
        self._book.unclaim(session, host, attempt)

    async def over(
        self, session: str, host: str, ending: Ending, conversation: tuple[Message, ...] = (), attempt: int = 0
    ) -> None:
        """A session that the host had is over."""
        if self._book.held(session, host, attempt) is not None:
            self._close(session, ending, conversation)

    async def poll(self, host: str, report: Report) -> Mail:
        """Take a host's report; wait a moment for something to tell it."""
        known = self._book.report(self._clock(), host, report)
        box = self._box(host)
        box.let_go(frozenset(self._book.strangers(host)))
        for session in self._book.vanished(host):
            self._close(session, Ending("closed"))  # What told of its end did not reach us.
        if known and not box.rings.is_set():
            try:
                async with asyncio.timeout(POLL):
                    await box.rings.wait()
            except TimeoutError:
                pass
        return box.take(known=known)

    # The whole.

    async def coming(self, release: Release) -> int:
        """A release is on its way. Returns how many hosts of it are there.

        It waits while the one before is being deleted: Serve would delete this one with it. A registry that was started
        again has been told by the end of `_learn` whether that is so.
        """
        await self._learn()
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE):
                await self._free.wait()
        self._free.set()  # Whoever was about to delete it is dead.
        await self.still_coming(release)
        return sum(host.report.release == release for host in self._book.hosts.values())

    async def still_coming(self, release: Release) -> None:
        """A release has been let come, and its hosts need not be there yet. Said again and again until they are.

        Nothing is waited for: a registry that was started again has to know before it lets the one before be deleted.
        """
        self._coming = release if self._coming is None else max(release, self._coming)

    async def failed(self, release: Release) -> None:
        """A release that was on its way does not come."""
        if self._coming == release:
            self._coming = None

    async def drain(self, release: Release, farewell: str | None = None) -> int | None:
        """Take no more sessions. Returns how many there are; None if a later release has taken over.

        `farewell`: the hosts that there are end their sessions, and say this first if it is not empty. Whoever is told
        so by one question has no moment between two in which a later release could come, and lose its calls.
        """
        await self._learn()
        newest = self._newest
        if newest is not None and newest > release:
            return None
        self._drained = release
        if farewell is not None:
            for host in self._book.hosts:
                self._box(host).part(farewell)
        return len(self._book.sessions)

    async def leave(self, release: Release) -> bool:
        """The release is about to be deleted. Returns whether it may be: not if a later one has taken over.

        Until `left` nothing is taken, and no later one comes.
        """
        await self._learn()
        newest = self._newest
        if newest is not None and newest > release:
            return False
        await self.still_leaving(release)
        return True

    async def still_leaving(self, release: Release) -> None:
        """A release is being deleted, which `leave` has allowed. Said again and again until `left`.

        Nothing is waited for: a registry that was started again has to know before it lets a later one come.
        """
        newest = self._newest
        if newest is None or newest <= release:
            self._drained = release
            self._free.clear()

    async def left(self) -> None:
        """The release has been deleted."""
        self._free.set()

    # Inside.

    async def _learn(self) -> None:
        """Wait until hosts have had the time to tell what there is: before, nothing is full, and nobody unknown.

        Whatever has a partner waits here, also if it has no answer: who gives up what is asked for is not to be done
        first, nor the second of two texts.
        """
        async with self._gate:
            pass

    @property
    def _newest(self) -> Release | None:
        """The latest release that there are hosts of, or will be."""
        known = [release for release in (self._book.release, self._coming) if release is not None]
        return max(known, default=None)

    @property
    def _draining(self) -> bool:
        newest = self._newest
        return self._drained is not None and (newest is None or newest <= self._drained)

    def _box(self, host: str) -> Box:
        return self._boxes.setdefault(host, Box())

    def _close(self, session: str, ending: Ending, conversation: tuple[Message, ...] = ()) -> None:
        now = self._clock()
        entry = self._book.close(now, session)
        if entry is not None:
            self._ends.add(now, session, entry, ending, conversation)

    def _died(self, session: str, why: str) -> None:
        request = self._book.move(self._clock(), session)
        if request is None:
            self._close(session, Ending("lost", why, lost=True))
            return
        logger.warning("session %s of call %s is offered to another host: %s", session, request.call_id, why)
        self._moved.put_nowait(request)

    def _bury(self, host: str, why: str) -> None:
        self._book.hosts.pop(host, None)
        self._boxes.pop(host, None)
        for session, entry in self._book.of(host):
            entry.reported = False
            if entry.begun or entry.moves:  # A new start is tried elsewhere by its front.
                self._died(session, why)

    async def _watch(self) -> None:
        while True:
            before = self._clock()
            await asyncio.sleep(LOOK)
            now = self._clock()
            if now - before > 2 * LOOK:
                for host in self._book.hosts.values():
                    host.seen = min(now, host.seen + now - before - LOOK)  # Some have reported since.
            for name in self._book.silent(now):
                self._bury(name, "the process that held it is dead, or hangs")
            for request in self._book.stranded(now):
                self._moved.put_nowait(request)
            self._book.abandon(now)
            for session in self._book.unplaced(now):
                # Of a start that was never there nobody was told: it is refused, if somebody still waits for it.
                lost = self._book.sessions[session].moves > 0
                self._close(session, Ending("lost" if lost else "failed", "no host took it", lost=lost))
