"""A caller's line by WebRTC, as a browser has one, without a browser."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from functools import lru_cache
from typing import Any

from aiortc import MediaStreamTrack, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import Packet

from vision_agents.core.edge import FRAME_SAMPLES, OUTPUT_SAMPLE_RATE
from vision_agents.plugins.local.aiortc_patches import gather_on_loopback
from vision_agents.plugins.local.rtc import FrameClock, Microphone, VoiceEncoder
from vision_agents.plugins.local.voice_connection import VoiceConnection

from .clips import Clip
from .line import Arrivals, Line

# Seconds until sound flows after the answer to the offer.
CONNECT_TIMEOUT = 15.0

# A call without a frame for so long is lost, in seconds.
DEAD = 4.0

_TIME_BASE = Fraction(1, OUTPUT_SAMPLE_RATE)


class ConnectError(RuntimeError):
    """An agent that could not be reached by WebRTC, though the server answered."""


class WebRtcLine(Line):
    """One connection. `offer`, then `accept`, and sound flows; `here`: the server is on this machine."""

    def __init__(self, room: Clip, *, here: bool) -> None:
        super().__init__(room)
        self._here = here
        self._connection = VoiceConnection(self, "a caller's connection")
        self._connection.rtc.addTrack(_Voice(self))
        self._connected = asyncio.Event()
        self._decoder = Microphone()
        self._arrivals = Arrivals()
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._watch: asyncio.TimerHandle | None = None

    async def offer(self) -> str:
        """The SDP to send to the server."""
        rtc = self._connection.rtc
        gather_on_loopback(rtc, only=self._here)
        await rtc.setLocalDescription(await rtc.createOffer())
        sdp: str = rtc.localDescription.sdp
        return sdp

    async def accept(self, answer: str) -> None:
        """Take the answer's SDP. Returns once sound can flow; raises ConnectError."""
        try:
            await self._connection.rtc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._connected.wait()
        except TimeoutError:
            raise ConnectError(f"no sound flowed within {CONNECT_TIMEOUT:.0f} s of the server's answer") from None
        except ValueError as error:
            raise ConnectError(f"the server's answer cannot be used: {error}") from None
        if self.gone.is_set():
            raise ConnectError("the agent cannot be reached by WebRTC: is UDP let through between here and there?")
        self._heard_at = self._loop.time()
        self._look()

    async def hang_up(self) -> None:
        """End the connection. Harmless twice."""
        self._over = True
        self.mouth.hush()
        if self._watch is not None:
            self._watch.cancel()
        await self._connection.close()

    # ConnectionListener.

    def changed(self, state: str) -> None:
        """It is connected, or broke."""
        if state in ("failed", "closed"):
            self._end()
        if state != "connecting":
            self._connected.set()

    def hung_up(self) -> None:
        """The agent has ended it."""
        self._end()

    def heard(self, data: bytes, timestamp: int) -> None:
        """A packet of the agent's voice."""
        at = self._heard_at = self._loop.time()
        late, missing = self._arrivals.late(at, timestamp)
        self.late.append(late)
        self.missed += missing
        # What is lost comes as silence before the frame; it is over by now.
        for samples in self._decoder.decode(data, timestamp)[-1:]:
            self.ear.hear(at, samples)

    def _look(self) -> None:
        if self._loop.time() - self._heard_at > DEAD:
            self._end()
        elif not self._over:
            self._watch = self._loop.call_later(DEAD / 4, self._look)


class _Voice(MediaStreamTrack):
    """The caller's frames, each when it is due. They are encoded once for all callers: a load test is no codec test."""

    kind = "audio"

    def __init__(self, line: WebRtcLine) -> None:
        super().__init__()
        self._line = line
        self._clock = FrameClock()

    async def recv(self) -> Packet[Any]:
        """The next packet, when it is due."""
        now = asyncio.get_running_loop().time
        wait = self._clock.wait(now())
        if wait > 0:
            await asyncio.sleep(wait)
        if self.readyState != "live":
            raise MediaStreamError
        at = now()
        self._line.own_late.append(max(0.0, -self._clock.wait(at)))
        number = self._clock.take(at)
        clip, frame = self._line.mouth.next(at)
        packet: Packet[Any] = Packet(packets_of(clip)[frame])
        packet.pts, packet.time_base = number * FRAME_SAMPLES, _TIME_BASE
        return packet


@lru_cache(maxsize=1024)
def packets_of(clip: Clip) -> tuple[bytes, ...]:
    """The clip in Opus. It ends in the quiet of the room as others begin in it, so that one may follow another."""
    encoder = VoiceEncoder()
    return tuple(bytes(encoder.encode(frame)) for frame in clip.frames)
