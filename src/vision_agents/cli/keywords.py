"""A keyword that a class does not take, and the one that was meant."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, ModuleType

_PLUGINS = "vision_agents.plugins."
_PASSING_ON = ("vision_agents.cli.", "vision_agents.core.", "vision_agents.serving.")
_UNEXPECTED = re.compile(r"(?:(?P<of>[\w.<>]+)\(\) )?got an unexpected keyword argument '(?P<keyword>\w+)'")


def label(kind: type) -> str:
    """A class as it is written in code: `openai.LLM` for those of plugins."""
    if kind.__module__.startswith(_PLUGINS):
        return f"{kind.__module__.removeprefix(_PLUGINS).partition('.')[0]}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


@dataclass(frozen=True, slots=True)
class Misspelt:
    """`made` takes no `keyword`; `meant` is the nearest that it takes. `where`: the file and line of the call."""

    made: type
    keyword: str
    meant: str
    where: str

    def __str__(self) -> str:
        return f"{label(self.made)} takes no {self.keyword!r} ({self.where}): write {self.meant}=…"


def misspelt(error: BaseException) -> Misspelt | None:
    """The misspelt keyword that `error` is about; None if it is about something else, or nothing is near."""
    match = _UNEXPECTED.search(str(error)) if isinstance(error, TypeError) else None
    if match is None:
        return None
    # Here, because `--help` need not wait for the core.
    from vision_agents.core.suggestions import nearest

    keyword, trace = match["keyword"], error.__traceback__
    while trace is not None:
        for made in _ours_named(trace.tb_frame):
            takes = inspect.signature(made).parameters
            near = nearest(keyword, takes)
            if near is not None and keyword not in takes and _is_about(match["of"], made):
                return Misspelt(made, keyword, near, f"{trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}")
        trace = trace.tb_next
    return None


def _is_about(name: str | None, made: type) -> bool:
    """Tell whether an error that names `made.__init__`, as Python's own do, is about this class; others name none."""
    return name is None or name.rpartition(".")[0] in {base.__qualname__ for base in made.__mro__}


def _ours_named(frame: FrameType) -> Iterator[type]:
    """The classes of these packages that the frame's code names, by themselves or as attributes of modules.

    None for the code of these packages themselves, plugins excepted, which passes on what it was given.
    """
    if str(frame.f_globals.get("__name__")).startswith(_PASSING_ON):
        return
    names = frame.f_code.co_names
    known = {**frame.f_globals, **frame.f_locals}
    for found in [known[name] for name in (*names, *frame.f_code.co_varnames) if name in known]:
        attributes = [getattr(found, name, None) for name in names] if isinstance(found, ModuleType) else []
        for made in (found, *attributes):
            if isinstance(made, type) and made.__module__.startswith("vision_agents."):
                yield made
