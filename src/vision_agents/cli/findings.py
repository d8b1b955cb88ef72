"""Findings of `vision-agents doctor`, and their printed form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


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
    """`where` in the machine or the agent something is, `what` it is, and what to do `next` unless it is fine."""

    level: Level
    where: str
    what: str
    next: str = ""


def fine(where: str, what: str) -> Finding:
    """Nothing to do."""
    return Finding(Level.FINE, where, what)


def advice(where: str, what: str, next: str) -> Finding:
    """Something to think about."""
    return Finding(Level.ADVICE, where, what, next)


def problem(where: str, what: str, next: str) -> Finding:
    """Something to put right."""
    return Finding(Level.PROBLEM, where, what, next)


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
