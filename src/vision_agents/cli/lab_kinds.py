"""The cases of the lab that `--only` names: by kind, by the group of a suite, or one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from vision_agents.core.suggestions import did_you_mean

from .errors import CommandError

# A suite numbers the cases of a group.
_NUMBERED = re.compile(r"([^/]+)-\d+(/.*)?")


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
    """The cases of these kinds, groups or ids; all if none is named. `beside`: kinds of what is no case.

    Raises CommandError for a name that nothing has.
    """
    cases = list(cases)
    named = {*beside, *(name for case in cases for name in _names(case))}
    for name in only:
        if name not in named:
            kinds = ", ".join((*sorted({case.kind for case in cases}), *beside))
            groups = ", ".join(sorted(set(filter(None, map(_group, cases)))))
            raise CommandError(
                f"no case is of the kind {name}, nor is that the id of a case or of its group; there are the kinds "
                f"{kinds}{' and the groups ' if groups else ''}{groups}.{did_you_mean(name, sorted(named))}"
            )
    return [case for case in cases if not only or not _names(case).isdisjoint(only)]


def _names(case: Case) -> set[str]:
    return {case.kind, case.id, *filter(None, [_group(case)])}


def _group(case: Case) -> str:
    """The id of the group in the suite that the case is of; empty for a recording."""
    numbered = _NUMBERED.fullmatch(case.id)
    return numbered[1] if numbered else ""
