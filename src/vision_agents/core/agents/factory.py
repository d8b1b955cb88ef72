"""Agent factories by name: `my_agent:make_agent` is the function `make_agent` of the module `my_agent`.

    async def make_agent(edge):            # my_agent.py
        return Agent(edge=edge, llm=…, …)

A factory is called with the keyword `edge`: the EdgeTransport to hand to the agent.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from ..suggestions import nearest
from ..tasks import is_async

AgentFactory = Callable[..., Awaitable[Any]]


class AgentFactoryError(ValueError):
    """A name that stands for no agent factory. The message says why, and what to write."""


def load_object(spec: str, where: str = "--agent") -> Any:
    """Import what `module:name` names; the module is looked for in the current folder too.

    Raises AgentFactoryError, which calls the argument `where`, if there is none, and what the module raises.
    """
    module_name, _, object_name = spec.partition(":")
    if not module_name or not object_name:
        raise AgentFactoryError(f"{where} takes MODULE:FUNCTION, as in my_agent:make_agent, not {spec!r}")
    if module_name.endswith(".py") or os.sep in module_name:
        raise AgentFactoryError(
            f"{where} takes the name of a module, not a path: write {_as_module(module_name)}:{object_name} "
            "and run the command where that module can be imported"
        )
    module = _import(module_name, where)
    found: Any = module
    for name in object_name.split("."):
        found = getattr(found, name, None)
    if found is None:
        raise AgentFactoryError(
            f"the module {module_name} ({_place(module)}) has no {object_name!r}: "
            + _advice(object_name, _public(module), f"check {where}{_factories(module)}")
        )
    return found


def load_factory(spec: str, where: str = "--agent") -> AgentFactory:
    """Import the factory that `module:function` names. Raises AgentFactoryError if that is none to be awaited."""
    factory = load_object(spec, where)
    function_name = spec.partition(":")[2]
    if not is_async(factory):
        raise AgentFactoryError(f"{spec} must be an async function that returns an Agent: write `async def`")
    try:
        inspect.signature(factory).bind(edge=None)
    except TypeError as error:
        raise AgentFactoryError(
            f"{spec} must be callable with edge=… alone ({error}): write `async def {function_name}(edge)`"
        ) from None
    made: AgentFactory = factory
    return made


def _import(name: str, where: str) -> Any:
    here = os.getcwd()
    # A script's own folder is on the path, the folder it was called in is not.
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            package, dot, missing = error.name.rpartition(".")
            near = nearest(missing, _modules(Path(here, *package.split("."))))
            advice = f"did you mean {package}{dot}{near}{name[len(error.name) :]}?" if near else f"check {where}"
            raise AgentFactoryError(f"there is no module {name!r}, neither installed nor in {here}: {advice}") from None
        raise


def _modules(folder: Path) -> list[str]:
    """The names under which what is in a folder is imported, packages without `__init__.py` too."""
    here = folder.iterdir() if folder.is_dir() else ()
    return sorted(path.stem for path in here if path.stem.isidentifier() and (path.suffix == ".py" or path.is_dir()))


def _advice(word: str, known: Iterable[str], otherwise: str) -> str:
    near = nearest(word, known)
    return f"did you mean {near}?" if near else otherwise


def _public(module: Any) -> list[str]:
    return [name for name in vars(module) if not name.startswith("_")]


def _factories(module: Any) -> str:
    """The names of the public async functions that a module defines, in a sentence; of none, nothing."""
    found = [(name, getattr(module, name)) for name in _public(module)]
    own = [name for name, each in found if inspect.iscoroutinefunction(each) and each.__module__ == module.__name__]
    return f" (it has {', '.join(own)})" if own else ""


def _as_module(path: str) -> str:
    return path.removesuffix(".py").strip("./").replace(os.sep, ".")


def _place(module: Any) -> str:
    return getattr(module, "__file__", None) or "a namespace package"
