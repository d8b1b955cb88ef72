"""The stand-in, for all tests of the ElevenLabs plugin."""

from collections.abc import AsyncIterator

import pytest_asyncio

from ...standins.elevenlabs.server import ElevenLabsServer


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[ElevenLabsServer]:
    async with ElevenLabsServer() as server:
        yield server
