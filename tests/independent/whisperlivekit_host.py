"""Hosts the Deepgram-compatible endpoint of `whisperlivekit` with a stub in place of its recogniser.

Its Whisper model comes from a hub only, and its package imports torch; the protocol's own modules need neither, so the
package is entered without its `__init__`. The stub hears any sound as speech, and its words are always the same. It
tells its address on the first line.
"""

import asyncio
import importlib.util
import socket
import sys
from collections.abc import AsyncIterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, WebSocket

spec = importlib.util.find_spec("whisperlivekit")
assert spec is not None
assert spec.submodule_search_locations is not None
package = ModuleType("whisperlivekit")
package.__path__ = list(spec.submodule_search_locations)
sys.modules["whisperlivekit"] = package

from whisperlivekit.timed_objects import ASRToken, AudioStreamEvent, FrontData, Segment, Silence  # noqa: E402

RATE = 16_000
STEP = RATE // 50
WORDS = ("call", "me", "back")
WORD = 0.25
SILENCE = 0.3
LEVEL = 500


class AudioProcessor:
    """What `whisperlivekit.audio_processor` has by this name, as far as the endpoint uses it."""

    sample_rate = RATE

    def __init__(self, *, stream_event_queue: asyncio.Queue[Any], **_: Any) -> None:
        self.total_pcm_samples = 0
        self._events = stream_event_queue
        self._updates: asyncio.Queue[FrontData | None] = asyncio.Queue()
        self._lines: list[Segment] = []
        self._onset: float | None = None
        self._quiet = 0.0
        self._shown = 0
        self._rest = b""

    async def create_tasks(self) -> AsyncIterator[FrontData]:
        return self._results()

    async def _results(self) -> AsyncIterator[FrontData]:
        while (update := await self._updates.get()) is not None:
            yield update

    async def process_audio(self, data: bytes) -> None:
        if not data:
            await self._updates.put(None)
            return
        data = self._rest + data
        whole = len(data) - len(data) % (2 * STEP)
        self._rest = data[whole:]
        for start in range(0, whole, 2 * STEP):
            await self._hear(np.frombuffer(data[start : start + 2 * STEP], dtype=np.int16).astype(np.int32))

    async def _hear(self, samples: Any) -> None:
        loud = np.abs(samples).max() > LEVEL
        before = self.total_pcm_samples / RATE
        self.total_pcm_samples += len(samples)
        now = self.total_pcm_samples / RATE
        self._quiet = 0.0 if loud else self._quiet + len(samples) / RATE
        if loud and self._onset is None:
            self._onset, self._shown = before, 0
            await self._events.put(AudioStreamEvent("speech_started", before))
        elif self._onset is not None and self._quiet >= SILENCE:
            await self._fall_silent(self._onset, now)
        elif self._onset is not None and (shown := min(len(WORDS), int((now - self._onset) / WORD))) > self._shown:
            self._shown = shown
            await self._updates.put(FrontData(lines=list(self._lines), buffer_transcription=" ".join(WORDS[:shown])))
        await self._events.put(AudioStreamEvent("audio_advanced", now))

    async def _fall_silent(self, onset: float, now: float) -> None:
        end = now - SILENCE
        step = (end - onset) / len(WORDS)
        tokens = [
            ASRToken(start=onset + place * step, end=onset + (place + 1) * step, text=f" {word}")
            for place, word in enumerate(WORDS)
        ]
        await self._events.put(AudioStreamEvent("silence_started", end))
        gap = Segment.from_tokens([Silence(start=end, end=now)], is_silence=True)
        self._lines += [Segment.from_tokens(tokens), gap]
        self._onset = None
        await self._updates.put(FrontData(lines=list(self._lines)))
        await asyncio.sleep(0)
        await self._events.put(AudioStreamEvent("silence_transcription_ready", end))

    async def cleanup(self) -> None:
        """Nothing is left."""


processor = ModuleType("whisperlivekit.audio_processor")
processor.AudioProcessor = AudioProcessor  # type: ignore[attr-defined]
sys.modules["whisperlivekit.audio_processor"] = processor

from whisperlivekit.deepgram_compat import handle_deepgram_websocket  # noqa: E402

app = FastAPI()


@app.websocket("/v1/listen")
async def listen(websocket: WebSocket) -> None:
    await handle_deepgram_websocket(websocket, None, SimpleNamespace(vac=True, backend="stub"))


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
