"""What was heard is decided again under other settings, and each source by those that were chosen without it."""

import sys
from dataclasses import replace
from importlib import import_module

import pytest

from vision_agents.core.floor import InterruptionPolicy
from vision_agents.lab.figures import figures
from vision_agents.lab.result import CaseResult
from vision_agents.lab.scenario import LabError
from vision_agents.lab.validation import AS_IT_IS, TRIED, Number, left_out, number_of, under

from .heard_cases import heard


@pytest.mark.parametrize("expect", ["yield", "ignore"])
def test_what_was_heard_is_decided_again_under_each_value(expect):
    decided = {name: right == (expect == "yield") for name, right in under(*heard(0.6, expect)).items()}
    assert len(decided) == 1 + sum(len(number.values) for number in TRIED)
    # 0.6 s that are over count as 0.9 s.
    assert decided[AS_IT_IS]
    assert decided["commit_speech=0.5"]
    assert not decided["commit_speech=1.1"]


def test_constants_of_the_strategies_are_tried_and_put_back():
    for _ in range(2):
        decided = under(*heard(0.4, words=[("Tak mi", 0.4)]))
        assert decided[AS_IT_IS]
        assert not decided["words.UNSURE=0"]
        assert decided["words.BELIEVED=0.5"]


def test_each_constant_that_is_tried_is_one_and_is_tried_on_both_sides():
    for number in TRIED:
        module = import_module(f"vision_agents.core.floor.{number.module or 'policy'}")
        usual = getattr(module if number.module else InterruptionPolicy(), number.name)
        assert min(number.values) < usual
        assert usual not in number.values
        assert max(number.values) > usual or number.name == "UNSURE", "nothing is to weigh more than a command"


def case(name, source, expect="yield", **right):
    every = dict.fromkeys(under(*heard(0.6)), False)
    settings = {AS_IT_IS: True, "commit_speech=0.5": True, **right}
    kind = "interruption" if expect == "yield" else "noise"
    return CaseResult(name, kind, "audio", "answering", expect, source=source, decision=expect, under=every | settings)


def test_a_source_is_judged_by_what_is_best_on_the_others():
    as_it_is = {AS_IT_IS: True, "commit_speech=0.5": False}
    shorter = {AS_IT_IS: False, "commit_speech=0.5": True}
    cases = [case("a", "shop", **as_it_is), case("b", "bank", **shorter), case("c", "zoo", **shorter)]
    # To shop alone the policy would fit as it is, and that is not to be seen. The other two agree, one against shop.
    assert left_out(cases) == {"a": False, "b": False, "c": False}
    cases.append(case("d", "farm", **shorter))
    assert left_out(cases) == {"a": False, "b": True, "c": True, "d": True}


def test_kinds_count_alike_however_many_cases_they_have():
    many = [case(f"i{n}", "bank", **{"commit_speech=0.5": False}) for n in range(9)]
    few = [case(f"n{n}", "bank", "ignore", **{AS_IT_IS: False, "commit_speech=0.5": False}) for n in range(2)]
    assert left_out([*many, *few, case("a", "shop", **{"commit_speech=0.5": False})])["a"]


def test_the_table_has_them_for_cases_with_a_source():
    cases = [case("a", "shop"), case("b", "bank"), replace(case("c", ""), under={})]
    (row, total) = figures(cases)
    assert (row.left_out.hits, row.left_out.count) == (2, 2)
    assert total.record()["left_out"]["value"] == 1.0


def test_no_other_module_has_a_copy_of_a_number_that_is_tried() -> None:
    floor = {module for name, module in sys.modules.items() if name.startswith("vision_agents.core.floor")}
    for number in TRIED:
        if number.module:
            own = import_module(f"vision_agents.core.floor.{number.module}")
            value = getattr(own, number.name)
            copies = [one.__name__ for one in floor - {own} if getattr(one, number.name, None) is value]
            assert copies == [], f"{number.name}: that copy stays as it is when the number is tried"


def test_a_number_to_try_is_one_of_the_policy_or_one_that_the_lab_tries() -> None:
    assert number_of("resume_after=0.1,0.3") == Number("resume_after", (0.1, 0.3))
    assert number_of("words.UNSURE=1") == Number("UNSURE", (1.0,), "strategies.words")
    with pytest.raises(LabError, match="no number 'rewind' to try"):
        number_of("rewind=1")
    with pytest.raises(LabError, match="--try takes NAME=VALUE"):
        number_of("commit_speech=much")


def test_whole_numbers_of_the_policy_are_tried_as_such() -> None:
    number = number_of("retries=0,2")
    assert number == Number("retries", (0.0, 2.0))
    with number.at(2.0, InterruptionPolicy()) as policy:
        assert policy.retries == 2


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("commit_speech=-1", "--try commit_speech: commit_speech is a number that is not negative"),
        ("commit_speech=0.5,nan", "is a number that is not negative"),
        ("commit_speech=inf", "is a number that is not negative"),
        ("retries=1.5", "retries is a whole number that is not negative"),
        ("queue_limit=0", "queue_limit must be at least 1"),
        ("words.UNSURE=nan", "words.UNSURE is tried from -2 to 2, not at nan"),
        ("words.UNSURE=-5", "words.UNSURE is tried from -2 to 2, not at -5"),
        ("words.FASTEST=-1", "words.FASTEST is tried from 0 to 1000, not at -1"),
        ("hold=1", "no number 'hold' to try"),
        ("rewind_limit=2", "rewind_limit cannot be tried: it acts on the sound"),
    ],
)
def test_a_value_that_a_number_cannot_have_is_refused(setting: str, complaint: str) -> None:
    with pytest.raises(LabError, match=complaint):
        number_of(setting)


def test_no_number_is_tried_beyond_its_bounds() -> None:
    for number in TRIED:
        if number.module:
            assert all(number.least <= value <= number.most for value in number.values)
