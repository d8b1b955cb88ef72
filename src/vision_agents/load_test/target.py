"""The target of a test: a server, called by WebRTC, or agents in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vision_agents.serving import CallHost, CallRequest, CreateAgentError, End, Refused
from vision_agents.serving import StartError as CannotStart

from .clips import Clip
from .in_process import InProcessLine
from .line import Line
from .server import RefusedError, Server, Started, StartError


@dataclass(frozen=True, slots=True)
class Figures:
    """The load of what is tested; None for what it does not tell."""

    sessions: int | None = None
    cpu: float | None = None
    """The share of a processor."""
    rss: int | None = None
    """Memory in bytes."""


class Target(Protocol):
    """Whatever takes calls."""

    async def open(self, call: str, room: Clip) -> Line:
        """Call an agent. Returns when sound can flow; raises RefusedError, StartError, or ServerError."""

    async def hang_up(self, line: Line) -> None:
        """End a call."""

    async def figures(self) -> Figures:
        """The load of now."""


class OnServer:
    """Agents behind a server. `here`: it is on this machine."""

    def __init__(self, server: Server, *, here: bool) -> None:
        self._server, self._here = server, here
        self._sessions: dict[Line, Started] = {}

    async def open(self, call: str, room: Clip) -> Line:
        """Offer a connection, have a session started for it, and connect."""
        from .webrtc import ConnectError, WebRtcLine  # deferred: agents in this process need no WebRTC

        line = WebRtcLine(room, here=self._here)
        try:
            started = self._sessions[line] = await self._server.start(call, await line.offer())
            await line.accept(started.answer)
        except BaseException as error:
            await self.hang_up(line)
            if isinstance(error, ConnectError):
                raise StartError(str(error)) from None
            raise
        return line

    async def hang_up(self, line: Line) -> None:
        """Hang up, and end the session, as a page does that is closed."""
        await line.hang_up()
        if (started := self._sessions.pop(line, None)) is not None:
            await self._server.end(started)

    async def figures(self) -> Figures:
        """The load as the server tells it in its metrics."""
        told = await self._server.figures()
        sessions, rss = told.get("sessions"), told.get("resident_memory_bytes")
        return Figures(
            None if sessions is None else int(sessions), told.get("cpu_share"), None if rss is None else int(rss)
        )


class InProcess:
    """Agents of a host in this process, which was started."""

    def __init__(self, host: CallHost) -> None:
        self._host = host
        self._sessions: dict[Line, str] = {}

    async def open(self, call: str, room: Clip) -> Line:
        """Have a session started with a line to this process."""
        line = InProcessLine(room)
        try:
            session = await self._host.begin(CallRequest(call, edge=line))
        except Refused as refused:
            raise RefusedError(str(refused), refused.retry_after) from None
        except (CreateAgentError, CannotStart) as error:
            raise StartError(str(error)) from None
        self._sessions[line] = session.id
        return line

    async def hang_up(self, line: Line) -> None:
        """Hang up, and end the session."""
        await line.hang_up()
        session = self._host.sessions.get(self._sessions.pop(line, ""))
        if session is not None:
            await session.finish(End.CLOSED)

    async def figures(self) -> Figures:
        """The load of this process."""
        load = self._host.load
        return Figures(len(self._host.sessions), load.cpu, load.rss)
