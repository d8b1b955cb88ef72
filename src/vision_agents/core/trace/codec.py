"""Dataclasses as JSON objects and back, with every value checked against its annotation."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

Json = dict[str, Any]


class TraceError(ValueError):
    """A trace that cannot be read. The message says where, and what is wrong with it."""


def encode(facts: Any) -> Json:
    """The fields of a dataclass, JSON-ready: nested dataclasses as objects, tuples as lists."""
    return {fact.name: _plain(getattr(facts, fact.name)) for fact in fields(facts)}


def decode(kind: type[T], facts: Mapping[str, Any]) -> T:
    """A `kind` made of a JSON object's fields. Raises TraceError for a value or a field that does not fit."""
    wanted = _annotations(kind)  # type: ignore[arg-type]  # a class can be hashed
    values = {}
    for name, value in facts.items():
        if name not in wanted:
            raise TraceError(f"the fields of {kind.__name__} do not fit: there is no {name}")
        if not fits(wanted[name], value):
            raise TraceError(f"{name} of {kind.__name__} cannot be {value!r}")
        values[name] = _built(wanted[name], value)
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise TraceError(f"the fields of {kind.__name__} do not fit: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return encode(value)
    return value


@cache
def _annotations(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def fits(wanted: Any, value: object) -> bool:
    """Return whether a JSON value can be what the annotation asks for. Numbers must be finite; a bool is no number."""
    origin, options = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (types.UnionType, typing.Union):
        return any(fits(option, value) for option in options)
    if origin is typing.Literal:
        return value in options
    if origin in (tuple, list):
        return isinstance(value, list | tuple) and all(fits(options[0], each) for each in value)
    if origin is not None:
        return isinstance(value, origin)
    if wanted is Any:
        return True
    if is_dataclass(wanted):
        return isinstance(value, dict)
    if wanted is bool or isinstance(value, bool):
        return wanted is bool and isinstance(value, bool)
    if wanted is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, wanted)


def _built(wanted: Any, value: Any) -> Any:
    """The value as the annotation has it: lists become tuples, objects the dataclasses that they stand for."""
    origin = typing.get_origin(wanted)
    if origin is types.UnionType:
        return _built(next(option for option in typing.get_args(wanted) if fits(option, value)), value)
    if origin in (tuple, list):
        return origin(_built(typing.get_args(wanted)[0], each) for each in value)
    if isinstance(wanted, type) and is_dataclass(wanted):
        return decode(wanted, value)
    return value
