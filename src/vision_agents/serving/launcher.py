"""Makes an agent for each call, and says what it does there."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from vision_agents.core.agents import Agent, warm_up
from vision_agents.core.edge import CallSink, EdgeTransport
from vision_agents.core.models import LoadedModel
from vision_agents.core.participants import User
from vision_agents.core.settings import check_function, check_number
from vision_agents.core.tasks import GRACE, own_errors

CreateAgent = Callable[..., Agent | Awaitable[Agent]]
JoinCall = Callable[..., Awaitable[None] | None]

# How long an agent may take to be made, in seconds.
CREATE_TIMEOUT = 20.0


class CreateAgentError(RuntimeError):
    """No agent could be made. The message says why."""


class AgentLauncher:
    """Makes an agent for each call.

    Args:
        create_agent: a function, async or not, that returns a new Agent with parts of its own each time. If it has a
            parameter `edge`, callers who come by WebRTC get an agent too: it is called with their way in as `edge`.
        join_call: an async function that is called with `agent`, `call_type` and `call_id`; it has the agent join the
            call and returns when the agent is done there. By default the agent joins and stays until the end.
        agent_idle_timeout: seconds that an agent stays alone in a call. None for as long as the call lasts.
        max_concurrent_sessions: calls at a time, whatever the process could take. None for as many as it keeps up with.
        max_sessions_per_call: agents at a time in one call. None for any number.
        max_session_duration_seconds: after it an agent leaves. None for never.
        participant_wait_timeout: seconds that `agent.join` waits until somebody is there, unless it says so itself.

    Raises ValueError or TypeError for a number that cannot be one.
    """

    def __init__(
        self,
        create_agent: CreateAgent,
        join_call: JoinCall | None = None,
        agent_idle_timeout: float | None = 60.0,
        max_concurrent_sessions: int | None = None,
        max_sessions_per_call: int | None = 1,
        max_session_duration_seconds: float | None = None,
        *,
        participant_wait_timeout: float | None = 10.0,
    ) -> None:
        check_function("create_agent", create_agent, "an Agent")
        check_number("agent_idle_timeout", agent_idle_timeout, 0.0, optional=True)
        check_number("max_concurrent_sessions", max_concurrent_sessions, 1, whole=True, optional=True)
        check_number("max_sessions_per_call", max_sessions_per_call, 1, whole=True, optional=True)
        check_number("max_session_duration_seconds", max_session_duration_seconds, 0.001, optional=True)
        check_number("participant_wait_timeout", participant_wait_timeout, 0.0, optional=True)
        self.create_agent = create_agent
        self.join_call = join_call
        self.agent_idle_timeout = agent_idle_timeout
        self.max_concurrent_sessions = max_concurrent_sessions
        self.max_sessions_per_call = max_sessions_per_call
        self.max_session_duration_seconds = max_session_duration_seconds
        self.participant_wait_timeout = participant_wait_timeout
        self.takes_edge = "edge" in _parameters(create_agent)

    async def warm_up(self) -> list[LoadedModel]:
        """Make an agent, load its networks once for the process, and close it. Returns what is loaded in this process.

        Raises what is wrong with it.
        """
        return await warm_up(lambda: self.launch(_Nowhere() if self.takes_edge else None), freeze=True)

    async def launch(self, edge: EdgeTransport | None = None) -> Agent:
        """Make an agent, with `edge` as its way into the call where it takes one. Raises CreateAgentError."""
        making = asyncio.ensure_future(self._make(edge))
        # Not `asyncio.timeout`: that waits for as long as the function ignores its cancellation.
        try:
            await asyncio.wait([making], timeout=CREATE_TIMEOUT)
        finally:
            if not making.done():
                making.cancel()
                making.add_done_callback(_close_late)
        if not making.done():
            raise CreateAgentError(f"create_agent took more than {CREATE_TIMEOUT:.0f} s and was given up") from None
        agent = _made(making)
        if edge is not None and agent.edge is not edge:
            await agent.close()
            raise CreateAgentError("create_agent made an Agent with another edge: pass on the `edge` it is called with")
        agent.participant_wait_timeout = self.participant_wait_timeout
        return agent

    async def hold(self, agent: Agent, call_type: str, call_id: str) -> None:
        """Have `agent` do in the call what it is there for. Returns when that is over; raises what it raises."""
        join, what = (_stay, "the agent in its call") if self.join_call is None else (self.join_call, "join_call")
        await own_errors(_called(join, agent=agent, call_type=call_type, call_id=call_id), what)

    async def _make(self, edge: EdgeTransport | None) -> Any:
        given = {} if edge is None else {"edge": edge}
        return await own_errors(_called(self.create_agent, **given), "create_agent")


async def _called(function: Callable[..., Any], **given: Any) -> Any:
    """The result of a function of the program, be it an async one or not."""
    made = function(**given)
    return await made if inspect.isawaitable(made) else made


async def _stay(agent: Agent, call_type: str, call_id: str) -> None:
    """Be in the call until it is over."""
    call = await agent.create_call(call_type, call_id)
    async with agent.join(call, participant_wait_timeout=0.0):
        await agent.finish()


class _Nowhere(EdgeTransport):
    """A way into no call, for an agent that is made and never joins."""

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        raise RuntimeError("this agent was made to load its models, and joins no call")

    async def leave(self) -> None:
        """There is nothing to leave."""


def _made(making: asyncio.Future[Any]) -> Agent:
    error = making.exception()
    if error is not None:
        raise CreateAgentError(f"create_agent raised {type(error).__name__}: {error}") from error
    if not isinstance(agent := making.result(), Agent):
        raise CreateAgentError(f"create_agent returned {type(agent).__name__}; it must return an Agent")
    return agent


def _close_late(making: asyncio.Future[Any]) -> None:
    """Close an agent that comes when nobody waits for it any more."""
    if not making.cancelled() and making.exception() is None and isinstance(agent := making.result(), Agent):
        closing = asyncio.ensure_future(asyncio.wait_for(agent.close(), 2 * GRACE))
        closing.add_done_callback(lambda task: task.cancelled() or task.exception())


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ()
