"""Preparing a process for its first call."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from ..llm import LLM
from ..models.networks import LoadedModel, NetworkLease, loaded_models, networks_of
from ..tasks import bounded, together
from .agent import Agent

Made = Callable[[], Any] | Callable[[], Awaitable[Any]]


async def warm_up(*what: object | Made, freeze: bool = False) -> list[LoadedModel]:
    """Load every network of agents or parts and run it once, so that the first call joins as fast as all others.

        await warm_up(lambda: make_agent(edge=Edge()))        # an agent: its parts' networks, its instructions
        await warm_up(silero.VAD(), smart_turn.TurnDetection())  # parts, which need not be started

    Nothing connects to a service, and nothing joins a call. What is loaded stays, see `core.models.loaded_models` and
    `unload`; what has been loaded before is not loaded again. Loading runs in threads; imports in a function do not.

    Args:
        what: agents and parts, or functions without arguments, async ones too, that make one. What a function made is
            closed again; a local model has then also read the instructions of an agent that was made so.
        freeze: take everything that lives now out of the garbage collector's rounds, for good (`gc.freeze`). A full
            round over the modules and weights of a local agent takes 10 to 20 ms, in which no frame is pulled. Do it
            once, when all is imported and loaded.

    Returns:
        What is loaded in this process now.

    Raises:
        ModelError: a model is not here, and cannot be fetched (FetchError, WrongHashError, DiskFullError, StoreError)
            or, with VISION_AGENTS_FETCH=no, must not be (MissingModelError). What else loading raises too; what is
            loaded by then stays.
    """
    async with AsyncExitStack() as stack:
        made = [await _make(each, stack) for each in what]
        leases = [NetworkLease(spec, "warm_up") for spec in networks_of(*made) if spec.kept]
        for lease in leases:
            stack.callback(lease.close)
        await together(*(lease.start() for lease in leases))
        for each, origin in zip(made, what, strict=True):
            if each is not origin and isinstance(each, Agent):
                await _read_instructions(each)
    if freeze:
        freeze_objects()
    return loaded_models()


def freeze_objects() -> None:
    """Take everything that lives now out of the garbage collector's rounds, for good.

    A full round over the modules of a process is a pause of some 10 ms to 100 ms, for whoever waits then.
    """
    gc.collect()
    gc.freeze()


async def _make(what: object, stack: AsyncExitStack) -> object:
    """The agent or part, which is closed with the stack if it was made here."""
    if not callable(what):
        return what
    made: Any = what()
    if inspect.isawaitable(made):
        made = await made
    stack.push_async_callback(bounded, made.close(), f"closing {type(made).__name__} after its warm-up")
    return made


async def _read_instructions(agent: Agent) -> None:
    llm = agent.llm
    if isinstance(llm, LLM) and networks_of(llm):
        await llm.start()
        await llm.warm(agent.instructions)
