"""An HTTP/2 server on loopback, TLS with ALPN, for requests whose body and answer flow at the same time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Self

import trustme
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError


class Request:
    """A request that is open both ways."""

    def __init__(self, connection: Connection, stream_id: int, headers: Mapping[str, str]) -> None:
        self.headers = headers
        self._connection = connection
        self._stream_id = stream_id
        self._body: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._ended = False

    async def read(self) -> bytes | None:
        """The next bytes of the body, None at its end."""
        return None if self._ended else await self._body.get()

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status and the headers of the answer."""
        pairs = [(":status", str(status)), *headers.items()]
        self._connection.h2.send_headers(self._stream_id, pairs)
        self._connection.flush()

    async def send(self, data: bytes) -> None:
        """Send the next bytes of the answer, at the pace that the client allows."""
        await self._connection.send(self._stream_id, data)

    def end(self) -> None:
        """The answer is complete."""
        if self._connection.alive:
            self._connection.h2.end_stream(self._stream_id)
            self._connection.flush()

    def feed(self, data: bytes | None) -> None:
        """Bytes of the body came, or its end."""
        self._body.put_nowait(data)


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: Server) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.alive = False
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._requests: dict[int, tuple[Request, asyncio.Task[None]]] = {}
        self._windows = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.alive = True
        self._server.connections.add(self)
        self.h2.initiate_connection()
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        self._server.connections.discard(self)
        self._windows.set()
        for _, task in self._requests.values():
            task.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            happened = self.h2.receive_data(data)
        except ProtocolError:
            self.flush()
            self.abort()
            return
        for event in happened:
            self._handle(event)
        self.flush()

    def _handle(self, event: events.Event) -> None:
        if isinstance(event, events.RequestReceived):
            assert event.stream_id is not None
            headers = {str(name): str(value) for name, value in event.headers or ()}
            request = Request(self, event.stream_id, headers)
            task = asyncio.get_running_loop().create_task(self._serve(event.stream_id, request), name="aws stand-in")
            self._requests[event.stream_id] = (request, task)
        elif isinstance(event, events.DataReceived):
            assert event.stream_id is not None
            if event.stream_id in self._requests:
                self._requests[event.stream_id][0].feed(event.data)
            self.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        elif isinstance(event, events.StreamEnded | events.StreamReset):
            entry = self._requests.get(event.stream_id or 0)
            if entry is not None:
                entry[0].feed(None)
                if isinstance(event, events.StreamReset):
                    entry[1].cancel()
        elif isinstance(event, events.WindowUpdated | events.RemoteSettingsChanged):
            self._windows.set()

    async def _serve(self, stream_id: int, request: Request) -> None:
        try:
            await self._server.handler(request)
            request.end()
        except (ConnectionError, ProtocolError):
            pass
        finally:
            self._requests.pop(stream_id, None)

    async def send(self, stream_id: int, data: bytes) -> None:
        """Send as the windows allow. Raises ConnectionError when the client is gone."""
        while data:
            if not self.alive:
                raise ConnectionError("the client is gone")
            room = min(self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size)
            if room <= 0:
                self._windows.clear()
                await self._windows.wait()
                continue
            self.h2.send_data(stream_id, data[:room])
            data = data[room:]
            self.flush()

    def flush(self) -> None:
        """Put out what is to be sent."""
        data = self.h2.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        """Cut the line."""
        if self._transport is not None:
            self._transport.abort()


class Server:
    """Use it as `async with Server(handler) as server:`. `ca_pem`: the certificate that a client has to trust."""

    def __init__(self, handler: Callable[[Request], Awaitable[None]]) -> None:
        self.handler = handler
        self.connections: set[Connection] = set()
        self.port = 0
        authority = trustme.CA()
        self.ca_pem = authority.cert_pem.bytes()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.set_alpn_protocols(["h2"])
        authority.issue_cert("localhost").configure_cert(self._context)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self.disconnect()
        self._server.close()

    def disconnect(self) -> None:
        """Cut all lines."""
        for connection in list(self.connections):
            connection.abort()
