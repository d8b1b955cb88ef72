"""The service on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from vision_agents.plugins import gemini
from vision_agents.testing.contract import lifetime

from ...standins.gemini.server import KEY, StandIn
from ..realtime.kit import connected, player

__all__ = ["connected", "model", "player", "service"]


@pytest_asyncio.fixture
async def service() -> AsyncIterator[StandIn]:
    async with StandIn() as service:
        yield service


@pytest_asyncio.fixture
async def model(service: StandIn) -> AsyncIterator[gemini.Realtime]:
    async with lifetime(gemini.Realtime(api_key=KEY, http_options=service.http_options), service) as model:
        yield model
