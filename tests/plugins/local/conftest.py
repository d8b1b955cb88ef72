"""An edge that is served, its sink, and somebody who asks."""

import aiohttp
import pytest

from vision_agents.plugins.local import Edge

from .browser_kit import AGENT, NotingSink


@pytest.fixture
async def sink():
    return NotingSink()


@pytest.fixture
async def edge(sink):
    edge = Edge(port=0)
    await edge.join(AGENT, None, sink)
    yield edge
    await edge.leave()


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session
