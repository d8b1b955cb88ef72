"""The service on loopback."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from vision_agents.plugins import openai
from vision_agents.testing.contract import lifetime

from ...standins.openai.server import KEY, StandIn
from ..realtime.kit import connected, player

__all__ = ["connected", "model", "player", "service"]


@pytest_asyncio.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StandIn]:
    """The service, where the environment says that it is: `openai.LLM()` without parameters talks to it."""
    async with StandIn(word_seconds=0.3) as service:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", service.url)
        yield service


@pytest_asyncio.fixture
async def model(service: StandIn) -> AsyncIterator[openai.Realtime]:
    async with lifetime(openai.Realtime(), service) as model:
        yield model
