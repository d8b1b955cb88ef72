"""The ElevenLabs plugin keeps the contract of recognisers and of synthesisers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from vision_agents.plugins import elevenlabs
from vision_agents.testing.contract import STTContract, TTSContract

from ...standins.elevenlabs.server import KEY, ElevenLabsServer


class WithServer:
    @pytest_asyncio.fixture
    async def provider(self) -> AsyncIterator[ElevenLabsServer]:
        async with ElevenLabsServer() as server:
            yield server


class TestSTT(WithServer, STTContract):
    def make(self, provider: ElevenLabsServer) -> elevenlabs.STT:
        return elevenlabs.STT(api_key=KEY, base_url=provider.url)


class TestTTS(WithServer, TTSContract):
    def make(self, provider: ElevenLabsServer) -> elevenlabs.TTS:
        return elevenlabs.TTS(api_key=KEY, base_url=provider.url)
