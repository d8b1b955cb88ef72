"""The source of sessions for HTTP: one face for the calls of this process and for those of a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from starlette.routing import BaseRoute

from .admission import Refused
from .host import CallHost
from .lost import Ending, Lost
from .metrics import Snapshot, Totals, snapshot
from .options import ServeOptions
from .session import AgentSession, CallRequest, End, StartError

GONE = "there is no lost session {session} of this call to go on from: its conversation is kept for five minutes"


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A session, as it is told to whoever may know of it."""

    id: str
    call_id: str
    call_type: str
    started_at: datetime
    answer: str | None = None
    """The SDP of the answer to the caller's offer."""
    duration: float = 0.0
    """Seconds since the place was taken."""
    figures: Mapping[str, float | int | None] | None = None
    records: bool = False
    """The caller's page shows the call, and may come back to what was said there."""


class PageRoutes(Protocol):
    """The page of `local.Edge`, for browsers."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """The routes of the page."""

    async def close(self) -> None:
        """End its conversations."""


class Dispatch(Protocol):
    """Starts sessions where there is room, and finds them again."""

    async def start(self) -> None:
        """Begin to take calls. Harmless twice."""

    async def close(self) -> None:
        """Free what is this process's. Harmless twice."""

    def page(self, options: ServeOptions) -> PageRoutes | None:
        """The page for browsers, where it is served."""

    async def refusal(self) -> Refused | None:
        """Return why no further call is taken now; None if one is."""

    async def begin(self, request: CallRequest) -> SessionFacts:
        """Have an agent join a call. Raises Refused, CreateAgentError and StartError, as `CallHost.begin` does."""

    async def find(self, call_id: str, session_id: str) -> SessionFacts | None:
        """The session of this id, if it is one of this call."""

    async def lost(self, call_id: str, session_id: str) -> Lost | None:
        """The lost session of this id, if it was one of this call."""

    async def end(self, call_id: str, session_id: str) -> bool:
        """Begin to end a session. Returns whether there is one."""

    async def ending(self, call_id: str, session_id: str, seconds: float) -> Ending | None:
        """Wait for the end of a session; None if it has not come within `seconds`, or there is none.

        Of one that is over it is known for some minutes.
        """

    async def figures(self) -> tuple[Mapping[str, Snapshot], Totals]:
        """The figures of each process that holds calls, by its name; "" for this one. And those of all together."""


class LocalDispatch:
    """The calls of this process."""

    def __init__(self, host: CallHost) -> None:
        self._host = host

    async def start(self) -> None:
        if not self._host.started:
            await self._host.start()

    async def close(self) -> None:
        await self._host.close()

    def page(self, options: ServeOptions) -> PageRoutes | None:
        if not self._host.launcher.takes_edge:
            return None
        try:
            from .page import page_of
        except ModuleNotFoundError:
            return None  # Without the extra `local` nobody comes by WebRTC.
        return page_of(self._host, options)

    async def refusal(self) -> Refused | None:
        return self._host.refusal()

    async def begin(self, request: CallRequest) -> SessionFacts:
        return described(await self._host.begin(await continued(self, request)))

    async def find(self, call_id: str, session_id: str) -> SessionFacts | None:
        session = self._host.find(call_id, session_id)
        return None if session is None else described(session)

    async def lost(self, call_id: str, session_id: str) -> Lost | None:
        return self._host.lost.find(asyncio.get_running_loop().time(), call_id, session_id)

    async def end(self, call_id: str, session_id: str) -> bool:
        session = self._host.find(call_id, session_id)
        if session is not None:
            session.close(End.CLOSED)
        return session is not None

    async def ending(self, call_id: str, session_id: str, seconds: float) -> Ending | None:
        session = self._host.find(call_id, session_id)
        if session is None:
            ended = self._host.over.find(asyncio.get_running_loop().time(), call_id, session_id)
            return None if ended is None else ended.ending
        try:
            async with asyncio.timeout(seconds):
                await session.wait()
        except TimeoutError:
            return None
        return session.ending

    async def figures(self) -> tuple[Mapping[str, Snapshot], Totals]:
        lost = {str(End.FAILED): self._host.lost.total}
        return {"": snapshot(self._host)}, Totals(self._host.refused, lost)


async def continued(dispatch: Dispatch, request: CallRequest) -> CallRequest:
    """The request with the conversation that it goes on from. Raises StartError if that is not there."""
    if request.continues is None:
        return request
    lost = await dispatch.lost(request.call_id, request.continues)
    if lost is None:
        raise StartError(GONE.format(session=request.continues), "conversation")
    return replace(request, conversation=lost.conversation)


def described(session: AgentSession) -> SessionFacts:
    """The facts of a session of this process."""
    return SessionFacts(
        session.id,
        session.call_id,
        session.call_type,
        session.started_at,
        session.answer,
        session.age,
        _summary(session),
        session.shown,
    )


def _summary(session: AgentSession) -> dict[str, Any]:
    return session.figures.summary()
