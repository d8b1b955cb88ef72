"""Findings of `vision-agents doctor`, and their printed form."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from vision_agents.core.distribution import DISTRIBUTION


class Level(StrEnum):
    """The severity of a finding."""

    FINE = "fine"
    """As it should be."""
    ADVICE = "advice"
    """It works, and could work better, or otherwise than was meant."""
    PROBLEM = "problem"
    """It cannot work like this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`where` in the machine or the agent something is, `what` it is, and what to do `next` unless it is fine.

    `extra`: the one that brings what is missing, in place of `next`; `installation` is the command for all of them.
    """

    level: Level
    where: str
    what: str
    next: str = ""
    extra: str = ""


def fine(where: str, what: str) -> Finding:
    """Nothing to do."""
    return Finding(Level.FINE, where, what)


def advice(where: str, what: str, next: str) -> Finding:
    """Something to think about."""
    return Finding(Level.ADVICE, where, what, next)


def problem(where: str, what: str, next: str) -> Finding:
    """Something to put right."""
    return Finding(Level.PROBLEM, where, what, next)


def installation(findings: Iterable[Finding], packages: Mapping[str, Collection[str]]) -> str:
    """The command that installs every extra that is missing, "" for none. `packages`: those of each extra."""
    missing = list(dict.fromkeys(finding.extra for finding in findings if finding.extra))
    needed = [extra for extra in missing if not any(_within(extra, other, packages) for other in missing)]
    # As metadata spells extras: the pip of Python 3.11 knows no other spelling, and installs nothing.
    names = ",".join(sorted(needed)).replace("_", "-")
    return f'pip install "{DISTRIBUTION}[{names}]"' if names else ""


def _within(extra: str, other: str, packages: Mapping[str, Collection[str]]) -> bool:
    """Return whether the other extra brings all that this one does, and more."""
    return set(packages.get(extra, ())) < set(packages.get(other, ()))


def one_line(error: BaseException) -> str:
    """An error's message, whatever lines it has."""
    return " ".join(str(error).split()) or type(error).__name__


def listing(findings: Iterable[Finding]) -> str:
    """The findings in lines, what to do next under each."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.level:<8} {finding.where}: {finding.what}")
        if finding.next:
            lines.append(f"{'':<8}   -> {finding.next}")
    return "\n".join(lines)
