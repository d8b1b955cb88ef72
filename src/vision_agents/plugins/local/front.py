"""The address of a page: where it is served, to whom, and what has to be known to open it."""

from __future__ import annotations

from vision_agents.core.address import Certificate
from vision_agents.core.loopback import is_loopback
from vision_agents.core.redaction import keep_secret

from .access import Access
from .recorded_lines import Caller, RecordedLines
from .server import Server
from .site import Site
from .switchboard import Host, Switchboard
from .terms import Terms
from .tokens import new_token


class Front:
    """Serves the page of one switchboard at a time at an address.

    Args:
        host, port, certificate: as of `local.Edge`.
        token: what whoever opens the page has to know. None: none on loopback, and a new one elsewhere.
    """

    def __init__(self, host: str, port: int, certificate: Certificate | None, token: str | None) -> None:
        if token is None and not is_loopback(host):
            token = new_token()
        self.token = token or None
        keep_secret(self.token)
        self._server = Server(host, port, certificate)
        self._open: tuple[Switchboard, Site, RecordedLines] | None = None

    @property
    def host(self) -> str:
        """The address that the page is served at."""
        return self._server.host

    @property
    def port(self) -> int:
        """The port of the page. With 0 it is known once it is served."""
        return self._server.port

    @property
    def url(self) -> str:
        """The address of the page, its token included."""
        return self._server.url(self.token)

    @property
    def private(self) -> bool:
        """Return whether nobody but this machine can reach it."""
        return is_loopback(self.host)

    @property
    def microphone_allowed(self) -> bool:
        """Return whether browsers give the page the microphone: on loopback, and over https."""
        return self._server.secure or self.private

    @property
    def running(self) -> bool:
        """Return whether the page is served."""
        return self._open is not None

    async def open(self, host: Host, terms: Terms, name: str, caller: Caller | None) -> None:
        """Serve the page; `name` is the agent's, as far as it is known. Raises AddressError."""
        site, access = self.mount(host, terms, name, caller)
        try:
            await self._server.start(site.application(access))
        except BaseException:
            self._open = None
            raise

    def mount(self, host: Host, terms: Terms, name: str, caller: Caller | None) -> tuple[Site, Access]:
        """The page for a server that is there already, and who may have it."""
        lines = RecordedLines(caller)
        switchboard = Switchboard(host, terms, {"agent": name, "recorded": lines.available})
        site = Site(switchboard, lines)
        self._open = switchboard, site, lines
        return site, Access(self.host, self.token)

    async def close(self) -> None:
        """Hang up, say so on the open pages, and stop serving. Harmless twice."""
        opened, self._open = self._open, None
        if opened is not None:
            for each in opened:
                await each.close()
            await self._server.close()
