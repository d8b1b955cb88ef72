"""The scripted realtime model keeps the contract."""

from __future__ import annotations

from contextvars import ContextVar

import pytest

from vision_agents.core.conversation import ToolCall
from vision_agents.core.participants import Participant
from vision_agents.testing.contract import Answer, RealtimeContract
from vision_agents.testing.realtime import ScriptedRealtime

from .in_process import InProcess

ANSWER: ContextVar[Answer] = ContextVar("answer")


class ControlledRealtime(ScriptedRealtime):
    def __init__(self, provider: InProcess) -> None:
        super().__init__()
        self._provider = provider

    def next_answer(self) -> str | ToolCall:
        return self._provider.next_said()

    async def pause(self) -> None:
        await ANSWER.get().permit()

    def _understand(self, participant: Participant) -> None:
        self.words = [self._provider.next_heard()]
        super()._understand(participant)

    async def _respond(self, name: str, asked_in: int, request: int | None) -> None:
        with self._provider.answering() as answer:
            if answer.failure:
                self.report_failure(ConnectionError(answer.failure))
                return
            ANSWER.set(answer)  # Seen by this task alone.
            await super()._respond(name, asked_in, request)


@pytest.mark.virtual_time
class TestScripted(RealtimeContract):
    @pytest.fixture
    def provider(self) -> InProcess:
        return InProcess()

    def make(self, provider: InProcess) -> ControlledRealtime:
        return ControlledRealtime(provider)
