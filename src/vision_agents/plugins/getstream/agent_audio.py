"""The agent's voice on its way into the SDK: pulled in time with the SDK's own clock, so that next to nothing waits.

The SDK's track takes 20 ms from a queue at each beat of its clock, or silence if there is none, and queues whatever is
written. A second clock beside it would let frames pile up there or run out, and what is pulled counts as heard. But a
write into a full queue says so, and while the agent is silent it costs nothing to try: the first write that finds room
tells when the beat was. From then on each frame is pulled a few milliseconds before its beat, and the queue has room
for no more than that one.
"""

from __future__ import annotations

import asyncio

import getstream_rtc
import numpy as np

from vision_agents.core.audio import Samples
from vision_agents.core.edge import FRAME_SAMPLES, FRAME_SECONDS, OUTPUT_SAMPLE_RATE, CallSink

from .account import StreamError
from .slots import Slots

# How often it is tried, in seconds, when the SDK takes a frame: the error of the beat.
PROBE = 0.001

# How long it may take until media flow, and one write, in seconds.
MEDIA_TIMEOUT = 20.0
WRITE_TIMEOUT = 5.0


class AgentAudio:
    """Pulls from `sink` and writes to `track`, once `run` runs and as long as it is not paused."""

    def __init__(self, sink: CallSink) -> None:
        # The SDK's least: one frame.
        self.track = getstream_rtc.LocalAudioTrack(pcm_queue_capacity=FRAME_SECONDS)
        # Media flow, and what is pulled is heard.
        self.flowing = asyncio.Event()
        # Frames that were pulled and that the SDK dropped, because its clock missed a beat.
        self.lost = 0
        self._sink = sink
        self._open = asyncio.Event()
        self._open.set()
        self._silence: Samples = np.zeros(FRAME_SAMPLES, np.int16)

    def pause(self) -> None:
        """Nobody can hear it: pull nothing until `resume`. What the SDK holds is dropped."""
        self._open.clear()
        self.flowing.clear()
        self.track.flush()

    def resume(self) -> None:
        """Go on, as soon as media flow."""
        self._open.set()

    async def run(self) -> None:
        """Speak until cancelled. Raises StreamError if media find no way, and what `sink` raises."""
        while True:
            await self._open.wait()
            slots = await self._fall_in()
            if slots is not None:
                self.flowing.set()
                await self._speak(slots)

    async def _fall_in(self) -> Slots | None:
        """Find the SDK's beat, with silence; None if it was paused meanwhile.

        Until its connection stands, the SDK takes the first frame only, if any.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + MEDIA_TIMEOUT
        before: float | None = None
        error = 4 * PROBE
        while self._open.is_set():
            room = not await self._write(self._silence)
            now = loop.time()
            if room and before is not None:
                if now - before <= error:
                    # The frame that has just found room is the next beat's.
                    return Slots(before + 2 * FRAME_SECONDS)
                # The loop was kept busy at that moment: better the next one, or one after it.
                error *= 2
            if now > deadline:
                raise StreamError(
                    f"no audio could be sent within {MEDIA_TIMEOUT:.0f} s - check that UDP to Stream is not blocked"
                )
            before = now
            await asyncio.sleep(PROBE)
        return None

    async def _speak(self, slots: Slots) -> None:
        """Pull and write until paused."""
        now = asyncio.get_running_loop().time
        while self._open.is_set():
            wait = slots.wait(now())
            if wait > 0:
                await asyncio.sleep(wait)
            elif slots.take(now()):
                # If the SDK missed its beat, this takes the place of the frame before: nothing old outlives a silence.
                self.lost += await self._write(self._sink.pull()) > 0

    async def _write(self, samples: Samples) -> int:
        """Hand over a frame; return the samples before it that were dropped, because they had not been taken."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT):
                await self.track.write_pcm(samples, OUTPUT_SAMPLE_RATE, 1)
        except getstream_rtc.PcmQueueOverflowError as overflow:
            return overflow.dropped_samples
        return 0
