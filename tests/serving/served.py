"""Agents of scripted parts, for processes that tests start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from vision_agents.core import Agent, AgentLauncher, Runner, ServeOptions, User
from vision_agents.serving import Limits
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS


def scripted(edge: Any) -> Agent:
    return Agent(
        edge=edge,
        agent_user=User("agent", "Ada"),
        llm=ScriptedLLM(["One two three."]),
        stt=ScriptedSTT(),
        tts=ToneTTS(),
        turn_detection=ScriptedDetector(),
    )


async def my_agent(edge: Any) -> Agent:
    """The short form."""
    return scripted(edge)


async def create_agent(**_: Any) -> Agent:
    return scripted(LoopEdge())


async def broken(edge: Any) -> Agent:
    raise ValueError("there is no key for the model")


launcher = AgentLauncher(create_agent, participant_wait_timeout=0.0)
# For a machine that is busy with other tests.
limits = Limits(lateness=9.0, loop_lag=9.0, cpu=99.0, memory=9.0)
roomy = Runner(AgentLauncher(my_agent), ServeOptions(limits=limits))
# For clients who start one session after the other.
slowed = Runner(launcher, ServeOptions(limits=limits, starts_per_second=0.01, start_burst=8))
traces = os.environ.get("TRACES")
runner = Runner(launcher, ServeOptions(drain=3600.0, traces=Path(traces) if traces else None))

if __name__ == "__main__":
    runner.cli()
