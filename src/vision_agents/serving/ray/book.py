"""The book of a cluster's sessions: which there are, where each one is, and what room is left.

Pure: `now` is in seconds and never decreases. What counts is what the hosts report; what was asked for a moment ago,
and is in no report yet, is counted besides, so that no place is given away twice.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from vision_agents.core.conversation import Message

from ..admission import Refused
from ..dispatch import SessionFacts
from ..metrics import Snapshot
from ..session import CallRequest

# Seconds without a report after which a host is taken to be dead or to hang. Hosts report each second.
SILENCE = 10.0

# Seconds without a report after which nothing is offered to a host, where there are others: a report is due by then,
# and a host that is later still with it would be too late for an offer, too.
DROWSY = 2.5

# Seconds after which a session that no host has is given up: longer than a front waits for a host that hangs.
UNPLACED = 15.0

# The same for one whose host died: perhaps a host has to be started for it first.
MOVING = 60.0

# Seconds after which a session that moves is offered again: longer than a front tries to place it.
STRANDED = 6.0

# Sessions that are over are remembered so long, in seconds: a report that was made before may come after.
REMEMBERED = 30.0


@dataclass(frozen=True, slots=True, order=True)
class Release:
    """One deployment of the program; a later one is greater. `hosts`: as many as it has at least."""

    number: float
    id: str
    hosts: int


@dataclass(frozen=True, slots=True)
class Report:
    """The sessions of one host, with conversations that have changed since the last report, and its figures."""

    release: Release
    sessions: Mapping[str, SessionFacts]
    said: Mapping[str, tuple[Message, ...]]
    snapshot: Snapshot


@dataclass(slots=True)
class Entry:
    """A session of the cluster. Known by hosts' reports alone, it has no request."""

    facts: SessionFacts
    since: float
    """The time at which it was asked for, or its host died."""
    offered: float
    """The time at which it was offered to a host, or claimed by one, last."""
    request: CallRequest | None = None
    host: str | None = None
    reported: bool = False
    conversation: tuple[Message, ...] = ()
    moves: int = 0
    """The times that its host died, and it was to go on elsewhere."""
    went_on: int = 0
    """The moves after which it has started again."""
    attempt: int = 0
    """The attempt to have it taken by a host that counts: earlier ones have been given up."""
    begun: bool = True
    """Its agent has been in the call, by this attempt. Of what only reports tell that is assumed."""
    taken: bool = False
    """Another connection of its caller has it ended, to have the call itself."""

    @property
    def movable(self) -> bool:
        """Return whether another host can take it as it is: callers by WebRTC have to make a new offer."""
        return self.request is not None and self.request.offer is None and self.moves == 0


@dataclass(slots=True)
class Host:
    """A host, by its last report."""

    seen: float
    report: Report


@dataclass(slots=True)
class Book:
    """Everything that is known of a cluster's sessions and hosts."""

    sessions: dict[str, Entry] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=dict)
    _over: OrderedDict[str, float] = field(default_factory=OrderedDict)

    # Starts.

    def reserve(self, now: float, request: CallRequest, facts: SessionFacts, most: int | None) -> Refused | None:
        """Enter a session that is about to be started; return why it must not be. `most`: agents in one call."""
        there = sum(entry.facts.call_id == request.call_id for entry in self.sessions.values())
        if request.session_id in self.sessions:
            return Refused("session", f"there is a session {request.session_id} already")
        if most is not None and there >= most:
            text = "there is an agent" if most == 1 else f"there are {most} agents"
            return Refused("call", f"{text} in the call already")
        if (refusal := self.refusal()) is not None:
            return refusal
        self._over.pop(request.session_id, None)
        self.sessions[request.session_id] = Entry(
            facts, now, now, request, conversation=request.conversation, begun=False
        )
        return None

    def refusal(self, leaving: int = 0) -> Refused | None:
        """Return why no further session is taken; None if there is room, or nothing is known of any host yet.

        `leaving`: so many of those that there are end for it.
        """
        if not self.hosts or self.room + leaving > 0:
            return None
        return Refused(
            "sessions", f"all hosts are full, with {len(self.sessions)} sessions on {len(self.hosts)} of them"
        )

    @property
    def room(self) -> int:
        """The number of sessions that may be taken.

        A host that is late with its report gives room, too, until it is given up: it may be this book that has heard
        nothing for a moment, and then it hears one after the other.
        """
        room = sum(self._places(host) for host in (self.current or self.hosts).values())
        return room - sum(not entry.reported for entry in self.sessions.values())

    def _places(self, host: Host) -> int:
        """The sessions that a host takes beside those that it has reported."""
        there = sum(session in self.sessions for session in host.report.sessions)
        return max(0, host.report.snapshot.capacity - there)

    @property
    def release(self) -> Release | None:
        """The latest that there are hosts of."""
        return max((host.report.release for host in self.hosts.values()), default=None)

    @property
    def current(self) -> dict[str, Host]:
        """The hosts of the latest release, once they are all there: those before take no more sessions then."""
        release = self.release
        current = {name: host for name, host in self.hosts.items() if host.report.release == release}
        return current if release is not None and len(current) >= release.hosts else {}

    def takers(self, now: float) -> dict[str, Host]:
        """Return the hosts that sessions may be offered to: one that is given up, and still there, is none of them.

        One that is known to be full is none either: it would have to say so first.
        """
        hosts = self.current or self.hosts
        # Where all are late, it may be this book that hears nothing.
        awake = {name: host for name, host in hosts.items() if now - host.seen <= DROWSY} or hosts
        claimed = Counter(entry.host for entry in self.sessions.values() if not entry.reported)
        return {name: host for name, host in awake.items() if self._places(host) > claimed[name]} or awake

    def claim(self, now: float, session: str, host: str, attempt: int) -> bool:
        """A host is about to start a session. Returns whether it may: no other one has it, and it is wanted."""
        entry = self.sessions.get(session)
        if entry is None or entry.attempt != attempt or entry.host not in (None, host):
            return False
        entry.host, entry.offered = host, now
        return True

    def again(self, now: float, session: str, attempt: int) -> int | None:
        """An attempt has been given up; returns the number of the next one, None if it was not the last any more.

        From now on its host has no part in the session, whatever it has done, and does: it may only have been slow.
        """
        entry = self.sessions.get(session)
        if entry is None or entry.attempt != attempt:
            return None
        entry.host, entry.reported, entry.begun = None, False, False
        entry.attempt, entry.offered = attempt + 1, now
        return entry.attempt

    def held(self, session: str, host: str, attempt: int) -> Entry | None:
        """The session, if the host has it by this attempt. Of what only reports tell the attempt is not known."""
        entry = self.sessions.get(session)
        if entry is None or entry.host != host or (entry.request is not None and entry.attempt != attempt):
            return None
        return entry

    def unclaim(self, session: str, host: str, attempt: int) -> None:
        """The host could not start the session by this attempt after all."""
        entry = self.held(session, host, attempt)
        if entry is not None and not entry.reported:
            entry.host = None

    def adopt(self, now: float, request: CallRequest, facts: SessionFacts, host: str) -> Entry | None:
        """The session of a front that knows more of it than this book, which may be younger; None if it is over."""
        if request.session_id in self._over:
            return None
        entry = self.sessions.setdefault(request.session_id, Entry(facts, now, now, host=host))
        if entry.request is None:
            entry.request, entry.attempt = request, request.attempt
        return entry

    # Reports.

    def report(self, now: float, host: str, report: Report) -> bool:
        """Take a host's report. Returns whether the host was known."""
        known = host in self.hosts
        self.hosts[host] = Host(now, report)
        self._forget(now)
        for session, facts in report.sessions.items():
            if session in self._over:
                continue
            entry = self.sessions.setdefault(session, Entry(facts, now, now, host=host))
            if entry.host == host:
                entry.facts, entry.reported = facts, True
                entry.conversation = report.said.get(session, entry.conversation)
        return known

    def resize(self, host: str, capacity: int) -> None:
        """A host takes more sessions than its last report says, or fewer: `capacity`, those that it has included."""
        if host in self.hosts:
            report = self.hosts[host].report
            self.hosts[host].report = replace(report, snapshot=replace(report.snapshot, capacity=capacity))

    def strangers(self, host: str) -> list[str]:
        """Sessions of a host that are not its own any more: given up, over, or another one's."""
        sessions = self.hosts[host].report.sessions
        return [each for each in sessions if each not in self.sessions or self.sessions[each].host != host]

    def vanished(self, host: str) -> list[str]:
        """Sessions that the host had by an earlier report, and has no more."""
        there = self.hosts[host].report.sessions
        return [each for each, entry in self.of(host) if entry.reported and each not in there]

    # Ends.

    def close(self, now: float, session: str) -> Entry | None:
        """Forget a session; returns what was known of it."""
        entry = self.sessions.pop(session, None)
        if entry is not None:
            self._over[session] = now
        return entry

    def move(self, now: float, session: str) -> CallRequest | None:
        """Free a session whose host is dead for another one; returns what to start it with, None if that cannot be."""
        entry = self.sessions.get(session)
        if entry is None or not entry.movable:
            return None
        self.again(now, session, entry.attempt)
        entry.since, entry.moves = now, entry.moves + 1
        return moved(entry)

    def silent(self, now: float) -> list[str]:
        """Hosts that have not reported for too long."""
        return [name for name, host in self.hosts.items() if now - host.seen > SILENCE]

    def stranded(self, now: float) -> list[CallRequest]:
        """Requests that move and were taken by nobody: there is no host yet, or the front that had them is dead.

        Each is a new attempt: a front that had one before, and was only slow, has no part in the session any more.
        """
        waiting = [(each, entry) for each, entry in self._waiting() if entry.moves and now - entry.offered > STRANDED]
        for each, entry in waiting:
            self.again(now, each, entry.attempt)
        return [moved(entry) for _, entry in waiting]

    def unplaced(self, now: float) -> list[str]:
        """Sessions that no host has taken in time."""
        # What moves is offered again all the time; a new start is looked after by its front, until that is dead.
        return [
            each
            for each, entry in self._waiting()
            if (now - entry.since > MOVING if entry.moves else now - entry.offered > UNPLACED)
        ]

    def abandon(self, now: float) -> None:
        """Free sessions that a host claimed and does not report: who asked for them left meanwhile."""
        for entry in self.sessions.values():
            if entry.host and not entry.reported and self._told(now, entry.host) - entry.offered > UNPLACED:
                entry.host = None

    def _waiting(self) -> list[tuple[str, Entry]]:
        """The sessions that no host has, with their ids."""
        return [(each, entry) for each, entry in self.sessions.items() if entry.host is None]

    def of(self, host: str) -> Iterator[tuple[str, Entry]]:
        """The sessions of a host, with their ids."""
        return iter([(each, entry) for each, entry in self.sessions.items() if entry.host == host])

    def find(self, call_id: str, session_id: str) -> Entry | None:
        """The session of this id, if it is one of this call."""
        entry = self.sessions.get(session_id)
        return entry if entry is not None and entry.facts.call_id == call_id else None

    def _told(self, now: float, host: str) -> float:
        """The time of a host's last report; now, if there is no such host."""
        return self.hosts[host].seen if host in self.hosts else now

    def _forget(self, now: float) -> None:
        while self._over and next(iter(self._over.values())) < now - REMEMBERED:
            self._over.popitem(last=False)


def moved(entry: Entry) -> CallRequest:
    """The request to start a session with elsewhere: as it was, with the conversation since."""
    assert entry.request is not None
    return replace(entry.request, conversation=entry.conversation, continues=None, attempt=entry.attempt)
