"""The text models that run in this process keep the contract."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from vision_agents.core.conversation import ToolCall
from vision_agents.core.llm import LLMRequest
from vision_agents.plugins import llama
from vision_agents.plugins.llama.session import Prompt
from vision_agents.testing.contract import LLMContract
from vision_agents.testing.parts import ScriptedLLM

from .in_process import InProcess


async def pieces(provider: InProcess) -> AsyncGenerator[str | ToolCall, None]:
    """An answer, word by word."""
    with provider.answering() as answer:
        if answer.failure:
            raise llama.LlamaError(f"the model gave up: {answer.failure}")
        said = provider.next_said()
        for piece in [said] if isinstance(said, ToolCall) else re.findall(r"\S+\s*", said):
            await answer.permit()
            yield piece


class ControlledLLM(ScriptedLLM):
    def __init__(self, provider: InProcess) -> None:
        super().__init__()
        self._provider = provider

    async def stream(self, request: LLMRequest) -> AsyncIterator[str | ToolCall]:
        async for piece in pieces(self._provider):
            yield piece

    async def close(self) -> None:
        await self._provider.release()


@pytest.mark.virtual_time
class TestScripted(LLMContract):
    @pytest.fixture
    def provider(self) -> InProcess:
        return InProcess()

    def make(self, provider: InProcess) -> ControlledLLM:
        return ControlledLLM(provider)


class ControlledSession:
    """Stands in for the session with the model."""

    last = None

    def __init__(self, provider: InProcess) -> None:
        self._provider = provider
        self._cancels = 0

    def bind(self) -> None:
        pass

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str | ToolCall, None]:
        cancels = self._cancels
        async for piece in pieces(self._provider):
            if cancels != self._cancels:
                return
            yield piece

    def cancel(self) -> None:
        self._cancels += 1

    async def stopped(self) -> None:
        pass

    def close(self) -> None:
        self._cancels += 1
        self._released = asyncio.get_running_loop().create_task(self._provider.release())


class ReadyLease:
    """Stands in for the lease on a model, which is there."""

    async def start(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.virtual_time
class TestLlama(LLMContract):
    @pytest.fixture
    def provider(self, monkeypatch: pytest.MonkeyPatch) -> InProcess:
        provider = InProcess()
        monkeypatch.setattr("vision_agents.plugins.llama.llm.Session", lambda engine: ControlledSession(provider))
        monkeypatch.setattr("vision_agents.plugins.llama.llm.NetworkLease", lambda spec, user: ReadyLease())
        return provider

    def make(self, provider: InProcess) -> llama.LLM:
        return llama.LLM(Path("model.gguf"))
