"""The agent of the commands."""

from dataclasses import replace

import pytest

from vision_agents.cli.default_agent import local_agent
from vision_agents.core.llm import LLM
from vision_agents.plugins import smart_turn
from vision_agents.testing.parts import LoopEdge, ScriptedLLM


@pytest.mark.parametrize(("llm", "prepares"), [(None, True), (ScriptedLLM(), False)])
async def test_only_its_own_model_is_asked_before_a_turn_is_certain(llm: LLM | None, prepares: bool) -> None:
    agent = await local_agent(LoopEdge(), llm)
    assert agent.policy.prepare is prepares
    assert replace(agent.policy, prepare=False) == smart_turn.TurnDetection().policy
