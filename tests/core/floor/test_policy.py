"""The knobs: what they take, and what they say of what they do not take."""

from __future__ import annotations

import ast
import inspect
import json
import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from vision_agents.core.floor import InterruptionPolicy, policy
from vision_agents.core.floor import effects as fx
from vision_agents.core.floor import events as ev
from vision_agents.core.floor.strategies import BUILT_IN

from .story import ANN, kinds, knobs, speaking


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
        ("interruptible_by", "me", 'interruptible_by is "anyone" or "spoken_to", not \'me\''),
        ("interruptible_by", ["anyone"], "interruptible_by is"),
        (
            "strategies",
            ("length", "vibes"),
            "strategies is a tuple of different names out of length, detector, words, .*vibes",
        ),
        ("strategies", "words", "strategies is a tuple of different names"),
        ("strategies", ("length", 3), "strategies is a tuple of different names"),
        ("strategies", (["length"],), "strategies is a tuple of different names"),
        ("strategies", None, "strategies is a tuple of different names"),
        ("strategies", ("length", "length"), "strategies is a tuple of different names"),
        ("clear_speech", -1.0, "clear_speech is a number that is not negative"),
        ("late_transcript", "long", "late_transcript is a number that is not negative"),
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
        ("interruptible_by", "spoken_to", "spoken_to"),
        ("strategies", "length", ("length",)),
        ("strategies", " length, words ,", ("length", "words")),
        ("strategies", "", ()),
        ("clear_speech", "0.8", 0.8),
        ("late_transcript", "0", 0.0),
    ],
)
def test_settings_from_a_command_line(name: str, text: str, value: object) -> None:
    assert getattr(InterruptionPolicy().override({name: text}), name) == value


def test_it_comes_back_from_json_as_it_was() -> None:
    policy = InterruptionPolicy(
        strategies=("words", "length"), interruptible_by="spoken_to", late_transcript=0.5, hold=False
    )
    again = InterruptionPolicy(**json.loads(json.dumps(asdict(policy))))
    assert again == policy
    assert hash(again) == hash(policy)
    assert InterruptionPolicy(**json.loads(json.dumps(asdict(InterruptionPolicy())))) == InterruptionPolicy()


def test_all_strategies_vote_unless_told_otherwise() -> None:
    assert InterruptionPolicy().strategies == tuple(BUILT_IN)


def test_the_other_settings_stay() -> None:
    changed = InterruptionPolicy(hold_limit=1.0).override({"commit_speech": "0.5"})
    assert (changed.hold_limit, changed.commit_speech) == (1.0, 0.5)


def test_a_whole_number_of_seconds_may_be_set_to_a_fraction() -> None:
    assert InterruptionPolicy(hold_limit=1).override({"hold_limit": "0.5"}).hold_limit == 0.5


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("holdlimit", "1", "no policy setting 'holdlimit'; known are: hold, strategies, commit_speech, clear_speech, "),
        ("hold", "yes", "hold is true or false, not 'yes'"),
        ("hold_limit", "soon", "hold_limit is a number that is not negative, not 'soon'"),
        ("hold_limit", "nan", "not nan"),
        ("queue_limit", "1.5", "queue_limit is a whole number"),
        ("rewind", "start", "rewind is"),
        ("strategies", "length vibes", "strategies is a tuple of different names out of .*'length vibes'"),
        ("interruptible_by", "nobody", "interruptible_by is"),
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


# Another policy in mid-call.


def test_another_policy_holds_from_then_on() -> None:
    assert fx.Commit not in kinds(speaking().speaks(ANN, 3.0, 0.3))
    story = speaking()
    assert story.at(2.5, ev.PolicySet, knobs(commit_speech=0.25)) == []
    assert story.floor.policy.commit_speech == 0.25
    assert fx.Commit in kinds(story.speaks(ANN, 3.0, 0.3))
    story.end()


def test_another_limit_holds_for_those_who_wait() -> None:
    story = speaking()
    story.at(3.0, ev.PolicySet, knobs(queue_limit=1))
    assert story.at(3.1, ev.ReplyRequested, 2) == []
    assert kinds(story.at(3.2, ev.ReplyRequested, 3)) == [fx.DropReply]


def test_other_strategies_hold_for_words_that_come_late() -> None:
    story = speaking()
    story.speaks(ANN, 5.0, 0.2)
    story.stops(ANN, 5.4, 0.2)
    story.until(6.61)
    story.at(6.7, ev.PolicySet, knobs(strategies=("length",)))
    assert story.at(7.0, ev.TranscriptReceived, ANN, "not Rome", True) == [fx.RecordOverheard(ANN, "not Rome")]
    story.at(7.1, ev.PolicySet, knobs())
    assert fx.RecordTurn(ANN, "not Milan") in story.at(7.2, ev.TranscriptReceived, ANN, "not Milan", True)


def test_the_floor_reads_every_setting_but_those_that_are_beyond_it() -> None:
    modules = [path for path in Path(policy.__file__).parent.rglob("*.py") if path.name != "policy.py"]
    read = {name for path in modules for name in re.findall(r"policy\.(\w+)", path.read_text(encoding="utf-8"))}
    assert {setting.name for setting in fields(InterruptionPolicy)} - read == set(policy.BEYOND)
