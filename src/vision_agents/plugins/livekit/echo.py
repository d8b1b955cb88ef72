"""Echo cancellation by AEC3, the canceller of WebRTC, which the `livekit` package carries.

AEC3 expects what was played and what was recorded in pairs of 10 ms and finds the delay between them itself, up to
about half a second. It takes seconds to find it anew, so the pairs must stay the same whatever the network does: what
was played waits for the audio that is recorded meanwhile. If that comes late, nothing is moved. If it never comes
(packets were lost, the microphone was off), what was played waits in vain, and so do all that follow: then as much as
waited all the time is dropped, and the pairs are as they were.

As long as AEC3 never found an echo it expects a loud one: somebody with a headset would be taken for the agent's echo
for the first 0.4 s of their speech. So a trace of what was played is put into what was recorded: an echo too faint to
matter, which AEC3 finds at once, follows, and removes together with the true one.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterator

import numpy as np
from livekit import rtc

from vision_agents.core import echo
from vision_agents.core.audio import Framer, PcmData, Resampler, Samples
from vision_agents.core.audio.playout import FRAME_SAMPLES
from vision_agents.core.audio.playout import SAMPLE_RATE as PLAYED_RATE
from vision_agents.core.participants import Participant

# Everything that listens works at 16 kHz, and AEC3 costs least there: one band instead of three.
SAMPLE_RATE = 16_000

# AEC3's block: 10 ms.
BLOCK = SAMPLE_RATE // 100

# The trace: its gain, -48 dB, and how much later it is than what was played, in blocks. It is as faint as the noise of
# a quiet microphone; from -50 dB on an echo makes AEC3 hear a user without any other echo as soon as without AEC3.
TRACE = np.float32(10 ** (-48 / 20))
TRACE_BLOCKS = 4

# Blocks that were played and may wait for what is recorded meanwhile: 1 s. Beyond it the oldest is dropped.
LIMIT = 100

# What waits all through so many blocks waits in vain: 0.5 s. Longer than audio comes late on the usual network; shorter
# than the wait for AEC3 to find the delay by itself, which is 2 to 5 s.
PATIENCE = 50

# Loading the native library twice at once would initialise it twice.
_loading = threading.Lock()


class EchoCanceller(echo.EchoCanceller):
    """WebRTC's AEC3, with nothing else of WebRTC's audio processing switched on but the high-pass filter AEC3 implies.

    Output is 16 kHz and lags 8 ms behind the input, 10 ms if that has another rate; pieces that are no multiple of
    10 ms wait for up to 10 ms more. It follows echoes that are up to 0.45 s late, counted from the pull of the frame.
    One participant takes about 1 % of a core. `benchmarks/echo.py` measures what it removes.
    """

    def __init__(self) -> None:
        self._microphones: dict[Participant, _Microphone] = {}
        self._played = _Blocks()

    async def start(self) -> None:
        """Load the native library, in a thread (about 20 ms). Raises ImportError if it does not fit this system."""
        await asyncio.to_thread(_load)

    def played(self, frame: Samples) -> None:
        """See the base class. Raises ValueError for another shape than (960,)."""
        if frame.shape != (FRAME_SAMPLES,):
            raise ValueError(f"a played frame is {FRAME_SAMPLES} samples at {PLAYED_RATE} Hz, not {frame.shape}")
        for block in self._played.push(PcmData(frame, PLAYED_RATE)):
            for microphone in self._microphones.values():
                microphone.played(block)

    def cancel(self, audio: PcmData, participant: Participant) -> PcmData:
        """See the base class. What was played before a participant's first piece is not looked for in it.

        Raises RuntimeError if AEC3 fails.
        """
        microphone = self._microphones.get(participant)
        if microphone is None:
            microphone = self._microphones[participant] = _Microphone()
        return PcmData(microphone.recorded(audio), SAMPLE_RATE)

    def forget(self, participant: Participant) -> None:
        self._microphones.pop(participant, None)

    async def close(self) -> None:
        self._microphones.clear()
        self._played = _Blocks()


class _Blocks:
    """Cuts a stream of any rate and chunking into blocks of 10 ms at 16 kHz."""

    def __init__(self) -> None:
        self._resampler = Resampler(SAMPLE_RATE)
        self._framer = Framer(BLOCK)
        self._begun = False

    def push(self, audio: PcmData) -> Iterator[Samples]:
        """Take a piece, yield each block that is complete."""
        samples = self._resampler.push(audio)
        if not self._begun and len(audio):
            self._begun = True
            # What the resampler holds back would leave every frame of 20 ms incomplete: 10 ms later for want of 2.
            held_back = len(audio) * SAMPLE_RATE // audio.sample_rate - len(samples)
            samples = np.concatenate([np.zeros(held_back, dtype=np.int16), samples])
        return self._framer.push(samples)


class _Microphone:
    """One participant's AEC3, and what was played and has not been paired yet."""

    def __init__(self) -> None:
        self._aec = rtc.AudioProcessingModule(echo_cancellation=True)
        self._recorded = _Blocks()
        self._waiting: deque[Samples] = deque(maxlen=LIMIT)
        self._trace: deque[Samples] = deque([np.zeros(BLOCK, dtype=np.int16)] * TRACE_BLOCKS)
        # The fewest that waited, over so many blocks.
        self._in_vain = LIMIT
        self._blocks = 0

    def played(self, block: Samples) -> None:
        self._waiting.append(block)

    def recorded(self, audio: PcmData) -> Samples:
        blocks = [self._without_echo(block) for block in self._recorded.push(audio)]
        if not blocks:
            return np.zeros(0, dtype=np.int16)
        self._keep_pairs(len(blocks))
        return np.concatenate(blocks)

    def _without_echo(self, block: Samples) -> Samples:
        if self._waiting:
            played = self._waiting.popleft()
            self._aec.process_reverse_stream(_frame(played))
            self._trace.append(played)
            traced = np.rint(block + TRACE * self._trace.popleft())
            block = np.clip(traced, -32768, 32767).astype(np.int16)
        frame = _frame(block)
        self._aec.process_stream(frame)
        cleaned: Samples = np.frombuffer(frame.data, dtype=np.int16)
        return cleaned

    def _keep_pairs(self, blocks: int) -> None:
        self._in_vain = min(self._in_vain, len(self._waiting))
        self._blocks += blocks
        if self._blocks >= PATIENCE:
            for _ in range(self._in_vain):
                self._waiting.popleft()
            self._in_vain, self._blocks = LIMIT, 0


def _frame(block: Samples) -> rtc.AudioFrame:
    """A copy, since AEC3 writes into what it is given."""
    return rtc.AudioFrame(bytearray(block.tobytes()), SAMPLE_RATE, 1, BLOCK)


def _load() -> None:
    with _loading:
        rtc.AudioProcessingModule(echo_cancellation=True)
