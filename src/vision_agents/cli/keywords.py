"""A keyword that a class or function does not take, and the one that was meant."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType, FunctionType, MethodType, ModuleType
from typing import Any

_PASSING_ON = ("vision_agents.cli.", "vision_agents.core.", "vision_agents.serving.")
_UNEXPECTED = re.compile(r"(?:(?P<of>[\w.<>]+)\(\) )?got an unexpected keyword argument '(?P<keyword>\w+)'")

_DEEPEST = 5
"""So many names one behind the other are followed: `vision_agents.core.agents.warm_up` has four."""


@dataclass(frozen=True, slots=True)
class Misspelt:
    """The class or function `made` takes no `keyword`; `meant` is the nearest that it takes.

    `where`: the file and line of the call.
    """

    made: Callable[..., Any]
    keyword: str
    meant: str
    where: str

    @property
    def name(self) -> str:
        """The name of `made`, as it is written in code."""
        # Here, because `--help` need not wait for the core.
        from vision_agents.core.labels import label

        return label(self.made) if isinstance(self.made, type) else f"{self.made.__name__}()"

    def __str__(self) -> str:
        return f"{self.name} takes no {self.keyword!r} ({self.where}): write {self.meant}=…"


def misspelt(error: BaseException) -> Misspelt | None:
    """The misspelt keyword that `error` is about; None if it is about something else, or nothing is near."""
    match = _UNEXPECTED.search(str(error)) if isinstance(error, TypeError) else None
    if match is None:
        return None
    # Here, as above.
    from vision_agents.core.suggestions import nearest

    keyword, trace = match["keyword"], error.__traceback__
    while trace is not None:
        # A function's own errors are raised where it is called; a class may pass on what it was given.
        called = () if trace.tb_next is not None else _functions_named(trace.tb_frame, match["of"])
        for made in (*_classes_named(trace.tb_frame), *called):
            takes = inspect.signature(made).parameters
            near = nearest(keyword, takes)
            if near is not None and keyword not in takes and _is_about(match["of"], made):
                return Misspelt(made, keyword, near, f"{trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}")
        trace = trace.tb_next
    return None


def _functions_named(frame: FrameType, name: str | None) -> Iterator[FunctionType]:
    """The functions of these packages that the frame's code names, and Python's errors call `name`."""
    for made in _named(frame):
        if isinstance(made, FunctionType) and made.__qualname__ == name and _is_ours(made):
            yield made


def _is_about(name: str | None, made: Callable[..., Any]) -> bool:
    """Tell whether an error that names `made.__init__`, as Python's own do, is about this class; others name none."""
    if not isinstance(made, type):
        return True
    return name is None or name.rpartition(".")[0] in {base.__qualname__ for base in made.__mro__}


def _classes_named(frame: FrameType) -> Iterator[type]:
    """The classes of these packages that the frame's code names."""
    for made in _named(frame):
        if isinstance(made, type) and _is_ours(made):
            yield made


def _named(frame: FrameType) -> Iterator[object]:
    """The objects that the frame's code names, by themselves or as attributes of one another, in `_DEEPEST` steps.

    Nothing for code of these packages themselves, which passes on what it was given.
    """
    if _passes_on(frame):
        return
    code, known = frame.f_code, {**frame.f_globals, **frame.f_locals}
    seen: dict[int, object] = {}
    named = (*code.co_names, *code.co_varnames, *code.co_cellvars, *code.co_freevars)
    reached = [known[name] for name in named if name in known]
    for _ in range(_DEEPEST):
        new = {id(each): each for each in reached if id(each) not in seen}
        yield from new.values()
        seen.update(new)
        reached = [_attribute(each, name) for each in new.values() for name in code.co_names]


def _attribute(of: object, name: str) -> object:
    """An attribute, without running anybody's code for it; None for none."""
    ours = isinstance(of, ModuleType) and of.__name__.startswith("vision_agents.")
    # Some modules here bring what they have when they are asked for it.
    found = getattr(of, name, None) if ours else inspect.getattr_static(of, name, None)
    return found.__func__ if isinstance(found, (staticmethod, classmethod, MethodType)) else found


def _is_ours(made: Callable[..., Any]) -> bool:
    return str(made.__module__).startswith("vision_agents.")


def _passes_on(frame: FrameType) -> bool:
    """Tell whether the frame's code is of these packages, plugins excepted."""
    return str(frame.f_globals.get("__name__")).startswith(_PASSING_ON)
