"""The call of a case: callers' audio in, every frame that the agent plays kept."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from vision_agents.core.audio import PcmData, Resampler, Samples
from vision_agents.core.edge import FRAME_SECONDS, CallSink, EdgeTransport
from vision_agents.core.participants import Participant, User

RATE = 16_000
FRAME = 320

# From the loudspeaker through the room into the caller's microphone, in frames: 100 ms.
ECHO_FRAMES = 5

# How long the agent may take to answer a primer, in frames: 20 s.
PRIMER_FRAMES = 1000


_NOTHING: Samples = np.zeros(0, dtype=np.int16)


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """Somebody in the call, and all that is heard of them: int16, 16 kHz."""

    participant: Participant
    samples: Samples


class LabEdge(EdgeTransport):
    """Plays the callers' audio in the loop's time; what the agent plays is in `played`. `over` is set at the end.

    Frame n of the agent is pulled at n * 0.02 s; the callers' audio is handed over half a frame later, since their
    clocks are not the agent's. `echo`: dB of the agent's voice in the first caller's audio, None for no echo.
    `primer`: what the first caller says before all else; the callers' audio begins with the first frame in which the
    agent is heard, at the latest `PRIMER_FRAMES` after the beginning.
    """

    def __init__(self, callers: Sequence[Caller], echo: float | None = None, primer: Samples | None = None) -> None:
        self.over = asyncio.Event()
        self._primer = primer
        # The frame with which the callers' audio begins.
        self._first: int | None = 0 if primer is None else None
        self._callers = callers
        self._gain = 0.0 if echo is None else 10.0 ** (echo / 20.0)
        self._resampler = Resampler(RATE)
        self._room: deque[Samples] = deque([np.zeros(FRAME, dtype=np.int16)] * ECHO_FRAMES)
        self._frames: list[Samples] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def played(self) -> Samples:
        """The audio that the agent played, 48 kHz int16, from the call's first frame on."""
        return np.concatenate(self._frames) if self._frames else np.zeros(0, dtype=np.int16)

    @property
    def began(self) -> float | None:
        """The time at which the callers' audio began, in seconds of the call; None before the primer is answered."""
        return None if self._first is None else self._first * FRAME_SECONDS

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        for caller in self._callers:
            sink.participant_joined(caller.participant)
        self._task = asyncio.create_task(self._play(sink), name="lab call")

    async def leave(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _play(self, sink: CallSink) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        length = max(len(caller.samples) for caller in self._callers) // FRAME
        for n in count():
            if n >= (PRIMER_FRAMES if self._first is None else self._first + length):
                break
            due = start + n * FRAME_SECONDS
            await asyncio.sleep(due - loop.time())
            frame = sink.pull().copy()
            self._frames.append(frame)
            if self._first is None and frame.any():
                self._first = n
            await asyncio.sleep(due + FRAME_SECONDS / 2 - loop.time())
            for number, caller in enumerate(self._callers):
                heard = self._heard(number, caller, n)
                if number == 0 and self._gain:
                    heard = self._with_echo(heard, frame)
                sink.audio(PcmData(heard, RATE), caller.participant)
        self.over.set()

    def _heard(self, number: int, caller: Caller, frame: int) -> Samples:
        if self._first is not None:
            return _cut(caller.samples, (frame - self._first) * FRAME - FRAME // 2)
        before = self._primer if number == 0 and self._primer is not None else _NOTHING
        return _cut(before, frame * FRAME - FRAME // 2)

    def _with_echo(self, heard: Samples, frame: Samples) -> Samples:
        played = self._resampler.push(PcmData(frame, 48_000))
        # The resampler's first output is shorter by its delay.
        self._room.append(np.pad(played, (FRAME - len(played), 0)) if len(played) < FRAME else played[:FRAME])
        echo = self._room.popleft().astype(np.float64) * self._gain
        return np.clip(np.rint(heard + echo), -32768, 32767).astype(np.int16)


def _cut(samples: Samples, start: int) -> Samples:
    piece = samples[max(0, start) : max(0, start + FRAME)]
    if len(piece) == FRAME:
        return piece
    frame = np.zeros(FRAME, dtype=np.int16)
    offset = max(0, -start)
    frame[offset : offset + len(piece)] = piece
    return frame
