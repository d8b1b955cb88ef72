"""The stand-in, for all tests of the Deepgram plugin."""

from collections.abc import AsyncIterator

import pytest_asyncio

from ...standins.deepgram.server import DeepgramServer


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[DeepgramServer]:
    async with DeepgramServer() as server:
        yield server
