"""Functions that a model may call."""

from __future__ import annotations

import asyncio
import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ..conversation import ToolCall

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

# A tool that has not returned by then is reported to the model as failed, in seconds.
TOOL_TIMEOUT = 30.0

_JSON_TYPES: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
}


@dataclass(frozen=True, slots=True)
class Tool:
    """A function with what a model must know of it. `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    function: Callable[..., Any]


class Tools:
    """The functions registered for one model."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}

    def __iter__(self) -> typing.Iterator[Tool]:
        return iter(tuple(self._tools.values()))

    def __len__(self) -> int:
        return len(self._tools)

    def register(self, function: FunctionT, name: str | None = None, description: str | None = None) -> FunctionT:
        """Offer `function` (async or plain, typed parameters) under `name`, described by its docstring if not told."""
        key = name or function.__name__
        text = description or inspect.getdoc(function) or ""
        self._tools[key] = Tool(key, text, _schema(function), function)
        return function

    async def call(self, call: ToolCall) -> Any:
        """Run the function. Plain functions run in a thread, so that they cannot stop the audio.

        Raises what the function raises, LookupError for an unknown name, TimeoutError after `TOOL_TIMEOUT` seconds.
        """
        tool = self._tools.get(call.name)
        if tool is None:
            raise LookupError(f"there is no function {call.name!r}; known are {sorted(self._tools) or 'none'}")
        async with asyncio.timeout(TOOL_TIMEOUT):
            if inspect.iscoroutinefunction(tool.function):
                return await tool.function(**call.arguments)
            result = await asyncio.to_thread(tool.function, **call.arguments)
            # A plain function around an async one, as decorators make them.
            return await result if inspect.isawaitable(result) else result


def result_text(result: Any) -> str:
    """A function's result as a model reads it: text as it is, anything else as JSON, or as Python writes it."""
    if isinstance(result, str):
        return result
    try:
        return json.dumps(result, default=str, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(result)


def _schema(function: Callable[..., Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(function)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        properties[parameter.name] = _json_type(hints.get(parameter.name, str))
        if parameter.default is parameter.empty:
            required.append(parameter.name)
    return {"type": "object", "properties": properties, "required": required}


def _json_type(hint: Any) -> dict[str, Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {"type": _JSON_TYPES.get(type(arguments[0]), "string"), "enum": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        options = [_json_type(a) for a in arguments if a is not type(None)]
        return options[0] if len(options) == 1 else {"anyOf": options}
    if origin is list and arguments:
        return {"type": "array", "items": _json_type(arguments[0])}
    return {"type": _JSON_TYPES.get(origin or hint, "string")}
