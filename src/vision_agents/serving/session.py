"""A session: one agent in one call, from the moment that its place is taken until that is free again."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from vision_agents.core.agents import Agent
from vision_agents.core.conversation import Message
from vision_agents.core.edge import EdgeTransport
from vision_agents.core.failures import log_failure
from vision_agents.core.floor import FloorState
from vision_agents.core.tasks import GRACE, bounded

from .figures import Figures
from .launcher import AgentLauncher
from .lost import Ending

logger = logging.getLogger(__name__)

# How long an agent may take into the call, in seconds.
JOIN_TIMEOUT = 30.0

# Seconds for which records of a call are gathered, to be sent together.
GATHER = 0.05


class StartError(RuntimeError):
    """A session could not be started. The message says why. `fault`: "agent", "call", "offer",
    "conversation" or "timeout"."""

    def __init__(self, text: str, fault: str) -> None:
        super().__init__(text)
        self.fault = fault


class End(StrEnum):
    """The reason for which a session is over."""

    DONE = "done"
    CLOSED = "closed"
    IDLE = "idle"
    TOO_LONG = "too long"
    DRAINED = "drained"
    FAILED = "failed"


class Place:
    """A place that is kept for one start."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """The facts that a session is started with."""

    call_id: str
    call_type: str = "default"
    session_id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    offer: str | None = None
    """The SDP of a caller's WebRTC offer; then they are the call."""
    records: bool = False
    """The caller's page shows the call: whoever holds it gets its records, and it is over when the page is gone."""
    edge: EdgeTransport | None = None
    """The caller's way in, where they have one already."""
    created_by: Any = None
    continues: str | None = None
    """The id of a lost session of the same call, whose conversation this one goes on with."""
    conversation: tuple[Message, ...] = ()
    """A history that the agent goes on from."""
    attempt: int = 0
    """The number of hosts of a cluster that were tried before, and given up: what they tell of it does not count."""
    place: Place | None = None
    """The one that its host keeps for it, if it does."""


class AgentSession:
    """One agent in one call. Made by a `CallHost`."""

    def __init__(self, request: CallRequest, figures: Figures, edge: EdgeTransport | None = None) -> None:
        self.id = request.session_id
        self.call_id, self.call_type = request.call_id, request.call_type
        self.created_by = request.created_by
        self._conversation = request.conversation
        self.started_at = datetime.now(UTC)
        self.figures = figures
        self.agent: Agent | None = None
        self.end: End | None = None
        self.error: str | None = None
        # Whoever asked for it made no offer that can be answered: there was no session, only a wrong request.
        self.void = False
        self.over = asyncio.Event()
        # The SDP of the answer to the caller's offer.
        self.answer: str | None = None
        self.edge = edge if edge is not None else request.edge
        # Whether a page shows the call; its records, once it has its way in.
        self.shown = request.records
        self.records: Any = None
        self._clock = asyncio.get_running_loop().time
        self.began = self._clock()
        # When the agent was left alone in the call; None while somebody is there, or it is not in the call yet.
        self._alone_since: float | None = None
        # When somebody was last seen to speak in the call, or the place was taken.
        self._spoken = self.began
        self._task: asyncio.Task[None] | None = None
        # The agent, once it is closed: a session that is over may still get one that was being made.
        self._closed: Agent | None = None

    @property
    def joined(self) -> bool:
        """Return whether the agent has been in the call."""
        return self.agent is not None and self.agent.entered.is_set()

    @property
    def age(self) -> float:
        """Seconds since the place was taken."""
        return self._clock() - self.began

    @property
    def idle(self) -> float:
        """Seconds that the agent has been alone in the call; 0 while somebody is there."""
        if not self.joined or (self.agent is not None and self.agent.participants):
            self._alone_since = None
            return 0.0
        if self._alone_since is None:
            self._alone_since = self._clock()
        return self._clock() - self._alone_since

    @property
    def silence(self) -> float:
        """Seconds since somebody spoke or was about to, as far as it was looked at."""
        if self.agent is not None and self.joined and self.agent.state is not FloorState.IDLE:
            self._spoken = self._clock()
        return self._clock() - self._spoken

    @property
    def ending(self) -> Ending:
        """The end of the session, once it is over."""
        return Ending(str(self.end), self.error, self.end is End.FAILED)

    async def begin(self, launcher: AgentLauncher, prepare: Callable[[AgentSession, Agent], None]) -> None:
        """Make the agent and have it join. Returns when it is in the call, and holds it from then on by itself.

        Raises CreateAgentError and StartError; whatever there is by then is closed by `finish`.
        """
        self.agent = await launcher.launch(self.edge)
        if self.end is not None:
            raise StartError("the session was ended before its agent was there", "call")
        for message in self._conversation:
            self.agent.conversation.add(message)
        prepare(self, self.agent)
        self.figures.watch(self.agent)
        self._task = asyncio.create_task(self._hold(launcher, self.agent), name=f"session {self.id}")
        await self._entered(self.agent, self._task)

    async def finish(self, why: End, grace: float = GRACE) -> None:
        """End the session, and wait until everything is closed, but not much longer than `grace` seconds. Harmless
        twice."""
        self.end = self.end or why
        if self._task is None:
            await self._leave()
            return
        self._task.cancel()
        await asyncio.wait([self._task], timeout=grace)

    def close(self, why: End) -> None:
        """Begin to end the session. Returns at once."""
        self.end = self.end or why
        if self._task is not None:
            self._task.cancel()

    async def part(self, farewell: str, seconds: float) -> None:
        """Say goodbye, whatever else is being said, for no longer than so many seconds."""
        agent = self.agent
        if agent is None or not self.joined or not agent.participants:
            return
        try:
            async with asyncio.timeout(seconds):
                agent.interrupt()
                await agent.say(farewell, interruptible=False)
        except Exception as error:
            logger.warning("session %s was ended without a farewell: %s", self.id, error or type(error).__name__)

    async def wait(self) -> None:
        """Wait until the session is over and everything of it is closed."""
        await self.over.wait()

    def tell(self, record: Any) -> None:
        """Have a record shown on the caller's page, where there is one."""
        if self.records is not None:
            self.records.put(record)

    async def news(self, seconds: float) -> list[Any]:
        """Wait until the session is over, or there are records for the caller's page; returns these."""
        news = self.over if self.records is None else self.records.more
        try:
            async with asyncio.timeout(seconds):
                await news.wait()
        except TimeoutError:
            return []
        if not self.over.is_set():
            await asyncio.sleep(GATHER)
        taken: list[Any] = [] if self.records is None else self.records.take()
        return taken

    async def _hold(self, launcher: AgentLauncher, agent: Agent) -> None:
        try:
            await launcher.hold(agent, self.call_type, self.call_id)
            self.end = self.end or End.DONE
        except asyncio.CancelledError:
            self.end = self.end or End.CLOSED
        except Exception as error:
            self.end = self.end or End.FAILED
            self.error = f"{type(error).__name__}: {error}"
            log_failure(logger, f"session {self.id} of call {self.call_id}", error)
        finally:
            # In a task of its own: this one may be cancelled again.
            await asyncio.shield(asyncio.ensure_future(self._leave()))

    async def _entered(self, agent: Agent, holding: asyncio.Task[None]) -> None:
        entering = asyncio.ensure_future(agent.entered.wait())
        try:
            await asyncio.wait([entering, holding], timeout=JOIN_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        finally:
            entering.cancel()
        if agent.entered.is_set():
            return
        if not holding.done():
            self.end = End.FAILED
            holding.cancel()
            raise StartError(f"the agent was not in the call within {JOIN_TIMEOUT:.0f} s", "timeout")
        raise StartError(self.error or "join_call returned, and the agent had joined no call", "call")

    async def _leave(self) -> None:
        agent = self.agent
        if agent is not None and agent is not self._closed:
            await bounded(agent.close(), f"closing the agent of session {self.id}", 2 * GRACE)
            self._closed = agent
        elif agent is None and self.edge is not None and not self.over.is_set():
            await bounded(self.edge.leave(), f"leaving by the edge of session {self.id}")
        self.over.set()
        if self.records is not None:
            self.records.more.set()
