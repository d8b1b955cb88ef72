"""The framing application/vnd.amazon.eventstream: messages with headers, a payload, and two checksums.

Layout of a message, all numbers big-endian: total length (4), length of the headers (4), CRC32 of those eight bytes
(4), headers, payload, CRC32 of everything before (4).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from zlib import crc32

PRELUDE = 12
OVERHEAD = 16
STRING = 7

# How many bytes a header's value has, by its type; None: two bytes of length come first.
_SIZES: dict[int, int | None] = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 6: None, STRING: None, 8: 8, 9: 16}


class FramingError(ValueError):
    """The bytes are no message."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A message. Headers that are no strings are kept as bytes."""

    headers: Mapping[str, str | bytes] = field(default_factory=dict)
    payload: bytes = b""

    def encode(self) -> bytes:
        """The message as bytes."""
        headers = b"".join(_header(name, value) for name, value in self.headers.items())
        prelude = struct.pack("!II", OVERHEAD + len(headers) + len(self.payload), len(headers))
        body = prelude + struct.pack("!I", crc32(prelude)) + headers + self.payload
        return body + struct.pack("!I", crc32(body))


class Decoder:
    """Bytes in, messages out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take the next bytes. Raises FramingError."""
        self._buffer += data
        while len(self._buffer) >= PRELUDE:
            total, _, checksum = struct.unpack_from("!III", self._buffer)
            if crc32(self._buffer[:8]) != checksum:
                raise FramingError("the prelude's checksum is wrong")
            if len(self._buffer) < total:
                return
            message = bytes(self._buffer[:total])
            del self._buffer[:total]
            yield decode(message)


def decode(message: bytes) -> Frame:
    """One whole message. Raises FramingError."""
    total, headers_length, _ = struct.unpack_from("!III", message)
    (checksum,) = struct.unpack_from("!I", message, total - 4)
    if total != len(message) or crc32(message[:-4]) != checksum:
        raise FramingError("the message's checksum is wrong")
    end = PRELUDE + headers_length
    return Frame(dict(_headers(message[PRELUDE:end])), message[end:-4])


def _header(name: str, value: str | bytes) -> bytes:
    text = value.encode() if isinstance(value, str) else value
    return struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", STRING, len(text)) + text


def _headers(data: bytes) -> Iterator[tuple[str, str | bytes]]:
    at = 0
    while at < len(data):
        length = data[at]
        name = data[at + 1 : at + 1 + length].decode()
        at += 1 + length
        kind = data[at]
        at += 1
        size = _SIZES.get(kind, -1)
        if size == -1:
            raise FramingError(f"header {name} has a type that does not exist: {kind}")
        if size is None:
            (size,) = struct.unpack_from("!H", data, at)
            at += 2
        assert size is not None
        value = data[at : at + size]
        at += size
        yield name, value.decode() if kind == STRING else value
