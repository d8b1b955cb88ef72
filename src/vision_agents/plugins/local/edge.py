"""The browser on this machine as a way into a call: a page on localhost, its microphone and its loudspeaker."""

from __future__ import annotations

from typing import Any

from vision_agents.core.edge import CallSink, EdgeTransport
from vision_agents.core.participants import User

from .access import Access, is_loopback, new_token
from .feed import Feeds, Record
from .server import Certificate, Server
from .site import Caller, Site
from .switchboard import Switchboard


class Edge(EdgeTransport):
    """Serves a page on which one person talks with the agent.

    One browser is in the call at a time: the newest takes over, and the page of the one before says so. A browser that
    leaves, also in mid-answer, ends nothing: the next one may come. The call is over with `leave`.

    Args:
        host: where. Browsers give a page the microphone only at 127.0.0.1 and localhost, or over https. On loopback
            calls have no port that is open to the network either.
        port: 0 takes any free one, see `url`.
        caller: an async function that makes what the recorded caller says, for whoever has no microphone; it is called
            with "question" and "interruption" and returns PcmData of any rate. Without it the page offers none.
        certificate: to serve https.
        token: what whoever opens the page has to know; it is part of `url`. By default none on loopback, and a new one
            elsewhere. An empty one lets in everybody who reaches `host`.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 8000,
        *,
        caller: Caller | None = None,
        certificate: Certificate | None = None,
        token: str | None = None,
    ) -> None:
        if token is None and not is_loopback(host):
            token = new_token()
        self.token = token or None
        self._server = Server(host, port, certificate)
        self._caller = caller
        self._feeds = Feeds()
        self._switchboard: Switchboard | None = None
        self._site: Site | None = None

    @property
    def host(self) -> str:
        """The address that the page is served at."""
        return self._server.host

    @property
    def port(self) -> int:
        """The port of the page. With 0 it is known once the edge has joined."""
        return self._server.port

    @property
    def url(self) -> str:
        """The address of the page, its token included. With port 0 it is known once the edge has joined."""
        return self._server.url(self.token)

    @property
    def microphone_allowed(self) -> bool:
        """Return whether browsers give the page the microphone at `url`: on loopback, and over https."""
        return self._server.secure or is_loopback(self.host)

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        """Serve the page; `call` has no meaning here. Returns when the page can be opened.

        Raises AddressError if the port is taken or not allowed, the host is none of this machine, or the certificate
        cannot be used.
        """
        if self._server.running:
            raise RuntimeError("a local.Edge serves one agent in one call: make another one, with another port")
        switchboard = Switchboard(sink, self._feeds, private=is_loopback(self.host))
        site = Site(agent_user.name or agent_user.id, self._feeds, switchboard, self._caller)
        await self._server.start(site.application(Access(self.host, self.token)))
        self._switchboard, self._site = switchboard, site

    async def leave(self) -> None:
        """Hang up, say so on the open pages, and stop serving."""
        switchboard, site = self._switchboard, self._site
        self._switchboard = self._site = None
        if switchboard is None or site is None:
            return
        await switchboard.close()
        await site.close()
        await self._server.close()

    def observe(self, record: Record) -> None:
        """Show a record on every open page."""
        self._feeds.tell_all(record)
