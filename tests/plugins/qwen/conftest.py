"""The service on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from vision_agents.plugins import qwen
from vision_agents.testing.contract import lifetime

from ...standins.qwen.server import KEY, StandIn
from ..realtime.kit import connected, player

__all__ = ["connected", "model", "player", "service"]


@pytest_asyncio.fixture
async def service() -> AsyncIterator[StandIn]:
    async with StandIn() as service:
        yield service


@pytest_asyncio.fixture
async def model(service: StandIn) -> AsyncIterator[qwen.Realtime]:
    async with lifetime(qwen.Realtime(api_key=KEY, url=service.url), service) as model:
        yield model
