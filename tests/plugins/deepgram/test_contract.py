"""The Deepgram plugin keeps the contract of recognisers and of synthesisers, with each kind of model."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from vision_agents.plugins import deepgram
from vision_agents.testing.contract import STTContract, TTSContract

from ...standins.deepgram.server import KEY, DeepgramServer


class WithServer:
    @pytest_asyncio.fixture
    async def provider(self) -> AsyncIterator[DeepgramServer]:
        async with DeepgramServer() as server:
            yield server


class TestNova(WithServer, STTContract):
    def make(self, provider: DeepgramServer) -> deepgram.STT:
        return deepgram.STT(api_key=KEY, environment=provider.environment)


class TestNovaWithItsOwnTurns(WithServer, STTContract):
    silence = 1.4

    def make(self, provider: DeepgramServer) -> deepgram.STT:
        return deepgram.STT(api_key=KEY, environment=provider.environment, utterance_end_ms=1000)


class TestFlux(WithServer, STTContract):
    def make(self, provider: DeepgramServer) -> deepgram.STT:
        return deepgram.STT(api_key=KEY, environment=provider.environment, model="flux-general-en")


class TestFluxWithEagerTurns(WithServer, STTContract):
    def make(self, provider: DeepgramServer) -> deepgram.STT:
        return deepgram.STT(
            api_key=KEY, environment=provider.environment, model="flux-general-en", eager_eot_threshold=0.4
        )


class TestAura(WithServer, TTSContract):
    def make(self, provider: DeepgramServer) -> deepgram.TTS:
        return deepgram.TTS(api_key=KEY, environment=provider.environment)


class TestFluxVoice(WithServer, TTSContract):
    def make(self, provider: DeepgramServer) -> deepgram.TTS:
        return deepgram.TTS(api_key=KEY, environment=provider.environment, model="flux-alexis-en")
