"""The recorded caller of the demo: a synthetic voice, for those without a microphone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from contextlib import aclosing
from importlib.util import find_spec

from vision_agents.core.audio import PcmData
from vision_agents.core.models import ModelError, ModelStore

VOICE = "piper-en-us-joe"

# What it says, by the names that `local.Edge` asks for.
LINES = {
    "question": "Hello! Can you tell me a little story about the sea?",
    "interruption": "Sorry, let me stop you there. What is the name of the largest ocean?",
}

# Caller and agent have the same voice, which is confusing: the caller's is played faster and so sounds higher. It is
# made slower by as much, so that it takes the usual time.
PITCH = 1.25

# What browsers play without converting.
SAMPLE_RATE = 48_000


class RecordedCaller:
    """Makes what the caller says, once, and keeps it."""

    def __init__(self) -> None:
        self._lines: dict[str, PcmData] = {}
        self._lock = asyncio.Lock()

    @staticmethod
    def available() -> bool:
        """Return whether the voice is on this machine, and the program to use it."""
        if not all(find_spec(name) for name in ("piper", "onnxruntime")):
            return False
        with contextlib.suppress(ModelError):
            return bool(ModelStore().files(VOICE))
        return False

    async def __call__(self, name: str) -> PcmData:
        """Synthesise the line `name` of `LINES`: 48 kHz. Raises what the voice raises."""
        await self.prepare()
        return self._lines[name]

    async def prepare(self) -> None:
        """Make everything now: it takes about 3 s. Raises what the voice raises."""
        async with self._lock:
            if not self._lines:
                self._lines = await speak(LINES)


async def speak(lines: Mapping[str, str]) -> dict[str, PcmData]:
    """Synthesise lines by their names, in the caller's voice: 48 kHz. Raises what the voice raises."""
    from vision_agents.plugins import piper

    # Noise makes each rendering another one: without it, the caller says the same on every machine.
    voice = piper.TTS(length_scale=PITCH, noise_scale=0.0, noise_w_scale=0.0)
    spoken = {}
    try:
        for name, text in lines.items():
            async with aclosing(voice.stream_audio(text)) as chunks:
                speech = PcmData.concat([chunk.audio async for chunk in chunks])
            faster = PcmData(speech.samples, round(speech.sample_rate * PITCH))
            spoken[name] = await asyncio.to_thread(faster.resampled, SAMPLE_RATE)
    finally:
        await voice.close()
    return spoken
