"""`vision-agents doctor`: what this machine, and an agent on it, lack, and what to do about it."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from vision_agents.core.agents.factory import AgentFactoryError, load_factory
from vision_agents.core.observability.explain import counted

from . import agent_checks, machine_checks
from .agent_factory import DEFAULT_AGENT
from .dry_run import dry_run
from .errors import FAILED, OK
from .findings import Finding, Level, installation, listing, one_line, problem
from .keywords import misspelt

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
    machine = chain.from_iterable(_outcome(check) for check in machine_checks.CHECKS)
    findings = [*machine, *examine(args.agent)]
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
    except AgentFactoryError:
        raise
    except (Exception, SystemExit) as error:
        factory, failure = None, error
    # An import stops at the first plugin that is not installed: this tells of all.
    source = spec.partition(":")[0]
    plugins = [] if isinstance(failure, SyntaxError) else list(_outcome(machine_checks.plugins, source))
    yield from plugins
    lacking = any(finding.level is Level.PROBLEM for finding in plugins)
    if failure is not None and not lacking:
        yield _not_imported(spec, failure)
    if factory is None or lacking:
        return
    try:
        setup = asyncio.run(dry_run(spec, factory))
    except (Exception, SystemExit) as error:  # Of a task that it began, say.
        yield problem(spec, f"cannot be examined: {_named(error)}", f"correct what {spec} gives the agent")
        return
    yield from setup.findings
    for check in agent_checks.CHECKS:
        found = list(_outcome(check, setup))
        # What keeps the agent from being made is told already, and may keep it from being checked.
        yield from found if setup.complete else (each for each in found if each.where != _failing(check))


def _outcome(check: Callable[..., Iterator[Finding]], *about: Any) -> Iterator[Finding]:
    """Findings of a check. One that fails is a finding too: there are others."""
    try:
        yield from check(*about)
    except (Exception, SystemExit) as error:
        yield problem(
            _failing(check), f"it failed: {_named(error)}", "correct the part that it is about; the other checks hold"
        )


def _failing(check: Callable[..., Iterator[Finding]]) -> str:
    return f"check {check.__name__}"


def _not_imported(spec: str, failure: BaseException) -> Finding:
    if isinstance(failure, SystemExit):
        return problem(spec, "ends the program when it is imported", 'begin it under `if __name__ == "__main__":`')
    if isinstance(failure, ImportError):
        return problem(
            spec, f"cannot be imported: {one_line(failure)}", "install what is missing, or correct the import"
        )
    if (wrong := misspelt(failure)) is not None:
        return problem(wrong.name, f"it takes no {wrong.keyword!r} ({wrong.where})", f"write {wrong.meant}=…")
    return problem(spec, f"cannot be imported: {_named(failure)}", f"correct {spec.partition(':')[0]}")


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {one_line(error)}"
