"""What was heard is decided again under other settings, and each source by those that were chosen without it."""

import sys
from dataclasses import asdict, replace
from importlib import import_module
from types import SimpleNamespace

import pytest

from vision_agents.core.floor import InterruptionPolicy
from vision_agents.core.floor import events as ev
from vision_agents.core.trace.notes import VERSION, SessionStarted
from vision_agents.core.trace.records import Record
from vision_agents.lab.figures import figures
from vision_agents.lab.result import CaseResult
from vision_agents.lab.validation import AS_IT_IS, TRIED, left_out, under

WINDOW = 0.032
STARTED = 100.0


def heard(seconds, expect="yield", words=()):
    """A case in which the caller asks something, and then speaks clearly over the answer for so long, in `words`."""
    events = [
        *speech(0.5, 1.0),
        ev.TurnEnded(STARTED + 1.8, "ann", 0.9, None, 0.2),
        ev.TranscriptReceived(STARTED + 1.9, "ann", "tell me a story", True, 0.9),
        ev.TranscriptCompleted(STARTED + 1.9, "ann", 1),
        ev.AudioStarted(STARTED + 2.5, 1),
        *speech(4.0, seconds),
        *(ev.TranscriptReceived(STARTED + 4.2 + seconds, "ann", text, True, sure) for text, sure in words),
        ev.TimePassed(STARTED + 8.0),
    ]
    session = SessionStarted(VERSION, asdict(InterruptionPolicy()), {}, True, 0.0)
    records = [Record(0.0, session), *(Record(event.at - STARTED, event) for event in events)]
    return SimpleNamespace(
        scenario=SimpleNamespace(expect=expect, may_be_later=True),
        began=2.5,
        before=tuple(record for record in records if record.t < 2.5),
        records=tuple(record for record in records if record.t >= 2.5),
    )


def speech(begin, seconds):
    begin += STARTED
    windows = round(seconds / WINDOW)
    return [
        ev.SpeechStarted(begin, "ann", 0.95, 0.03),
        *(ev.SpeechContinued(begin + n * WINDOW, "ann", 0.95, n * WINDOW, -20.0) for n in range(1, windows + 1)),
        ev.SpeechEnded(begin + seconds + 0.1, "ann", windows * WINDOW, 0.1),
    ]


@pytest.mark.parametrize("expect", ["yield", "ignore"])
def test_what_was_heard_is_decided_again_under_each_value(expect):
    decided = {name: right == (expect == "yield") for name, right in under(heard(0.6, expect)).items()}
    assert len(decided) == 1 + sum(len(number.values) for number in TRIED)
    # 0.6 s that are over count as 0.9 s.
    assert decided[AS_IT_IS]
    assert decided["commit_speech=0.5"]
    assert not decided["commit_speech=1.1"]


def test_constants_of_the_strategies_are_tried_and_put_back():
    for _ in range(2):
        decided = under(heard(0.3, words=[("Tak mi", 0.4)]))
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
    every = dict.fromkeys(under(heard(0.6)), False)
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
