"""Acme's protocol: JSON objects, one a line, over TCP."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from vision_agents.core.audio import PcmData

ADDRESS = "127.0.0.1:7100"

# Seconds to be connected, and bytes of the longest line.
CONNECT_TIMEOUT = 10.0
LINE_LIMIT = 2**20


class AcmeError(RuntimeError):
    """Acme refused something, or the connection to it broke. The message says why."""


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def open(self) -> bool:
        """Neither we nor Acme have closed it."""
        return not (self._writer.is_closing() or self._reader.at_eof())

    async def send(self, **message: Any) -> None:
        """Send a message. Raises AcmeError if the connection is broken."""
        try:
            self._writer.write(json.dumps(message).encode() + b"\n")
            await self._writer.drain()
        except OSError as error:
            raise AcmeError(f"Acme closed the connection ({error}); it is opened again when it is needed") from error

    async def receive(self) -> dict[str, Any]:
        """Return the next message. Raises AcmeError if it is an error, is unreadable, or does not come."""
        try:
            data = await self._reader.readline()
        except OSError as error:
            raise AcmeError(f"the connection to Acme broke: {error}") from error
        if not data.endswith(b"\n"):
            raise AcmeError("Acme closed the connection before it was done")
        try:
            message: dict[str, Any] = json.loads(data)
        except ValueError as error:
            raise AcmeError(f"Acme sent what is no JSON: {error}") from error
        if "error" in message:
            raise AcmeError(f"Acme says: {message['error']}")
        return message

    def close(self) -> None:
        """Close it at once. Harmless twice."""
        self._writer.close()


class Lines:
    """The open connections of one part, so that closing the part closes them."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._open: set[Line] = set()

    async def connect(self) -> Line:
        """Open a connection. Raises AcmeError if there is none to be had."""
        host, _, port = self._address.rpartition(":")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                reader, writer = await asyncio.open_connection(host, int(port), limit=LINE_LIMIT)
        except (OSError, ValueError, TimeoutError) as error:
            raise AcmeError(f"there is no Acme at {self._address} ({error}): is the service running?") from error
        line = Line(reader, writer)
        self._open.add(line)
        return line

    def release(self, line: Line) -> None:
        """Close a connection."""
        self._open.discard(line)
        line.close()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Line]:
        """A connection for one piece of work. Leaving it early is how Acme is told to stop."""
        line = await self.connect()
        try:
            yield line
        finally:
            self.release(line)

    def close(self) -> None:
        """Close all of them: whoever waits for a message gets an AcmeError."""
        for line in list(self._open):
            self.release(line)


def encoded(audio: PcmData) -> str:
    """Audio as it stands in a message."""
    return base64.b64encode(audio.to_bytes()).decode()


def decoded(text: str, sample_rate: int) -> PcmData:
    """Audio out of a message."""
    return PcmData.from_bytes(base64.b64decode(text), sample_rate)
