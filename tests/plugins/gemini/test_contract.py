"""The plugin keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from vision_agents.plugins import gemini
from vision_agents.testing.contract import RealtimeContract

from ...standins.gemini.server import KEY, StandIn


class TestRealtime(RealtimeContract):
    @pytest_asyncio.fixture
    async def provider(self) -> AsyncIterator[StandIn]:
        async with StandIn() as service:
            yield service
            assert not service.refused, "the service had to refuse something"

    def make(self, provider: StandIn) -> gemini.Realtime:
        return gemini.Realtime(api_key=KEY, http_options=provider.http_options)
