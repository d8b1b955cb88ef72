"""What the tests of the browser's edge share: a sink that notes what happens, and a browser without a browser."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any

import aiohttp
import numpy as np
from aiortc import MediaStreamTrack, RTCCertificate, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.participants import Participant, User
from vision_agents.plugins.local import Edge, PageServer
from vision_agents.plugins.local.aiortc_patches import tidy_connecting

AGENT = User("agent", "Ada")

Served = Edge | PageServer

# Nothing here takes longer, unless it hangs.
PATIENCE = 60.0


class NotingSink:
    """Plays a tone for ever and keeps what it is told."""

    def __init__(self, level: int = 8000) -> None:
        self.happened: list[str] = []
        self.heard: dict[str, list[Samples]] = {}
        self.pulled = 0
        self.level = level
        self.changed = asyncio.Event()

    def pull(self) -> Samples:
        times = np.arange(self.pulled * 960, (self.pulled + 1) * 960) / 48_000
        self.pulled += 1
        return (self.level * np.sin(2 * np.pi * 500 * times)).astype(np.int16)

    def audio(self, audio: PcmData, participant: Participant) -> None:
        assert audio.sample_rate == 48_000
        self.heard.setdefault(participant.id, []).append(audio.samples)
        self.changed.set()

    def participant_joined(self, participant: Participant) -> None:
        self._note(f"{participant.id} joined")

    def participant_left(self, participant: Participant) -> None:
        self._note(f"{participant.id} left")

    def ended(self, error: BaseException | None = None) -> None:
        self._note(f"ended: {error}")

    def _note(self, text: str) -> None:
        self.happened.append(text)
        self.changed.set()

    def samples(self, participant: str) -> Samples:
        """Everything heard of a participant."""
        return np.concatenate([np.zeros(0, np.int16), *self.heard.get(participant, [])])

    async def until(self, condition: Any) -> None:
        """Wait until `condition()` is true."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


class Recording(MediaStreamTrack):
    """A microphone that plays `samples` (48 kHz) once and then falls silent: no more packets come."""

    kind = "audio"

    def __init__(self, samples: Samples) -> None:
        super().__init__()
        self._frames = list(samples.reshape(-1, 960))
        self._sent = 0

    async def recv(self) -> AudioFrame:
        if self._sent == len(self._frames):
            await asyncio.Event().wait()
        await asyncio.sleep(0.02)
        # Stereo: of mono, aiortc's encoder would take 3 dB off.
        frame = AudioFrame(format="s16", layout="stereo", samples=960)
        frame.planes[0].update(self._frames[self._sent].repeat(2).tobytes())
        frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
        frame.pts = self._sent * 960
        self._sent += 1
        return frame


class Caller:
    """The WebRTC side of a page."""

    def __init__(self, samples: Samples | None = None, certificate: RTCCertificate | None = None) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        if certificate is not None:
            self.connection._RTCPeerConnection__certificates = [certificate]
        self.connection.addTrack(Recording(tone_of(100) if samples is None else samples))
        self.connection.on("track", self._take)
        self.heard: list[Samples] = []
        self.more = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        # What is left behind is to be the edge's fault alone.
        tidy_connecting(self.connection)

    def _take(self, track: MediaStreamTrack) -> None:
        self._listening = asyncio.create_task(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame: Any = await track.recv()
                self.heard.append(frame.to_ndarray().reshape(-1, 2)[:, 0].copy())
                self.more.set()
        except MediaStreamError:
            pass

    async def offer(self) -> str:
        """The SDP to post."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        sdp: str = self.connection.localDescription.sdp
        return sdp

    async def accept(self, answer: str) -> None:
        """Take the SDP that came back."""
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def call(self, server: Served, http: aiohttp.ClientSession, page: Page | None = None, **more: Any) -> str:
        """Offer and accept; return who we are now."""
        status, answer = await self.ask(server, http, page, **more)
        assert status == 200, answer
        await self.accept(answer["sdp"])
        participant: str = answer["participant"]
        return participant

    async def ask(
        self, server: Served, http: aiohttp.ClientSession, page: Page | None = None, **more: Any
    ) -> tuple[int, dict[str, Any]]:
        """Offer; return the status and the answer."""
        offer = {"type": "offer", "sdp": await self.offer(), "page": page.id if page else None, **more}
        async with http.post(f"{server.url}/offer", json=offer) as response:
            return response.status, await response.json()

    async def hears(self, frames: int) -> Samples:
        """Wait for so many frames, and return everything that was heard."""
        async with asyncio.timeout(PATIENCE):
            while len(self.heard) < frames:
                self.more.clear()
                await self.more.wait()
        return np.concatenate(self.heard)

    async def close(self) -> None:
        """Hang up without a word on the WebSocket, as a page that crashed."""
        await self.connection.close()
        if self._listening is not None:
            # Of a connection that was closed before it came about, the stream never ends.
            self._listening.cancel()
            await asyncio.wait([self._listening])


class Page:
    """The WebSocket side of a page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.records: list[dict[str, Any]] = []

    @classmethod
    async def open(cls, server: Served, http: aiohttp.ClientSession, key: str = "") -> Page:
        """Open a page and wait until it knows its id. `key`: of a caller who has been here before."""
        keys = {"tab": key, "browser": key}
        page = cls(await http.ws_connect(f"{server.url}/records", params=keys))
        await page.until(edge="hello")
        return page

    @property
    def hello(self) -> dict[str, Any]:
        """What it was told first."""
        return self.records[0]

    @property
    def id(self) -> str:
        """What to put into an offer."""
        page: str = self.hello["page"]
        return page

    @property
    def key(self) -> str:
        """The caller's key."""
        key: str = self.hello["key"]
        return key

    async def until(self, **fields: Any) -> dict[str, Any]:
        """Wait for a record with these fields, if it has not come yet."""
        return await self.until_any(fields)

    async def until_any(self, *wanted: dict[str, Any]) -> dict[str, Any]:
        """Wait for a record with the fields of one of these."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for record in self.records:
                    if any(fields.items() <= record.items() for fields in wanted):
                        return record
                self.records += await self.socket.receive_json()

    async def to_the_end(self) -> None:
        """Read all records until the server closes the stream of them."""
        async with asyncio.timeout(PATIENCE):
            async for message in self.socket:
                self.records += message.json()


def tone_of(frames: int, frequency: float = 1000.0, level: int = 10_000) -> Samples:
    """A sine at 48 kHz."""
    times = np.arange(frames * 960) / 48_000
    return (level * np.sin(2 * np.pi * frequency * times)).astype(np.int16)


def loudness(samples: Samples) -> float:
    """RMS."""
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
