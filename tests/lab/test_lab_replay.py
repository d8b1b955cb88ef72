"""Cases that were kept are decided again, and it is said which of the decisions are exact."""

from dataclasses import replace

import pytest

from vision_agents.core.floor import InterruptionPolicy
from vision_agents.core.trace import read_trace, recorded_policy
from vision_agents.lab.again import decide_again
from vision_agents.lab.kept import FOLDER, keep, kept
from vision_agents.lab.replayed import described, replay_cases
from vision_agents.lab.result import CaseResult, LabResult
from vision_agents.lab.scenario import LabError
from vision_agents.lab.validation import number_of

from .heard_cases import heard


def test_a_case_that_goes_as_it_did_is_as_it_was():
    case, records = heard(0.6)
    case = replace(case, silence=0.08, decided_by="length")
    again = decide_again(case, records)
    assert (again.case, again.exact) == (case, True)


def test_a_sooner_interruption_is_exact_and_one_that_does_not_come_is_not():
    case, records = heard(0.6)
    assert (case.decision, case.right) == ("yield", True)
    sooner = decide_again(case, records, {"commit_speech": "0.4"})
    assert (sooner.case.decision, sooner.case.right, sooner.exact) == ("yield", True, True)
    never = decide_again(case, records, {"commit_speech": "1.1"})
    assert (never.case.decision, never.case.right, never.exact) == ("ignore", False, False)
    assert never.case.reason


def test_another_hold_makes_what_comes_after_it_approximate():
    case, records = heard(0.6)
    without = decide_again(case, records, {"hold": "false"})
    assert (without.case.decision, without.exact) == ("yield", False)


def test_what_is_kept_is_read_as_it_was_whatever_the_id(tmp_path):
    case, records = heard(0.3, words=[("tak mi", 0.4)])
    keep(tmp_path, "audio/../a b@-6", records)
    read = kept(tmp_path, "audio/../a b@-6")
    assert [record.fact for record in read[1:]] == [record.fact for record in records[1:]]
    assert decide_again(case, read).exact
    (path,) = (tmp_path / FOLDER).iterdir()
    assert recorded_policy(read_trace(path)) == InterruptionPolicy()
    with pytest.raises(LabError, match="run the lab with --keep"):
        kept(tmp_path, "other")
    path.write_text("no trace")
    with pytest.raises(LabError, match="cannot be read"):
        kept(tmp_path, "audio/../a b@-6")


def kept_run(folder):
    cases = [heard(0.6), heard(0.6, "ignore"), heard(0.3)]
    cases = [(replace(case, id=f"c{n}", source=f"s{n}"), records) for n, (case, records) in enumerate(cases)]
    for case, records in cases:
        keep(folder, case.id, records)
    failed = CaseResult("f", "interruption", "audio", "answering", "yield")
    return LabResult((*(case for case, _ in cases), failed))


def test_a_run_is_decided_again_kind_by_kind(tmp_path):
    before = kept_run(tmp_path)
    seen = []
    replayed = replay_cases(
        tmp_path, before, {"commit_speech": "1.1"}, jobs=1, progress=lambda *so_far: seen.append(so_far)
    )
    assert seen[-1] == (3, 3)
    assert [case.decision for case in replayed.now.cases] == ["ignore", "ignore", "ignore", "failed"]
    lines = described(replayed).splitlines()
    assert lines[0].startswith("- c0 ")
    assert lines[0].endswith("(approximate)")
    assert lines[1].startswith("+ c1 ")
    assert lines[2] == "1 cases became right (+), 1 wrong (-), 0 changed otherwise (~), 2 are the same"
    assert [line.split() for line in lines[-2:]] == [
        ["backchannel", "→", "ignore", "1", "0", "0.0", "%", "1", "100.0", "%", "–", "1"],
        ["interruption", "→", "yield", "3", "1", "33.3", "%", "0", "0.0", "%", "–", "1"],
    ]


def test_values_are_tried_and_judged_by_the_other_sources(tmp_path):
    replayed = replay_cases(tmp_path, kept_run(tmp_path), {}, [number_of("commit_speech=0.3,1.1")], jobs=1)
    rows = [line.split() for line in described(replayed).splitlines()[-4:]]
    assert rows[0] == ["value", "mean", "of", "kinds", "right", "chosen", "by"]
    # As it is one of two interruptions is right, with 0.3 both, with 1.1 only what is none.
    assert [(" ".join(row[:-4]), row[-4], row[-2]) for row in rows[1:]] == [
        ("as it is", "25.00", "1"),
        ("commit_speech=0.3", "50.00", "2"),
        ("commit_speech=1.1", "50.00", "1"),
    ]
