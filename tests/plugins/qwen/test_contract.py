"""The plugin keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from vision_agents.plugins import qwen
from vision_agents.testing.contract import RealtimeContract

from ...standins.qwen.server import KEY, StandIn


class TestRealtime(RealtimeContract):
    @pytest_asyncio.fixture
    async def provider(self) -> AsyncIterator[StandIn]:
        async with StandIn() as service:
            yield service
            assert not unexpected(service), "the service had to refuse something"

    def make(self, provider: StandIn) -> qwen.Realtime:
        return qwen.Realtime(api_key=KEY, url=provider.url)


def unexpected(service: StandIn) -> list[dict[str, Any]]:
    """What the service refused without need. It may be ahead: a response ended, or began, before a message arrived."""
    return [error for error in service.refused if error["param"] not in ("response.cancel", "response.create")]
