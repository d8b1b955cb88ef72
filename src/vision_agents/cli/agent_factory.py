"""`--agent module:function`: the agent that a command makes, and the models that the default one needs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Container
from typing import TYPE_CHECKING, Any

from vision_agents.core.agents.factory import load_factory

from .errors import FAILED, CommandError

if TYPE_CHECKING:
    from vision_agents.core.agents import Agent
    from vision_agents.core.edge import EdgeTransport

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
    """Bring those of the models that are not on this machine.

    Raises CommandError, with what to do, if it cannot be, or ``VISION_AGENTS_FETCH`` forbids it.
    """
    from vision_agents.core.models import ModelError, ModelStore, ProgressBar, may_fetch

    store = ModelStore()
    try:
        # By name and size only: hashing them all would take a second of each start.
        missing = [status.model.name for status in store.status() if not status.present and status.model.name in models]
        if missing and not may_fetch():
            names = " ".join(missing)
            raise CommandError(
                "models are missing, and VISION_AGENTS_FETCH forbids to fetch them. "
                f"Run: vision-agents models pull {names}"
            )
        if missing:
            print("Fetching the models; this is done once.", file=sys.stderr)
            store.pull(missing, progress=ProgressBar())
    except ModelError as error:
        raise CommandError(str(error)) from None
