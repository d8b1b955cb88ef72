"""What a model was used for is in the agent's events and in the trace of the call, and in no other call's."""

import asyncio

import pytest

from vision_agents.core.llm import TokenUsageEvent
from vision_agents.core.trace import read_records
from vision_agents.core.trace.notes import TokensUsed
from vision_agents.core.usage import TokenUsage
from vision_agents.testing.parts import ScriptedLLM

from .call_kit import ANNA, Call

USAGE = TokenUsage("made.up", "small", 30, 12, cached_tokens=20)


class CountingLLM(ScriptedLLM):
    async def stream(self, request):
        async for piece in super().stream(request):
            yield piece
        self.report_usage(USAGE)


@pytest.mark.virtual_time
async def test_tokens_are_told_and_traced():
    llm, records = CountingLLM(["Hello."]), []
    call = Call(["how are you"], llm=llm)
    call.agent.observe(records.append)
    async with call.agent.join():
        call.edge.sink.participant_joined(ANNA)
        await call.detector.speak(ANNA, 0.6)
        await asyncio.sleep(3.0)
    assert [(event.usage, event.epoch) for event in call.of(TokenUsageEvent)] == [(USAGE, 0)]
    notes = [record.fact for record in read_records(records) if isinstance(record.fact, TokensUsed)]
    assert notes == [TokensUsed(USAGE)]
    llm.report_usage(USAGE)  # Outside of a call it is nobody's.
    assert len([record for record in records if record.get("note") == "TokensUsed"]) == 1
