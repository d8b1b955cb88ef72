"""Acme's synthesiser: a connection for each text."""

from __future__ import annotations

from collections.abc import AsyncIterator

from vision_agents.core import tts
from vision_agents.core.audio import PcmData

from .wire import ADDRESS, Lines, decoded

SAMPLE_RATE = 24_000


class TTS(tts.TTS):
    """Speech from the service at `address` ("host:port")."""

    def __init__(self, address: str = ADDRESS) -> None:
        super().__init__()
        self._lines = Lines(address)

    async def stream_audio(self, text: str) -> AsyncIterator[PcmData]:
        """Stream the speech of a text. Raises AcmeError."""
        async with self._lines.connected() as line:
            await line.send(kind="speak", text=text)
            while "done" not in (message := await line.receive()):
                yield decoded(message["audio"], SAMPLE_RATE)

    async def stop_audio(self) -> None:
        """Nothing is left to do: an interruption leaves `stream_audio`, and that closes its connection."""

    async def close(self) -> None:
        self._lines.close()
