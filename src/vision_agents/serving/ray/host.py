"""The deployment that holds calls: a `CallHost` in each replica, with one long streaming request for each call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from ray import serve
from ray.exceptions import RayError

from vision_agents.core.conversation import Message
from vision_agents.core.tasks import Tasks

from ..admission import Refused
from ..callers import say
from ..dispatch import described
from ..host import CallHost
from ..launcher import CreateAgentError
from ..load import INTERVAL
from ..lost import Ending, latest
from ..metrics import snapshot
from ..runner import Runner
from ..session import AgentSession, CallRequest, End, StartError
from .answers import sent
from .book import Release, Report
from .client import RegistryClient
from .part import part_of_node
from .registry import Registry

logger = logging.getLogger(__name__)

# Makes the program that is served, in the process that serves it.
Load = Callable[[], Runner]

# Seconds before the registry is asked again if it does not answer.
AGAIN = 0.5

# Seconds between two looks whether calls are taken: to measure the load costs a host half a millisecond.
LOOK = 2 * INTERVAL

# Of a host that has no more room: it makes the autoscaler want another one.
OVERLOADED = 1.25


class Host:
    """One process of calls."""

    async def __init__(self, load: Load, release: Release, *, private: bool) -> None:  # type: ignore[misc]
        program = load()
        options = program.options
        self._name = serve.get_replica_context().replica_id.unique_id
        part = part_of_node()
        self._calls = CallHost(program.launcher, options.limits, options.traces, private=private, part=part)
        self._release = release
        self._registry = RegistryClient()
        # The conversations that the registry knows.
        self._told: dict[str, tuple[Message, ...]] = {}
        # The words with which all calls are being ended.
        self._farewell: str | None = None
        # The calls with which it is full, as the registry knows it; None if it is not.
        self._full: int | None = None
        self._tasks = Tasks()
        await self._calls.start()
        self._tasks.spawn(self._read_mail(), "mail of the registry")
        self._tasks.spawn(self._tell_room(), "room of this host")

    async def __del__(self) -> None:
        await self._tasks.close()
        await self._calls.close()

    async def check_health(self) -> None:
        """Serve asks this on the event loop of the calls: one that hangs does not answer."""

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """The share of this host that is used, by what is measured: 1 if no more calls are taken."""
        calls = self._calls
        share = len(calls.sessions) / max(1, calls.capacity)
        return {"share": OVERLOADED if calls.sessions and calls.refusal() is not None else share}

    async def run_call(self, request: CallRequest, takers: frozenset[str]) -> AsyncGenerator[dict[str, Any], None]:
        """Hold a call for as long as this is iterated over: see `CallHost.run_call`. `takers`: read by `Router`.

        First comes `{"placed": …}` with the name of this host. What `CallHost` raises is an item, too: `{"refused": …}`
        or `{"failed": …}`.
        """
        session = request.session_id
        yield {"placed": self._name}
        # Whoever leaves the stream may do so while the claim is on its way: it is told to be over, too.
        ending: Ending | None = Ending("closed")
        held: AgentSession | None = None
        try:
            # Whoever is refused asks the registry next, which is to know then that there is no room here.
            if (refusal := self._calls.refusal()) is not None:
                ending = None
                self._note_room()
                yield {"refused": sent(refusal)}
                return
            if not await self._registry.ask(Registry.claim, session, self._name, request.attempt):
                ending = None
                yield {"refused": ("session", "another host has the session", 1.0)}
                return
            async with aclosing(self._calls.run_call(request)) as signs:
                async for sign in signs:
                    if "session" in sign:
                        held = self._calls.sessions[session]
                        facts = sign["facts"] = described(held)
                        await self._registry.ask(Registry.started, session, self._name, facts, request.attempt)
                    elif "over" in sign:
                        ending = Ending(sign["over"], sign["error"], sign["over"] == End.FAILED)
                    yield sign
        except Refused as refusal:
            ending = None
            self._note_room()
            if refusal.reason != "session":  # That one runs here.
                await self._registry.ask(Registry.unclaim, session, self._name, request.attempt)
            yield {"refused": sent(refusal)}
        except CreateAgentError as error:
            ending = Ending("failed", str(error))
            yield {"failed": str(error)}
        except StartError as error:
            ending = Ending("failed", str(error))
            yield {"failed": str(error), "fault": error.fault}
        finally:
            if ending is not None:
                left = _said(held) if ending.lost or request.records else ()
                self._registry.tell(Registry.over, session, self._name, ending, left, request.attempt)

    async def _tell_room(self) -> None:
        """Have the registry know at once when this host is full, or is not any more: reports are a second apart."""
        while True:
            await asyncio.sleep(LOOK)
            self._note_room()

    def _note_room(self) -> None:
        full = None if self._calls.refusal() is None else len(self._calls.sessions)
        if full != self._full:
            self._full = full
            self._registry.tell(Registry.resize, self._name, self._calls.capacity if full is None else full)

    async def _read_mail(self) -> None:
        while True:
            try:
                mail = await self._registry.ask(Registry.poll, self._name, self._report())
            except RayError as error:
                logger.warning("the registry does not answer: %s", error)
                await asyncio.sleep(AGAIN)
                continue
            if not mail.known:
                self._told.clear()
            for session_id in mail.end:
                session = self._calls.sessions.get(session_id)
                if session is not None:
                    session.close(End.CLOSED)
            for session_id, text in mail.said:
                session = self._calls.sessions.get(session_id)
                if session is not None and session.records is not None:
                    say(session.edge, text, session.tell)
            if mail.farewell is not None and mail.farewell != self._farewell:
                # One without words ends those that are said, too.
                self._farewell = mail.farewell
                self._tasks.spawn(self._calls.drain(0.0, mail.farewell), "farewell")

    def _report(self) -> Report:
        sessions = self._calls.sessions
        said: dict[str, tuple[Message, ...]] = {}
        for each, session in sessions.items():
            if session.agent is not None:
                messages = _said(session)
                if messages != self._told.get(each, ()):
                    said[each] = messages
        self._told = {each: said.get(each, self._told.get(each, ())) for each in sessions}
        facts = {each: described(session) for each, session in sessions.items()}
        figures = snapshot(self._calls)
        # It is known by this from now on, whatever the registry was told before.
        there = figures.calls.all
        self._full = there if figures.capacity <= there else None
        return Report(self._release, facts, said, figures)


def _said(session: AgentSession | None) -> tuple[Message, ...]:
    """The conversation of a session, as much of it as is kept."""
    return () if session is None or session.agent is None else latest(session.agent.conversation.messages)
