"""Somebody in a call: what they say goes to the agent, what they hear of it is kept with its time of arrival."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from vision_agents.core.audio import PcmData, Samples

RATE = 48_000
FRAME = 960
FRAME_SECONDS = FRAME / RATE


@dataclass
class Person:
    """One participant. `quiet_sends_nothing`: their client uses DTX, nothing at all comes while they are silent."""

    user_id: str
    session_id: str
    name: str
    quiet_sends_nothing: bool = False
    heard: list[tuple[float, Samples]] = field(default_factory=list)
    _mouths: list[Mouth] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        """What the SFU calls their media."""
        return f"prefix-{self.session_id}"

    def mouth(self) -> Mouth:
        """A track of what they say."""
        mouth = Mouth(self.quiet_sends_nothing)
        self._mouths.append(mouth)
        return mouth

    async def say(self, audio: PcmData) -> None:
        """Say it; returns when it is said."""
        samples = audio.resampled(RATE).samples
        samples = np.concatenate([samples, np.zeros(-len(samples) % FRAME, np.int16)])
        for mouth in self._mouths:
            mouth.words.extend(samples.reshape(-1, FRAME))
            mouth.more.set()
        while any(mouth.words and mouth.readyState == "live" for mouth in self._mouths):
            await asyncio.sleep(FRAME_SECONDS)

    def hear(self, frame: Any) -> None:
        """Take what came of the agent's voice: packed stereo of one voice."""
        samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0].astype(np.int16)
        self.heard.append((time.monotonic(), samples))


class Mouth(MediaStreamTrack):
    """A frame each 20 ms: of the words if there are any, else of silence, or of nothing."""

    kind = "audio"

    def __init__(self, quiet_sends_nothing: bool) -> None:
        super().__init__()
        self.words: deque[Samples] = deque()
        self.more = asyncio.Event()
        self._silence = np.zeros(FRAME, np.int16)
        self._gaps = quiet_sends_nothing
        self._start: float | None = None
        self._number = 0

    async def recv(self) -> AudioFrame:
        now = asyncio.get_running_loop().time
        if self._start is None:
            self._start = now()
        while True:
            await asyncio.sleep(self._start + self._number * FRAME_SECONDS - now())
            if self.readyState != "live":
                raise MediaStreamError
            number, self._number = self._number, self._number + 1
            if self.words or not self._gaps:
                break
        samples = self.words.popleft() if self.words else self._silence
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, number * FRAME, Fraction(1, RATE)
        return frame
