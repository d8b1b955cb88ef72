"""A caller's line to an agent in this process: no network, and no codec."""

from __future__ import annotations

import asyncio
from typing import Any

from vision_agents.core.audio import PcmData
from vision_agents.core.edge import FRAME_SECONDS, OUTPUT_SAMPLE_RATE, CallSink, EdgeTransport
from vision_agents.core.participants import Participant, User

from .clips import Clip
from .line import Line

CALLER = Participant("caller")


class InProcessLine(EdgeTransport, Line):
    """The agent's way into the call, and the caller's: a frame goes in and one comes out each 20 ms, late ones too."""

    def __init__(self, room: Clip) -> None:
        Line.__init__(self, room)
        self._clock = asyncio.get_running_loop()
        self._sink: CallSink | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    # The agent's side.

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        """Let sound flow. `call` has no meaning here."""
        self._sink = sink
        sink.participant_joined(CALLER)
        self._due = self._clock.time()
        self._timer = self._clock.call_at(self._due, self._tick)

    async def leave(self) -> None:
        """Let no more sound flow. Harmless twice."""
        self._stop()
        self._end()

    # The caller's.

    async def hang_up(self) -> None:
        """Leave the agent alone in the call. Harmless twice."""
        self._over = True
        self.mouth.hush()
        if self._sink is not None:
            self._sink.participant_left(CALLER)
        self._stop()

    def _stop(self) -> None:
        self._sink = None
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        assert self._sink is not None
        now = self._clock.time()
        self.late.append(now - self._due)
        clip, frame = self.mouth.next(now)
        self._sink.audio(PcmData(clip.frames[frame], OUTPUT_SAMPLE_RATE), CALLER)
        if self._sink is not None:
            self.ear.hear(now, self._sink.pull())
        self._due += FRAME_SECONDS
        self._timer = self._clock.call_at(self._due, self._tick)
