"""The knobs: what they take, and what they say of what they do not take."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields
from typing import Any

import pytest

from vision_agents.core.floor import InterruptionPolicy, policy


@pytest.mark.parametrize(
    ("knob", "value", "message"),
    [
        ("hold_limit", -0.1, "hold_limit is a number that is not negative, not -0.1"),
        ("hold_limit", float("nan"), "not nan"),
        ("hold_limit", float("inf"), "not inf"),
        ("hold_limit", "2", "hold_limit is a number that is not negative, not '2'"),
        ("hold_limit", True, "not True"),
        ("hold", 1, "hold is true or false, not 1"),
        ("queue_limit", 1.5, "queue_limit is a whole number that is not negative, not 1.5"),
        ("queue_limit", 0, "queue_limit must be at least 1, got 0"),
        ("rewind", "start", 'rewind is "word" or "exact", not \'start\''),
    ],
)
def test_a_wrong_value_is_refused_by_name(knob: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InterruptionPolicy(**{knob: value})


def test_whole_seconds_are_seconds() -> None:
    assert InterruptionPolicy(hold_limit=3).hold_limit == 3


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("hold", "false", False),
        ("hold", "True", True),
        ("commit_speech", "0.5", 0.5),
        ("queue_limit", "4", 4),
        ("rewind", "exact", "exact"),
    ],
)
def test_settings_from_a_command_line(name: str, text: str, value: object) -> None:
    assert getattr(InterruptionPolicy().override({name: text}), name) == value


def test_the_other_settings_stay() -> None:
    changed = InterruptionPolicy(hold_limit=1.0).override({"commit_speech": "0.5"})
    assert (changed.hold_limit, changed.commit_speech) == (1.0, 0.5)


def test_a_whole_number_of_seconds_may_be_set_to_a_fraction() -> None:
    assert InterruptionPolicy(hold_limit=1).override({"hold_limit": "0.5"}).hold_limit == 0.5


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("holdlimit", "1", "no policy setting 'holdlimit'; known are: hold, commit_speech"),
        ("hold", "yes", "hold is true or false, not 'yes'"),
        ("hold_limit", "soon", "hold_limit is a number that is not negative, not 'soon'"),
        ("hold_limit", "nan", "not nan"),
        ("queue_limit", "1.5", "queue_limit is a whole number"),
        ("rewind", "start", "rewind is"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InterruptionPolicy().override({name: text})


def test_every_knob_says_what_it_does() -> None:
    [definition] = [
        node for node in ast.parse(inspect.getsource(policy)).body if getattr(node, "name", "") == "InterruptionPolicy"
    ]
    assert isinstance(definition, ast.ClassDef)
    documented = {
        before.target.id
        for before, after in zip(definition.body, definition.body[1:], strict=False)
        if isinstance(before, ast.AnnAssign)
        and isinstance(before.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }
    assert documented == {knob.name for knob in fields(InterruptionPolicy)}
