"""Functions that a model may call."""

from __future__ import annotations

import asyncio
import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal, TypeVar

from ..conversation import Message, Role, ToolCall
from ..settings import check_number
from ..tasks import is_async

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

# What becomes of a call when the user interrupts the answer that it was made for.
OnInterrupt = Literal["finish", "cancel", "undo"]

# Seconds after which a caller who hears nothing asks whether anybody is there, less those that a filler takes to sound.
FILLER_AFTER = 2.0

# The keyword under which a function that takes a call back gets what the call returned, if it declares it.
RESULT = "result"

# What a model reads as the result of a function that returned None.
NOTHING = "null"

_JSON_TYPES: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
}


@dataclass(frozen=True, slots=True)
class Filler:
    """Words for a caller who waits: said once if an answer has said nothing when its functions run `after` seconds.

    Raises ValueError for an `after` that is negative, TypeError for one that is no number.
    """

    text: str
    after: float = FILLER_AFTER

    def __post_init__(self) -> None:
        check_number("after", self.after, 0.0)

    @classmethod
    def of(cls, filler: str | Filler | None) -> Filler | None:
        """Make one of a text. Raises TypeError for what is none."""
        if isinstance(filler, str):
            return cls(filler)
        if filler is not None and not isinstance(filler, Filler):
            raise TypeError(f"a filler is a text or a Filler, not {type(filler).__name__}")
        return filler


@dataclass(frozen=True, slots=True)
class Tool:
    """A function with what a model must know of it. `parameters` is a JSON Schema object.

    `on_interrupt`, `undo`, `effects`, `deliver`, `after_speech`, `filler`: see `Tools.register`.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    function: Callable[..., Any]
    on_interrupt: OnInterrupt = "finish"
    undo: Callable[..., Any] | None = None
    effects: bool = True
    deliver: bool = True
    after_speech: bool = False
    filler: Filler | None = None

    @property
    def stoppable(self) -> bool:
        """Return whether a running call can be cancelled. A plain function runs in a thread, which nothing can stop."""
        return is_async(self.function)

    async def take_back(self, call: ToolCall, result: Any) -> None:
        """Run `undo` for a call that returned `result`, None if it was stopped before. Raises what `undo` raises."""
        if self.undo is None:
            raise LookupError(f"{self.name} has nothing that takes it back: register it with undo=...")
        extra = {RESULT: result} if RESULT in _parameters(self.undo) else {}
        await _run(self.undo, {**call.arguments, **extra})


class Tools:
    """The functions registered for one model."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}
        # Called when there is another one.
        self.changed: Callable[[], None] = _nothing

    def __iter__(self) -> typing.Iterator[Tool]:
        return iter(tuple(self._tools.values()))

    def __len__(self) -> int:
        return len(self._tools)

    def find(self, name: str) -> Tool | None:
        """Returns None for an unknown name."""
        return self._tools.get(name)

    def get(self, name: str) -> Tool:
        """Raises LookupError for an unknown name."""
        try:
            return self._tools[name]
        except KeyError:
            known = sorted(self._tools) or "none"
            raise LookupError(f"there is no function {name!r}; known are {known}") from None

    def register(
        self,
        function: FunctionT,
        name: str | None = None,
        description: str | None = None,
        *,
        on_interrupt: OnInterrupt = "finish",
        undo: Callable[..., Any] | None = None,
        effects: bool = True,
        deliver: bool = True,
        after_speech: bool = False,
        filler: str | Filler | None = None,
    ) -> FunctionT:
        """Offer `function` (async or plain, typed parameters) under `name`, described by its docstring if not told.

        `on_interrupt` says what becomes of a call when the user interrupts the answer that it was made for:

        - "finish", the default, since what has effects outside should not be left half done: it goes on in the
          background, and the model is told its result. With `deliver` the agent tells it by itself at the next free
          moment; without, and when code interrupted, with whatever is asked next.
        - "cancel": an async function gets CancelledError. A plain one runs in a thread, which cannot be stopped: it
          goes on, and its result is dropped. Right for what only looks something up.
        - "undo": it is cancelled, and then `undo` takes back what it did; also when it had returned already, as long as
          the answer was still being made or spoken. `undo` is called with the same arguments, and with what the
          function returned as `result` if it declares a parameter of that name: None if the function was stopped. A
          plain function is taken back when its thread is done. A call that raised is not taken back.

        Calls that have not begun by then are not made.

        `effects`: it changes something outside. A call of it then begins only when the turn that it answers is certain
        and nobody is challenging the answer; until that is decided, it waits. False for what only looks something up:
        it may begin at once, and more than once for what the user says in the end.

        `after_speech`: a call of it begins only when all that the agent said before it was heard, as it should be with
        a transfer or the end of the call. If it is not heard, since the user interrupts, the call is not made, and the
        model is told so.

        `filler`: what is said if it takes long, instead of the agent's; "" for nothing.

        Raises ValueError or TypeError for what does not fit together.
        """
        key = name or function.__name__
        _check_undo(key, function, on_interrupt, undo)
        text = description or inspect.getdoc(function) or ""
        self._tools[key] = Tool(
            key,
            text,
            _schema(function),
            function,
            on_interrupt,
            undo,
            effects,
            deliver,
            after_speech,
            Filler.of(filler),
        )
        self.changed()
        return function

    async def call(self, call: ToolCall) -> Any:
        """Run the function. Plain functions run in a thread, so that they cannot stop the audio.

        Raises what the function raises, LookupError for an unknown name, ValueError for a call that is wrong in itself.
        """
        if call.wrong:
            raise ValueError(call.wrong)
        return await _run(self.get(call.name).function, call.arguments)


def _nothing() -> None:
    pass


async def _run(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    if is_async(function):
        return await function(**arguments)

    def call() -> Any:
        try:
            return function(**arguments)
        except StopIteration as error:  # No future can hold it, and nobody would hear of the result.
            raise RuntimeError("it raised StopIteration") from error

    result = await asyncio.to_thread(call)
    # A plain function around an async one, as decorators make them.
    return await result if inspect.isawaitable(result) else result


def _check_undo(name: str, function: Callable[..., Any], on_interrupt: str, undo: Callable[..., Any] | None) -> None:
    if on_interrupt not in typing.get_args(OnInterrupt):
        wanted = ", ".join(map(repr, typing.get_args(OnInterrupt)))
        raise ValueError(f"on_interrupt of {name} is {on_interrupt!r}: use one of {wanted}")
    if undo is None:
        if on_interrupt == "undo":
            raise ValueError(f"{name} is to be undone but nothing says how: pass undo=, a function that takes it back")
        return
    if on_interrupt != "undo":
        raise ValueError(f'{name} has an undo that would never run: pass on_interrupt="undo" too, or leave undo out')
    if not callable(undo):
        raise TypeError(f"undo of {name} must be a function, not {type(undo).__name__}")
    given = {key for key, parameter in _parameters(function).items() if parameter.kind is not parameter.VAR_POSITIONAL}
    taken = _parameters(undo)
    if RESULT in given and RESULT in taken:
        raise ValueError(f"{name} has an argument {RESULT!r}, the name under which undo gets its result: rename it")
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
        return
    missing = {key for key, parameter in _parameters(function).items() if parameter.kind in _NAMED} - set(taken)
    if missing:
        raise TypeError(f"undo of {name} is called with the same arguments, and does not take {sorted(missing)}")
    unknown = {
        key for key, parameter in taken.items() if parameter.kind in _NAMED and parameter.default is parameter.empty
    }
    if unknown - given - {RESULT}:
        raise TypeError(f"undo of {name} needs {sorted(unknown - given - {RESULT})}, which {name} is not called with")


_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


def result_text(result: Any) -> str:
    """A function's result as a model reads it: text as it is, anything else as JSON, or as Python writes it."""
    if isinstance(result, str):
        return result
    try:
        return json.dumps(result, default=str, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(result)


def nothing_to_tell(messages: Sequence[Message], tools: Tools) -> bool:
    """Return whether messages end with the results of functions that have effects and returned nothing (None)."""
    results = last_results(messages, tools)
    return bool(results) and all(tool is not None and tool.effects and text == NOTHING for tool, text in results)


def last_results(messages: Sequence[Message], tools: Tools) -> list[tuple[Tool | None, str]]:
    """Return the results of functions that messages end with, the last one first; None for a function that is gone."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    results = takewhile(lambda message: message.role is Role.TOOL, reversed(messages))
    return [(tools.find(names.get(result.tool_call_id or "", "")), result.text) for result in results]


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
