"""The kinds of the lab's cases: those that `--only` names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from vision_agents.core.suggestions import did_you_mean

from .errors import CommandError


class Case(Protocol):
    """A case, before it was run or after."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def kind(self) -> str:
        """The kind of sound in it."""


C = TypeVar("C", bound=Case)


def of_kinds(cases: Iterable[C], only: Sequence[str], *beside: str) -> list[C]:
    """The cases of these kinds, or ids; all if none is named. `beside`: kinds of what is no case.

    Raises CommandError if there is nothing of them.
    """
    cases = list(cases)
    kinds = (*sorted({case.kind for case in cases}), *beside)
    found = [case for case in cases if not only or {case.kind, case.id} & set(only)]
    if only and not found and not set(beside) & set(only):
        near = did_you_mean(only[0], kinds)
        raise CommandError(f"no case is of the kind {' or '.join(only)}; there are {', '.join(kinds)}.{near}")
    return found
