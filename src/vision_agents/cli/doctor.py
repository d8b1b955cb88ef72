"""`vision-agents doctor`: what this machine, and an agent on it, lack, and what to do about it."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from vision_agents.core.agents.factory import load_factory
from vision_agents.core.observability.explain import counted

from . import agent_checks, machine_checks
from .agent_factory import DEFAULT_AGENT
from .dry_run import dry_run
from .errors import FAILED, OK
from .findings import Finding, Level, installation, listing, one_line, problem

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_arguments(subparsers: Subparsers) -> None:
    """Add `doctor` to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="check this machine and an agent, and say what to change",
        description="Check this machine, and an agent that is made for it but joins no call. No provider is asked. "
        "The exit status is 1 if something keeps the agent from working, else 0.",
    )
    parser.add_argument(
        "agent",
        nargs="?",
        default=DEFAULT_AGENT,
        metavar="MODULE:FUNCTION",
        help="an async function that returns an Agent, as for `demo --agent` (default: the agent of local models)",
    )


def run(args: argparse.Namespace) -> int:
    """Print what was found. Returns 1 if a problem is among it, else 0. Raises AgentFactoryError for a wrong name."""
    findings = [*chain.from_iterable(check() for check in machine_checks.CHECKS), *examine(args.agent)]
    print(listing(findings))
    counts = {level: sum(finding.level is level for finding in findings) for level in Level}
    problems, suggestions = counts[Level.PROBLEM], counts[Level.ADVICE]
    install = installation(findings, machine_checks.packages())
    if install:
        print(f"\nAll that is missing: {install}")
    print(f"\n{counted(problems, 'problem')}, {counted(suggestions, 'suggestion')}")
    return FAILED if problems else OK


def examine(spec: str) -> Iterator[Finding]:
    """Check the agent that `module:function` makes. Raises AgentFactoryError if there is no such function."""
    try:
        factory, failure = load_factory(spec, "the argument"), None
    except ImportError as error:
        factory, failure = None, error
    # An import stops at the first plugin that is not installed: this tells of all.
    plugins = list(machine_checks.plugins(spec.partition(":")[0]))
    yield from plugins
    lacking = any(finding.level is Level.PROBLEM for finding in plugins)
    if failure is not None and not lacking:
        yield problem(
            spec, f"cannot be imported: {one_line(failure)}", "install what is missing, or correct the import"
        )
    if factory is None or lacking:
        return
    setup = asyncio.run(dry_run(spec, factory))
    yield from setup.findings
    for check in agent_checks.CHECKS:
        yield from check(setup)
