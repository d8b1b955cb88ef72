"""Agents of scripted parts, and hosts of them, for the tests of serving."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from vision_agents.core import Agent, Participant, User
from vision_agents.serving import AgentLauncher, CallHost, CallRequest, Limits
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT, ToneTTS

ANNA = Participant("anna")
ROOMY = Limits(lateness=9.0, loop_lag=9.0, cpu=99.0, memory=9.0, starting=1000)
"""Limits that a machine which is busy with other tests keeps."""


def scripted(edge: Any = None, **parts: Any) -> Agent:
    made: dict[str, Any] = {
        "edge": edge or LoopEdge(),
        "llm": ScriptedLLM(["One two three four five six seven eight nine ten."]),
        "stt": ScriptedSTT(["Hello?"]),
        "tts": ToneTTS(),
        "turn_detection": ScriptedDetector(),
    }
    return Agent(agent_user=User("agent", "Agent"), **made | parts)


async def create_agent(**_: Any) -> Agent:
    return scripted()


def roomy(**limits: Any) -> Limits:
    values = {name: getattr(ROOMY, name) for name in ("lateness", "loop_lag", "cpu", "memory", "starting")}
    return Limits(**values | limits)


@asynccontextmanager
async def hosting(
    create: Any = create_agent, *, limits: Limits | None = None, **options: Any
) -> AsyncIterator[CallHost]:
    traces = options.pop("traces", None)
    launcher = AgentLauncher(create, **{"participant_wait_timeout": 0.0} | options)
    host = CallHost(launcher, limits or roomy(sessions=launcher.max_concurrent_sessions), traces)
    await host.start()
    try:
        yield host
    finally:
        await host.close()
        assert not host.sessions


def calling(host: CallHost, call: str = "table", **more: Any) -> Any:
    return host.begin(CallRequest(call, **more))


def arrives(session: Any) -> Any:
    """Anna comes into the call of a session; returns the edge's side of it."""
    sink = session.agent.edge.sink
    sink.participant_joined(ANNA)
    return sink


async def until(condition: Any, seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
