"""The browser on this machine as a way into a call: a page on localhost, its microphone and its loudspeaker."""

from __future__ import annotations

import errno
import socket
import sys
from typing import Any

from aiohttp import web

from vision_agents.core.edge import CallSink, EdgeTransport
from vision_agents.core.participants import User

from .feed import Feeds, Record
from .site import Caller, Site
from .switchboard import Switchboard

# How long requests under way may take to end when the server stops, in seconds.
SHUTDOWN_TIMEOUT = 1.0

# How to reach a server that listens everywhere.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}


class AddressError(OSError):
    """The page cannot be served where it should be. The message says what to do."""


class Edge(EdgeTransport):
    """Serves a page on which one person talks with the agent.

    One browser is in the call at a time: the newest takes over, and the page of the one before says so. A browser that
    leaves, also in mid-answer, ends nothing: the next one may come. The call is over with `leave`.

    Args:
        host: where. Browsers give a page the microphone only at 127.0.0.1 and localhost, or over https.
        port: 0 takes any free one, see `url`.
        caller: an async function that makes what the recorded caller says, for whoever has no microphone; it is called
            with "question" and "interruption" and returns PcmData of any rate. Without it the page offers none.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 8000, *, caller: Caller | None = None) -> None:
        self.host = host
        self.port = port
        self._caller = caller
        self._feeds = Feeds()
        self._switchboard: Switchboard | None = None
        self._site: Site | None = None
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where the page is. With port 0 that is known once the edge has joined."""
        host = _EVERYWHERE.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        """Serve the page; `call` has no meaning here. Returns when the page can be opened.

        Raises AddressError if the port is taken or not allowed, or the host is none of this machine.
        """
        if self._runner is not None:
            raise RuntimeError("a local.Edge serves one agent in one call: make another one, with another port")
        switchboard = Switchboard(sink, self._feeds)
        site = Site(agent_user.name or agent_user.id, self.host, self._feeds, switchboard, self._caller)
        runner = web.AppRunner(site.application(), access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port).start()
        except (OSError, OverflowError) as error:
            await runner.cleanup()
            raise AddressError(_explained(error, self.host, self.port)) from error
        self._switchboard, self._site, self._runner = switchboard, site, runner
        self.port = int(runner.addresses[0][1])

    async def leave(self) -> None:
        """Hang up, say so on the open pages, and stop serving."""
        switchboard, site, runner = self._switchboard, self._site, self._runner
        self._switchboard = self._site = self._runner = None
        if switchboard is None or site is None or runner is None:
            return
        await switchboard.close()
        await site.close()
        await runner.cleanup()

    def observe(self, record: Record) -> None:
        """Show a record on every open page."""
        self._feeds.tell_all(record)


def check_address(host: str, port: int) -> None:
    """Raise AddressError if a page cannot be served there: good to know before minutes are spent on loading."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            if sys.platform != "win32":
                # As asyncio does it: connections of a server that has just ended do not count.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        raise AddressError(_explained(error, host, port)) from error


def _explained(error: Exception, host: str, port: int) -> str:
    if isinstance(error, socket.gaierror):
        return f"{host!r} is no address of this machine: take 127.0.0.1, or another one with --host"
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: end the program that has it, or take another one with --port"
    if number == errno.EACCES:
        return f"port {port} is not open to this user: take one above 1023 with --port"
    if number == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine: take 127.0.0.1, or another one with --host"
    return f"the page cannot be served at {host}, port {port}: {error}"
