"""A WebRTC connection with one voice each way, whichever end of it is here."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Protocol

from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection
from aiortc.mediastreams import MediaStreamError

from .aiortc_patches import divert_packets, tidy_connecting

logger = logging.getLogger(__name__)

# How long closing may take, in seconds.
CLOSE_TIMEOUT = 5.0


class ConnectionListener(Protocol):
    """Is told how a connection goes, from within aiortc's own work: its methods return at once."""

    def heard(self, data: bytes, timestamp: int) -> None:
        """A packet of the other side's voice; `timestamp` in samples."""

    def changed(self, state: str) -> None:
        """The connection is in another state, by the words of WebRTC's `connectionState`."""

    def hung_up(self) -> None:
        """The other side's voice has ended."""


class VoiceConnection:
    """An `RTCPeerConnection` (`rtc`) whose incoming packets go to `listener` as they come, and that closes in time.

    `what`: the name by which the log speaks of it.
    """

    def __init__(self, listener: ConnectionListener, what: str) -> None:
        self.rtc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._listener, self._what = listener, what
        self._listening: asyncio.Task[None] | None = None
        self._connecting = tidy_connecting(self.rtc)
        self.rtc.on("track", self._take)
        self.rtc.on("connectionstatechange", lambda: listener.changed(self.rtc.connectionState))

    async def close(self) -> None:
        """End the connection and everything that belongs to it. Harmless twice."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.rtc.close()
                if self._connecting:
                    await asyncio.wait(self._connecting)
        except TimeoutError:
            logger.warning("%s did not close within %.0f s and is left alone", self._what, CLOSE_TIMEOUT)
        # The voice has ended by now, and with it what waits for that.
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])

    def _take(self, track: MediaStreamTrack) -> None:
        for receiver in self.rtc.getReceivers():
            if receiver.track is track:
                divert_packets(receiver, self._listener.heard)
        loop = asyncio.get_running_loop()
        self._listening = loop.create_task(self._wait_for_end(track), name=f"voice of {self._what}")

    async def _wait_for_end(self, track: MediaStreamTrack) -> None:
        # Its packets are diverted: what comes is the end alone.
        with suppress(MediaStreamError):
            await track.recv()
        self._listener.hung_up()
