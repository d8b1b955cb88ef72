"""Snapshots of a floor: where one of many ways has led, to go another way from there.

A snapshot is not a copy. The objects stay the same and get their contents back, which takes a tenth of the time.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, NamedTuple

from vision_agents.core.floor import InterruptionPolicy
from vision_agents.core.floor.vocabulary import Vocabulary

# What never changes, nor what it is made of. The two of the floor could be looked through as well, at length.
FIXED: set[type] = {int, float, str, bool, type(None), frozenset, InterruptionPolicy, Vocabulary}


class Kind(NamedTuple):
    """How to take an object's contents, what else they consist of, and how to put them back."""

    take: Callable[[Any], Any]
    parts: Callable[[Any], Iterable[object]]
    put: Callable[[Any, Any], object]


class Snapshot:
    """The contents of an object, and of all that it is made of."""

    def __init__(self, thing: object) -> None:
        self._contents = list(_contents(thing))

    def restore(self) -> None:
        """Make everything what it was."""
        for put, thing, content in self._contents:
            put(thing, content)


def _contents(root: object) -> Iterator[tuple[Callable[[Any, Any], object], object, Any]]:
    seen, waiting = set(), [root]
    while waiting:
        thing = waiting.pop()
        kind = type(thing)
        if kind in FIXED or id(thing) in seen:
            continue
        if isinstance(thing, enum.Enum):
            FIXED.add(kind)
            continue
        seen.add(id(thing))
        how = KINDS.get(kind) or _kind_of(kind)
        content = how.take(thing)
        waiting += how.parts(content)
        yield how.put, thing, content


def _kind_of(kind: type) -> Kind:
    """Learn how to deal with objects of a class."""
    names = [name for base in kind.__mro__ for name in base.__dict__.get("__slots__", ())]
    if not names:
        KINDS[kind] = Kind(lambda thing: dict(vars(thing)), dict.values, lambda thing, kept: vars(thing).update(kept))
    else:
        values = attrgetter(*names, "__class__")  # of one name it would not make a tuple
        setters = [getattr(kind, name).__set__ for name in names]

        def put(thing: Any, content: tuple[object, ...]) -> None:
            for set_, value in zip(setters, content, strict=False):
                set_(thing, value)

        KINDS[kind] = Kind(values, lambda content: content[:-1], put)
    return KINDS[kind]


def _refill(thing: Any, content: Any) -> None:
    thing.clear()
    thing.update(content)


def _extend(thing: Any, content: Any) -> None:
    thing.clear()
    thing.extend(content)


KINDS: dict[type, Kind] = {
    tuple: Kind(lambda thing: thing, lambda content: content, lambda thing, content: None),
    list: Kind(list, list, _extend),
    deque: Kind(list, list, _extend),
    set: Kind(set, set, _refill),
    dict: Kind(dict, lambda content: [*content, *content.values()], _refill),
}
