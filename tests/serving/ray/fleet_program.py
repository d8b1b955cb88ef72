"""The program that tests serve on a cluster: agents of scripted parts, whose history says which process had them."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any

from vision_agents.core import Agent, AgentLauncher, Runner, ServeOptions, User
from vision_agents.core.models import LoadedModel, WorkerStats
from vision_agents.serving import Limits
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS

SLOTS = 10

# Bytes of networks.
ALL_PARTS = 215_000_000


def create_agent(**given: Any) -> Agent:
    return Agent(
        edge=given.get("edge") or LoopEdge(),
        agent_user=User("agent", "Ada"),
        llm=ScriptedLLM(["One two three."]),
        stt=ScriptedSTT(),
        tts=ToneTTS(),
        turn_detection=ScriptedDetector(),
    )


def for_callers(edge: Any) -> Agent:
    return create_agent(edge=edge)


async def join_call(agent: Agent, call_type: str, call_id: str) -> None:
    if call_id.startswith("broken"):
        raise ConnectionError("there is no such call")
    if call_id.startswith("slow"):
        await asyncio.sleep(3.0)
    async with agent.join(f"{call_type}:{call_id}"):
        agent.conversation.user_said(f"said to {os.getpid()}", "ann")
        await agent.finish()


def limits() -> Limits:
    """Those of a machine that is busy with other tests."""
    return Limits(lateness=9.0, loop_lag=9.0, cpu=99.0, memory=9.0, starting=1000)


class Heavy(AgentLauncher):
    """Makes agents as light as the others, which pass for those of a laptop: all parts computed here."""

    async def warm_up(self) -> list[LoadedModel]:
        return [*await super().warm_up(), LoadedModel("all parts", "1", ALL_PARTS, (), 1.0, WorkerStats(0, 1))]


def runner(create: Any = create_agent, join: Any = join_call) -> Runner:
    launcher = AgentLauncher(
        create,
        join,
        agent_idle_timeout=None,
        max_concurrent_sessions=SLOTS,
        participant_wait_timeout=0.0,
    )
    return Runner(launcher, ServeOptions(limits=limits(), drain=3600.0))


rooms = runner()
heavy = Runner(
    Heavy(create_agent, join_call, agent_idle_timeout=None, participant_wait_timeout=0.0),
    ServeOptions(limits=replace(limits(), cpu=Limits().cpu), drain=3600.0),
)
callers = runner(for_callers, None)
