"""Every part of the plugin keeps its contract, against a stand-in of the service."""

import pytest_asyncio
from service import Acme

from vision_agents.plugins import acme
from vision_agents.testing.contract import EdgeContract, LLMContract, RealtimeContract, STTContract, TTSContract


class AgainstAcme:
    """The far end of all of them."""

    @pytest_asyncio.fixture
    async def provider(self):
        async with Acme() as service:
            yield service


class TestSTT(AgainstAcme, STTContract):
    def make(self, provider):
        return acme.STT(provider.address)


class TestTTS(AgainstAcme, TTSContract):
    def make(self, provider):
        return acme.TTS(provider.address)


class TestLLM(AgainstAcme, LLMContract):
    def make(self, provider):
        return acme.LLM(provider.address)


class TestRealtime(AgainstAcme, RealtimeContract):
    def make(self, provider):
        return acme.Realtime(provider.address)


class TestEdge(AgainstAcme, EdgeContract):
    def make(self, provider):
        return acme.Edge(provider.address)
