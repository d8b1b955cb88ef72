"""What aiortc does otherwise than a call on one machine needs, changed for one connection at a time.

All of it goes through private attributes: hence aiortc's exact version, and tests for each of these.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiortc import RTCPeerConnection

from .jitter import PassingBuffer

LOOPBACK = "127.0.0.1"


def replace_buffer(receiver: Any) -> PassingBuffer:
    """Give an `RTCRtpReceiver` a `PassingBuffer`; see `jitter` for why."""
    buffer = PassingBuffer()
    _replace(receiver, "_RTCRtpReceiver__jitter_buffer", buffer)
    return buffer


def offer_loopback(connection: RTCPeerConnection) -> None:
    """Let the other side reach us at 127.0.0.1 too: this machine may have no other address.

    To be called when the connection has a transceiver and its candidates are not gathered yet.
    """
    ice = _ice(connection)
    gather = ice.get_component_candidates

    async def gather_with_loopback(component: int, addresses: list[str], timeout: int = 5) -> Any:
        return await gather(component=component, addresses=[LOOPBACK, *addresses], timeout=timeout)

    _replace(ice, "get_component_candidates", gather_with_loopback)


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
