"""A telephone-like way into a call: 8 kHz, μ-law, 20 ms in each packet. No key.

`Telephone` is an edge over any line that sends and receives such packets, as gateways of telephone networks hand them
out: `make_agent(Telephone(line))`.
"""

import asyncio

import numpy as np

from vision_agents.core import Agent, Participant, PcmData, User
from vision_agents.core.audio import Resampler
from vision_agents.core.edge import FRAME_SECONDS, OUTPUT_SAMPLE_RATE, EdgeTransport
from vision_agents.plugins import llama, moonshine, piper, smart_turn

RATE = 8_000
BIAS = 132
CALLER = Participant("caller")


def encode(samples):
    """int16 samples to μ-law bytes (ITU-T G.711)."""
    magnitude = np.minimum(np.abs(samples.astype(np.int32)), 32_635) + BIAS
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 15
    return (~(np.where(samples < 0, 128, 0) | exponent << 4 | mantissa) & 255).astype(np.uint8).tobytes()


def decode(packet):
    """μ-law bytes to int16 samples."""
    code = ~np.frombuffer(packet, np.uint8) & 255
    magnitude = (((code & 15).astype(np.int32) << 3) + BIAS << ((code >> 4) & 7)) - BIAS
    return np.where(code & 128, -magnitude, magnitude).astype(np.int16)


class Telephone(EdgeTransport):
    """A call over `line`, which has `async send(packet)` and is an async iterator of the caller's packets."""

    def __init__(self, line):
        self.line = line
        self._work = []

    async def join(self, agent_user, call, sink):
        sink.participant_joined(CALLER)
        self._work = [asyncio.create_task(work) for work in (self._hear(sink), self._play(sink))]

    async def leave(self):
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    async def _hear(self, sink):
        error = None
        try:
            async for packet in self.line:
                sink.audio(PcmData(decode(packet), RATE), CALLER)
        except OSError as broken:
            error = broken
        sink.ended(error)

    async def _play(self, sink):
        """Pull each frame when its time has come, never ahead: what was pulled counts as heard."""
        loop, narrow = asyncio.get_running_loop(), Resampler(RATE)
        due = loop.time()
        while True:
            await self.line.send(encode(narrow.push(PcmData(sink.pull(), OUTPUT_SAMPLE_RATE))))
            due = max(due + FRAME_SECONDS, loop.time() - FRAME_SECONDS)
            await asyncio.sleep(due - loop.time())


async def make_agent(edge):
    return Agent(
        edge=edge,
        agent_user=User(name="Assistant", id="agent"),
        instructions="You answer the telephone. Answer in one or two short sentences.",
        llm=llama.LLM(),
        stt=moonshine.STT(),
        tts=piper.TTS(),
        turn_detection=smart_turn.TurnDetection(),
    )
