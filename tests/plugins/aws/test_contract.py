"""The plugin keeps the contract of its kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest_asyncio

from vision_agents.plugins import aws
from vision_agents.testing.contract import RealtimeContract

if TYPE_CHECKING:
    from ...standins.aws.server import StandIn


class TestRealtime(RealtimeContract):
    # Each costs a new stream, and with it a handshake.
    rapid = 50

    @pytest_asyncio.fixture
    async def provider(self, provider: StandIn) -> AsyncIterator[StandIn]:  # type: ignore[override]
        yield provider
        assert not provider.refused, "the service had to refuse something"

    def make(self, provider: StandIn) -> aws.Realtime:
        return aws.Realtime()
