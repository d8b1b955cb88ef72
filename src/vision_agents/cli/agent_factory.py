"""`--agent module:function`: an async factory of any Agent.

    async def make_agent(edge):            # my_agent.py
        return Agent(edge=edge, llm=…, …)

    vision-agents call user.wav --out call-1 --agent my_agent:make_agent

The function is called with the keyword `edge`: the EdgeTransport of the command, to hand to the agent.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Awaitable, Callable, Container
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import FAILED, CommandError

if TYPE_CHECKING:
    from vision_agents.core.agents import Agent
    from vision_agents.core.edge import EdgeTransport

AgentFactory = Callable[..., Awaitable[Any]]

DEFAULT_AGENT = "vision_agents.cli.default_agent:local_agent"


def add_agent_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--agent` to a command that makes one."""
    parser.add_argument(
        "--agent",
        default=DEFAULT_AGENT,
        metavar="MODULE:FUNCTION",
        help="an async function that is called with edge=… and returns an Agent; the module is looked for in the "
        "current directory too (default: an agent of local models, which needs no account)",
    )


def load_object(spec: str, where: str = "--agent") -> Any:
    """The object that `module:name` names. Raises CommandError, which calls the argument `where`, if there is none."""
    module_name, _, object_name = spec.partition(":")
    if not module_name or not object_name:
        raise CommandError(f"{where} takes MODULE:FUNCTION, as in my_agent:make_agent, not {spec!r}")
    if module_name.endswith(".py") or os.sep in module_name:
        raise CommandError(
            f"{where} takes the name of a module, not a path: write {_as_module(module_name)}:{object_name} "
            "and run the command where that module can be imported"
        )
    module = _import(module_name, where)
    found: Any = module
    for name in object_name.split("."):
        found = getattr(found, name, None)
    if found is None:
        raise CommandError(f"the module {module_name} ({_place(module)}) has no {object_name!r}: check {where}")
    return found


def load_factory(spec: str) -> AgentFactory:
    """The function that `module:function` names. Raises CommandError if there is none that can be awaited."""
    factory = load_object(spec)
    function_name = spec.partition(":")[2]
    call = factory if inspect.isroutine(factory) else getattr(factory, "__call__", None)  # noqa: B004
    if not inspect.iscoroutinefunction(call):
        raise CommandError(f"{spec} must be an async function that returns an Agent: write `async def`")
    try:
        inspect.signature(factory).bind(edge=None)
    except TypeError as error:
        raise CommandError(
            f"{spec} must be callable with edge=… alone ({error}): write `async def {function_name}(edge)`"
        ) from None
    made: AgentFactory = factory
    return made


async def make_agent(spec: str, edge: EdgeTransport, **options: Any) -> Agent:
    """Load the factory and call it, with options where it takes some.

    Raises CommandError if it returns anything else than an Agent that has `edge`.
    """
    from vision_agents.core.agents import Agent

    agent = await load_factory(spec)(edge=edge, **options)
    if not isinstance(agent, Agent):
        raise CommandError(f"{spec} returned {type(agent).__name__}; it must return an Agent", FAILED)
    if agent.edge is not edge:
        raise CommandError(f"{spec} made an Agent with another edge: pass on the `edge` it is called with", FAILED)
    return agent


def fetch_models(spec: str, thinks: bool = True) -> None:
    """Bring the models of the default agent that are not on this machine; another agent sees to its own.

    `thinks`: whether it does so by the built-in language model, which is then among them.

    Raises CommandError, with what to do, if that is not possible.
    """
    if spec == DEFAULT_AGENT:
        from .default_agent import LANGUAGE_MODEL, MODELS

        fetch([name for name in MODELS if thinks or name != LANGUAGE_MODEL])


def fetch(models: Container[str]) -> None:
    """Bring those of the models that are not on this machine. Raises CommandError, with what to do, if it cannot be."""
    from vision_agents.core.models import ModelError, ModelStore, ProgressBar

    store = ModelStore()
    try:
        # By name and size only: hashing them all would take a second of each start.
        missing = [status.model.name for status in store.status() if not status.present and status.model.name in models]
        if missing:
            print("Fetching the models; this is done once.", file=sys.stderr)
            store.pull(missing, progress=ProgressBar())
    except ModelError as error:
        raise CommandError(str(error)) from None


def _import(name: str, where: str) -> Any:
    here = os.getcwd()
    # A script's own folder is on the path, the folder it was called in is not.
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise CommandError(f"there is no module {name!r}, neither installed nor in {here}: check {where}") from None
        raise


def _as_module(path: str) -> str:
    return path.removesuffix(".py").strip("./").replace(os.sep, ".")


def _place(module: Any) -> str:
    return getattr(module, "__file__", None) or "a namespace package"
