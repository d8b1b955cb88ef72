"""The browser as a way into a call: a page, its microphone and its loudspeaker."""

from __future__ import annotations

import asyncio
from typing import Any

from vision_agents.core.address import Certificate
from vision_agents.core.edge import AgentControls, CallSink, EdgeTransport
from vision_agents.core.participants import User

from .caller_edge import CallerEdge
from .front import Front
from .protocol import Record
from .recorded_lines import Caller
from .terms import Terms


class Edge(EdgeTransport):
    """Serves a page on which one caller talks with the agent.

    The agent is there for the browser that is in the call first. That one may hang up, reload, be closed in mid-answer,
    and come back, also in another tab, of which the newest takes over: the conversation goes on until `leave`. Every
    other browser is refused with a sentence, also while nobody is there: the agent would tell it what was said before.
    To talk with several callers, each with an agent of their own, use `local.PageServer`.

    Args:
        host: where. Browsers give a page the microphone only at 127.0.0.1 and localhost, or over https. On loopback
            calls have no port that is open to the network either.
        port: 0 takes any free one, see `url`.
        caller: an async function that makes what the recorded caller says, for whoever has no microphone; it is called
            with "question" and "interruption" and returns PcmData of any rate. Without it the page offers none.
        certificate: to serve https.
        token: what whoever opens the page has to know; it is part of `url`. By default none on loopback, and a new one
            elsewhere. An empty one lets in everybody who reaches `host`.
        workbench: whether the caller sees and changes instructions, policy and voice, has the trace, a recording and a
            report of the conversation, and asks what another policy would have done. By default on loopback only.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 8000,
        *,
        caller: Caller | None = None,
        certificate: Certificate | None = None,
        token: str | None = None,
        workbench: bool | None = None,
    ) -> None:
        self._front = Front(host, port, certificate, token)
        self._caller = caller
        self._workbench = workbench
        # The caller's, once they are there.
        self._line: CallerEdge | None = None
        self._agent: AgentControls | None = None

    @property
    def host(self) -> str:
        """The address that the page is served at."""
        return self._front.host

    @property
    def port(self) -> int:
        """The port of the page. With 0 it is known once the edge has joined."""
        return self._front.port

    @property
    def token(self) -> str | None:
        """The token that opens the page; None if there is none."""
        return self._front.token

    @property
    def url(self) -> str:
        """The address of the page, its token included. With port 0 it is known once the edge has joined."""
        return self._front.url

    @property
    def microphone_allowed(self) -> bool:
        """Return whether browsers give the page the microphone at `url`: on loopback, and over https."""
        return self._front.microphone_allowed

    def lend(self, agent: AgentControls) -> None:
        """Have what the caller types answered by `agent`."""
        self._agent = agent

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        """Serve the page; `call` has no meaning here. Returns when the page can be opened.

        Raises AddressError if the port is taken or not allowed, the host is none of this machine, or the certificate
        cannot be used.
        """
        if self._front.running:
            raise RuntimeError("a local.Edge serves one agent in one call: make another one, with another port")

        async def attend(line: CallerEdge) -> None:
            self._line = line
            if self._agent is not None:
                line.lend(self._agent)
            await line.join(agent_user, call, sink)
            await asyncio.Event().wait()

        terms = Terms(limit=1, keep=None, private=self._front.private, workbench=self._workbench)
        await self._front.open(attend, terms, agent_user.name or agent_user.id, self._caller)

    async def leave(self) -> None:
        """Hang up, say so on the open pages, and stop serving."""
        await self._front.close()
        self._line = self._agent = None

    def observe(self, record: Record) -> None:
        """Show a record to the caller."""
        if self._line is not None:
            self._line.observe(record)
