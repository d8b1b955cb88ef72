"""A keyword that a class or function does not take, and the one that was meant."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType, FunctionType, ModuleType
from typing import Any

_PASSING_ON = ("vision_agents.cli.", "vision_agents.core.", "vision_agents.serving.")
_UNEXPECTED = re.compile(r"(?:(?P<of>[\w.<>]+)\(\) )?got an unexpected keyword argument '(?P<keyword>\w+)'")


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
        called = () if trace.tb_next is not None or _passes_on(trace.tb_frame) else _functions(match["of"])
        for made in (*_ours_named(trace.tb_frame), *called):
            takes = inspect.signature(made).parameters
            near = nearest(keyword, takes)
            if near is not None and keyword not in takes and _is_about(match["of"], made):
                return Misspelt(made, keyword, near, f"{trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}")
        trace = trace.tb_next
    return None


def _functions(name: str | None) -> Iterator[FunctionType]:
    """The functions of these packages that Python's errors call `name`, such as `FunctionCaller.register_function`."""
    if name is None or name.endswith(".__init__"):
        return
    for module in [module for key, module in sys.modules.items() if key.startswith("vision_agents.")]:
        found: Any = module
        for part in name.split("."):
            found = getattr(found, part, None)
        if isinstance(found, FunctionType) and (found.__qualname__, found.__module__) == (name, module.__name__):
            yield found


def _is_about(name: str | None, made: Callable[..., Any]) -> bool:
    """Tell whether an error that names `made.__init__`, as Python's own do, is about this class; others name none."""
    if not isinstance(made, type):
        return True
    return name is None or name.rpartition(".")[0] in {base.__qualname__ for base in made.__mro__}


def _ours_named(frame: FrameType) -> Iterator[type]:
    """The classes of these packages that the frame's code names, by themselves or as attributes of modules.

    None for code of these packages themselves, which passes on what it was given.
    """
    if _passes_on(frame):
        return
    names = frame.f_code.co_names
    known = {**frame.f_globals, **frame.f_locals}
    for found in [known[name] for name in (*names, *frame.f_code.co_varnames) if name in known]:
        attributes = [getattr(found, name, None) for name in names] if isinstance(found, ModuleType) else []
        for made in (found, *attributes):
            if isinstance(made, type) and made.__module__.startswith("vision_agents."):
                yield made


def _passes_on(frame: FrameType) -> bool:
    """Tell whether the frame's code is of these packages, plugins excepted."""
    return str(frame.f_globals.get("__name__")).startswith(_PASSING_ON)
