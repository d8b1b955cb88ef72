"""Serves a web application at an address: bound, encrypted if wanted, and rid of connections that say nothing."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import sys
from typing import Any

from aiohttp import web

from vision_agents.core.address import AddressError, Certificate, explained
from vision_agents.core.settings import check_number

from .access import PARAMETER

# Deadlines in seconds: for the first request of a connection, for the next one on it, for a TLS handshake, and for
# requests under way when the server stops.
FIRST_REQUEST = 10.0
NEXT_REQUEST = 30.0
HANDSHAKE = 10.0
SHUTDOWN_TIMEOUT = 1.0

# Of the documentation's networks (RFC 5737, RFC 3849): nothing is sent there, it is only asked which way it would go.
_ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_WILDCARDS = {"": socket.AF_INET, "0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}


class Server:
    """One address with one application. `port` 0 takes any free one; then it is known once the server has started."""

    def __init__(self, host: str, port: int, certificate: Certificate | None = None) -> None:
        check_number("port", port, 0, 65_535, whole=True)
        self.host = host
        self.port = port
        self._certificate = certificate
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        # Connections that have not asked for anything yet, and when they will be cut for it.
        self._silent: dict[Any, asyncio.TimerHandle] = {}

    @property
    def secure(self) -> bool:
        """Return whether it serves https."""
        return self._certificate is not None

    @property
    def running(self) -> bool:
        """Return whether it serves."""
        return self._runner is not None

    def url(self, token: str | None = None) -> str:
        """The address to open: where everything is served, this machine's own on the network."""
        host = outward_address(_WILDCARDS[self.host]) if self.host in _WILDCARDS else self.host
        scheme = "https" if self.secure else "http"
        address = f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"
        return address if token is None else f"{address}/?{PARAMETER}={token}"

    async def start(self, application: web.Application) -> None:
        """Begin to serve. Raises AddressError if the port is taken or not allowed, or the host is none of this one."""
        tls = self._certificate.context() if self._certificate is not None else None
        application.middlewares.insert(0, self._note)
        runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT, keepalive_timeout=NEXT_REQUEST
        )
        await runner.setup()
        loop = asyncio.get_running_loop()
        assert runner.server is not None
        make = runner.server

        def admit() -> asyncio.Protocol:
            connection = make()
            self._silent[connection] = loop.call_later(FIRST_REQUEST, self._cut, connection)
            return connection

        try:
            self._server = await loop.create_server(
                admit, self.host or None, self.port, ssl=tls, ssl_handshake_timeout=HANDSHAKE if tls else None
            )
        except (OSError, OverflowError) as error:
            await runner.cleanup()
            raise AddressError(explained(error, self.host, self.port)) from error
        self._runner = runner
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop serving. Harmless twice."""
        server, runner, self._server, self._runner = self._server, self._runner, None, None
        for timer in self._silent.values():
            timer.cancel()
        self._silent.clear()
        if server is not None:
            server.close()
        if runner is not None:
            await runner.cleanup()

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> Any:
        timer = self._silent.pop(request.protocol, None)
        if timer is not None:
            timer.cancel()
        return await handler(request)

    def _cut(self, connection: Any) -> None:
        del self._silent[connection]
        if connection.transport is not None:
            connection.transport.abort()


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
        raise AddressError(explained(error, host, port)) from error


def outward_address(family: socket.AddressFamily = socket.AF_INET) -> str:
    """This machine's own address on the network, or loopback where it has none."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_ELSEWHERE[family], 9))
            own = str(probe.getsockname()[0])
    except OSError:
        own = ""
    usable = own and not ipaddress.ip_address(own).is_unspecified
    return own if usable else {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}[family]
