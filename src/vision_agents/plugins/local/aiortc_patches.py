"""Patches of aiortc for calls on one machine, one connection at a time.

All of it goes through private attributes: hence aiortc's exact version, and tests for each of these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiortc import RTCPeerConnection

from .jitter import PassingBuffer

LOOPBACK = "127.0.0.1"

# Datagrams that may wait to be read: 2 s of a voice, with much to spare.
MOST_DATAGRAMS = 1000

# Those that RFC 8827 (6.5) asks for and aiortc has, each for both kinds of certificates.
CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    b"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA"
)


def divert_packets(receiver: Any, take: Callable[[bytes, int], None]) -> None:
    """Call `take(data, timestamp)` with each packet of an `RTCRtpReceiver` as it comes; see `jitter` for the order.

    aiortc's own way leads through a buffer and a thread that decodes and hands each frame back to the loop: three times
    the work of decoding it in place, which takes 0.05 ms.
    """
    _replace(receiver, "_RTCRtpReceiver__jitter_buffer", _Diversion(take))


class _Diversion:
    """Stands where aiortc has its jitter buffer, and gives it nothing to decode."""

    def __init__(self, take: Callable[[bytes, int], None]) -> None:
        self._buffer = PassingBuffer()
        self._take = take

    def add(self, packet: Any) -> tuple[bool, None]:
        _, frame = self._buffer.add(packet)
        if frame is not None:
            self._take(frame.data, frame.timestamp)
        return False, None


def gather_on_loopback(connection: RTCPeerConnection, *, only: bool) -> None:
    """Let the other side reach us at 127.0.0.1 too, which may be our only address; or there alone.

    To be called when the connection has a transceiver and its candidates are not gathered yet.
    """
    ice = _ice(connection)
    gather = ice.get_component_candidates

    async def gather_with_loopback(component: int, addresses: list[str], timeout: int = 5) -> Any:
        chosen = [LOOPBACK] if only else [LOOPBACK, *addresses]
        return await gather(component=component, addresses=chosen, timeout=timeout)

    _replace(ice, "get_component_candidates", gather_with_loopback)


def guard_datagrams(connection: RTCPeerConnection) -> None:
    """Drop datagrams that would end a call (empty ones), or that come faster than they are read.

    Whoever finds the port can send to it: what is no RTP of the other side is thrown away further on, by its keys.
    To be called when the connection has a transceiver.
    """
    ice = _ice(connection)
    take, queue = ice.data_received, ice._queue

    def take_guarded(data: bytes, component: int) -> None:
        if data and queue.qsize() < MOST_DATAGRAMS:
            take(data, component)

    _replace(ice, "data_received", take_guarded)


def accept_rsa(connection: RTCPeerConnection) -> None:
    """Let the other side have an RSA certificate, as GStreamer's webrtcbin does: aiortc offers ECDSA alone.

    To be called before the descriptions are set.
    """
    private: Any = connection
    for certificate in private._RTCPeerConnection__certificates:
        make = certificate._create_ssl_context

        def make_for_both(srtp_profiles: Any, make: Any = make) -> Any:
            context = make(srtp_profiles)
            context.set_cipher_list(CIPHERS)
            return context

        _replace(certificate, "_create_ssl_context", make_for_both)


def tidy_connecting(connection: RTCPeerConnection) -> set[asyncio.Task[Any]]:
    """Have a connection that is closed just as it connects start nothing that then goes on for ever.

    To be called before the descriptions are set. Returns the set of tasks that are connecting: wait for them after
    `close`.
    """
    private: Any = connection
    connect = private._RTCPeerConnection__connect
    under_way: set[asyncio.Task[Any]] = set()

    async def connect_tidily() -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        await connect()
        if connection.signalingState == "closed":
            for transceiver in connection.getTransceivers():
                await transceiver.sender.stop()
                await transceiver.receiver.stop()
            await _ice(connection).close()

    _replace(connection, "_RTCPeerConnection__connect", connect_tidily)
    return under_way


def _ice(connection: RTCPeerConnection) -> Any:
    """The aioice connection beneath."""
    transport: Any = connection.getTransceivers()[0].receiver.transport.transport
    return transport.iceGatherer._connection


def _replace(thing: Any, name: str, value: Any) -> None:
    if not hasattr(thing, name):
        raise RuntimeError("this version of aiortc is built differently; run: pip install aiortc==1.16.0")
    setattr(thing, name, value)
