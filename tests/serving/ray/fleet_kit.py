"""A registry without Ray, and hosts that report to it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from vision_agents.core.conversation import Message, Role
from vision_agents.serving import CallRequest
from vision_agents.serving.admission import Calls
from vision_agents.serving.dispatch import SessionFacts
from vision_agents.serving.figures import Figures
from vision_agents.serving.load import Load
from vision_agents.serving.metrics import Snapshot
from vision_agents.serving.ray.answers import Attempt
from vision_agents.serving.ray.book import Release, Report
from vision_agents.serving.ray.registry import LEARN, Registry

FIRST, SECOND = Release(1.0, "first", 1), Release(2.0, "second", 1)
HELLO = (Message(Role.USER, "Hello."),)


def facts(session: str, call: str = "", **more: Any) -> SessionFacts:
    return SessionFacts(session, call or f"call of {session}", "default", datetime.now(UTC), **more)


def asks(session: str, call: str = "", **more: Any) -> CallRequest:
    return CallRequest(call or f"call of {session}", session_id=session, **more)


def report(*sessions: str, capacity: int = 10, said: Any = None, release: Release = FIRST) -> Report:
    snapshot = Snapshot(
        Calls(len(sessions)), capacity, True, False, Load(), Figures(), {}, worst=0.0, cost=0.01, shed=0
    )
    return Report(release, {each: facts(each) for each in sessions}, said or {}, snapshot)


async def grown_up() -> Registry:
    """A registry that has been there for a while: it waits for nobody to report before it answers."""
    registry = Registry()
    await asyncio.sleep(LEARN)
    return registry


class Fleet:
    """A registry, and hosts that report each second."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.reports: dict[str, Report] = {}
        self.mail: dict[str, list[str]] = {}
        self._polls: dict[str, asyncio.Task[None]] = {}

    async def add(self, host: str, **more: Any) -> None:
        self.reports[host] = report(**more)
        self.mail[host] = []
        self._polls[host] = asyncio.create_task(self._poll(host))
        await asyncio.sleep(0.1)

    async def _poll(self, host: str) -> None:
        while True:
            mail = await self.registry.poll(host, self.reports[host])
            self.mail[host] += mail.end

    def hang(self, host: str) -> None:
        self._polls.pop(host).cancel()

    async def start(self, session: str, host: str, **more: Any) -> CallRequest:
        """A session that the host has, and has reported."""
        request = asks(session, **more)
        assert isinstance(await self.registry.reserve(request, facts(session, request.call_id), 1), Attempt)
        assert await self.registry.claim(session, host)
        await self.registry.started(session, host, facts(session, request.call_id))
        self.has(host, *self.reports[host].sessions, session)
        await asyncio.sleep(1.1)
        return request

    def has(self, host: str, *sessions: str, said: Any = None) -> None:
        before = self.reports[host]
        new = report(*sessions, capacity=before.snapshot.capacity, said=said, release=before.release)
        self.reports[host] = new

    async def close(self) -> None:
        for host in list(self._polls):
            self.hang(host)
        await self.registry.close()


async def reserved(fleet: Fleet, session: str, call: str = "") -> str | None:
    answer = await fleet.registry.reserve(asks(session, call), facts(session, call), 1)
    return None if isinstance(answer, Attempt) else answer[0]


async def again(registry: Registry, session: str, attempt: int) -> int | None:
    """The number of the next attempt."""
    answer = await registry.again(session, attempt)
    return None if answer is None else answer.number
