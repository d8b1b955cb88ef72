"""The registry's actor, and the way to it: found by its name, made anew if it is gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import ray
from ray.exceptions import RayActorError

from vision_agents.core.agents.warm_up import freeze_objects

from .registry import Registry
from .spoken import spoken

P = ParamSpec("P")
R = TypeVar("R")

NAME = "registry"
NAMESPACE = "vision_agents"

# Calls that the registry may have open at a time: each wait of each client is one.
CONCURRENCY = 100_000

# Seconds in which the registry has to come back, and between two looks whether it has.
PATIENCE = 10.0
AGAIN = 0.2


class ClusterError(RuntimeError):
    """The cluster cannot be used. The message says what to do."""


class RegistryClient:
    """Asks the registry, of whom there is one in a cluster."""

    def __init__(self) -> None:
        self._actor = _actor()

    async def ask(
        self, method: Callable[Concatenate[Registry, P], Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Call `method` there. If the registry has died it is waited for; raises RayActorError if it does not come."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + PATIENCE
        while True:
            try:
                answer: R = await getattr(self._actor, method.__name__).remote(*args, **kwargs)
                return answer
            except RayActorError:
                if clock() > deadline:
                    raise
            await asyncio.sleep(AGAIN)
            with contextlib.suppress(RayActorError, ValueError):
                self._actor = _actor()

    async def is_of_this_version(self) -> bool:
        """Return whether the registry speaks as this process does: it outlives releases."""
        return hasattr(self._actor, "version") and await self._actor.version.remote() == spoken()

    def tell(
        self, method: Callable[Concatenate[Registry, P], Awaitable[Any]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Call `method` there, and do not wait for it. What is told so is told again by the reports of hosts."""
        getattr(self._actor, method.__name__).remote(*args, **kwargs)


def _actor() -> Any:
    options = {
        "name": NAME,
        "namespace": NAMESPACE,
        "lifetime": "detached",
        "get_if_exists": True,
        "num_cpus": 0,
        "max_restarts": -1,
        "max_concurrency": CONCURRENCY,
    }
    return ray.remote(RegistryActor).options(**options).remote(spoken())


class RegistryActor(Registry):
    """The registry on its actor's event loop. `version`: what those speak who had it started."""

    async def __init__(self, version: str) -> None:  # type: ignore[misc]
        super().__init__()
        # Serve does so in the hosts and fronts; this is none of its processes, and every start waits for it.
        freeze_objects()
        # Ray starts it again with the same argument, but from the files that there are by then.
        self._spoken = {version, spoken()}

    async def version(self) -> str:
        """Return what is spoken here: if hosts speak otherwise than this process, what nobody does."""
        return " and ".join(sorted(self._spoken))
