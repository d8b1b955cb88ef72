"""Serves an application at an address until it is told to end: gently the first time, at once the second."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from vision_agents.core.address import AddressError, Certificate, explained
from vision_agents.core.observability.explain import counted

from .host import CallHost
from .session import End

logger = logging.getLogger(__name__)

# Seconds for the next request on a connection, for a request to be there once something of it is, and for requests
# under way when the server ends.
KEEP_ALIVE = 30
REQUEST_TIMEOUT = 10.0
SHUTDOWN_TIMEOUT = 3

# Connections that may wait to be taken.
BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Address:
    """The address to serve at, and the certificate, if it is to be encrypted."""

    host: str = "127.0.0.1"
    port: int = 8000
    certificate: Certificate | None = None

    def bind(self) -> socket.socket:
        """A socket that listens there. Raises AddressError."""
        if self.certificate is not None:
            self.certificate.context()
        try:
            family, kind, _, _, address = socket.getaddrinfo(self.host or None, self.port, type=socket.SOCK_STREAM)[0]
            bound = socket.socket(family, kind)
            try:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                bound.bind(address)
                bound.listen(BACKLOG)
                bound.setblocking(False)
            except OSError:
                bound.close()
                raise
        except OSError as error:
            raise AddressError(explained(error, self.host, self.port)) from error
        return bound

    @property
    def tls(self) -> dict[str, Any]:
        """The options of a server that encrypt it, by the names that uvicorn and Serve give them."""
        files = self.certificate
        return {} if files is None else {"ssl_certfile": str(files.file), "ssl_keyfile": str(files.key)}

    def url(self, bound: socket.socket) -> str:
        """The address as it is opened."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{name}:{bound.getsockname()[1]}"


class _Protocol(H11Protocol):
    """HTTP that waits for the head of a request only so long: whoever says half a word is cut off."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        self._waiting = self.loop.call_later(REQUEST_TIMEOUT, self._check, self.cycle)

    def _check(self, before: Any) -> None:
        if self.transport.get_protocol() is not self:
            return  # It is a WebSocket's by now.
        idle = self.cycle is None or self.cycle.response_complete
        # Between two requests the keep-alive timer runs, unless something of the next one has come.
        if idle and self.cycle is before and self.timeout_keep_alive_task is None:
            self.transport.close()
            return
        self._watch()


class _Discreet(logging.Filter):
    """Keeps what follows the `?` of addresses out of the log: tokens, and the keys of callers.

    And a name by which whatever is logged looks like an error.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.name = "uvicorn"
        if isinstance(record.args, tuple):
            record.args = tuple(each.split("?")[0] if isinstance(each, str) else each for each in record.args)
        return True


_DISCREET = _Discreet()


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it, and calls `answering` once it answers requests."""

    def __init__(self, config: uvicorn.Config, answering: Callable[[], None]) -> None:
        super().__init__(config)
        self._answering = answering

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._answering()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: Any,
    host: CallHost,
    bound: socket.socket,
    *,
    address: Address,
    drain: float = 3600.0,
    farewell: str = "",
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve `app` at `bound` until SIGTERM, Ctrl-C or the end of the terminal (SIGHUP), and end the host's calls.

    SIGTERM lets calls go on for up to `drain` seconds and then says `farewell`; while that goes on, requests are
    answered. A second one, Ctrl-C or SIGHUP ends everything now. `started` is called once requests are answered.
    """
    config = uvicorn.Config(
        app,
        http=_Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # It would believe whoever is on this machine. See `ServeOptions.trusted_proxies`.
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT,
        **address.tls,
        ws_max_size=1 << 20,
    )
    logging.getLogger("uvicorn.error").addFilter(_DISCREET)
    server = _Server(config, started)
    gently, now = asyncio.Event(), asyncio.Event()
    with signals(gently, now):
        serving = asyncio.create_task(server.serve(sockets=[bound]), name="HTTP server")
        ending = asyncio.create_task(_ending(host, gently, now, drain, farewell), name="end of the server")
        try:
            await asyncio.wait([serving, ending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            await asyncio.wait([ending])
            await host.close()
            server.should_exit = True
            await asyncio.wait([serving], timeout=2 * SHUTDOWN_TIMEOUT)
            serving.cancel()
        if serving.done() and not serving.cancelled():
            serving.result()


async def _ending(host: CallHost, gently: asyncio.Event, now: asyncio.Event, drain: float, farewell: str) -> None:
    """Wait until the server is to end, and end the calls."""
    await gently.wait()
    draining = asyncio.ensure_future(host.drain(drain, farewell))
    at_once = asyncio.ensure_future(now.wait())
    try:
        await asyncio.wait([draining, at_once], return_when=asyncio.FIRST_COMPLETED)
        if not draining.done() and host.sessions:
            logger.warning("ending %s at once", counted(len(host.sessions), "call"))
    finally:
        draining.cancel()
        at_once.cancel()
        await asyncio.wait([draining])
        await host.close(End.DRAINED)


@contextlib.contextmanager
def signals(gently: asyncio.Event, now: asyncio.Event) -> Iterator[None]:
    """Have SIGTERM set `gently`, and a second one, Ctrl-C or the end of the terminal, `now` too.

    What whoever started this process had set to be ignored (as `nohup` does with SIGHUP) stays ignored.
    """
    loop = asyncio.get_running_loop()

    def terminate() -> None:
        (now if gently.is_set() else gently).set()

    def interrupt() -> None:
        gently.set()
        now.set()

    watched = []
    for name, handler in (("SIGTERM", terminate), ("SIGINT", interrupt), ("SIGHUP", interrupt)):
        number = getattr(signal, name, None)
        if number is None or (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            continue
        try:
            loop.add_signal_handler(number, handler)
        except (NotImplementedError, RuntimeError):
            continue  # No such thing here, or not the main thread.
        watched.append(number)
    try:
        yield
    finally:
        for number in watched:
            loop.remove_signal_handler(number)
