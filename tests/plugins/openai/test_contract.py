"""The plugin keeps the contracts of its kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from vision_agents.plugins import openai
from vision_agents.testing.contract import LLMContract, RealtimeContract

from ...standins.openai.server import KEY, StandIn

CLOSED = "the client closes the stream, and nothing more can come on it"


class TextContract(LLMContract):
    @pytest_asyncio.fixture
    async def provider(self) -> AsyncIterator[StandIn]:
        async with StandIn(cannot={"send_late": CLOSED}) as service:
            yield service


class TestLLM(TextContract):
    def make(self, provider: StandIn) -> openai.LLM:
        return openai.LLM(api_key=KEY, base_url=provider.url, max_retries=0)


class TestChatCompletions(TextContract):
    def make(self, provider: StandIn) -> openai.ChatCompletionsLLM:
        return openai.ChatCompletionsLLM("gpt-5.4", api_key=KEY, base_url=provider.url, max_retries=0)


class TestRealtime(RealtimeContract):
    @pytest_asyncio.fixture
    async def provider(self) -> AsyncIterator[StandIn]:
        async with StandIn() as service:
            yield service
            assert not unexpected(service), "the service had to refuse something"

    def make(self, provider: StandIn) -> openai.Realtime:
        return openai.Realtime(api_key=KEY, base_url=provider.url)


# The service may be ahead of us: a response ended, or began, before our message arrived. No client can avoid that.
RACES = {"response_cancel_not_active", "conversation_already_has_active_response"}


def unexpected(service: StandIn) -> list[dict[str, Any]]:
    """What the service refused without need."""
    return [error for session in service.sessions for error in session.refused if error["code"] not in RACES]
