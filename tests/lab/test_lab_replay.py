"""Cases that were kept are decided again, and it is said which of the decisions are exact."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from vision_agents.core.floor import InterruptionPolicy
from vision_agents.core.floor import effects as fx
from vision_agents.core.trace import read_trace, recorded_policy
from vision_agents.core.trace.notes import UserTranscript
from vision_agents.core.trace.records import Record
from vision_agents.lab import pool
from vision_agents.lab.again import decide_again
from vision_agents.lab.decision import expected
from vision_agents.lab.kept import FOLDER, forget, keep, kept
from vision_agents.lab.replayed import described, replay_cases
from vision_agents.lab.result import CaseResult, LabResult
from vision_agents.lab.scenario import LabError, Scenario
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


def changed(records, kind, **facts):
    """The trace with other facts in each record of that kind."""
    return tuple(
        replace(record, fact=replace(record.fact, **facts)) if isinstance(record.fact, kind) else record
        for record in records
    )


def test_what_is_asked_for_is_compared_and_not_what_it_is_called_or_why():
    case, records = heard(0.3, "ignore")
    assert any(isinstance(record.fact, fx.Resume) for record in records)
    from_elsewhere = decide_again(case, records, {"rewind": "exact"})
    assert (from_elsewhere.case.decision, from_elsewhere.exact) == ("ignore", False)
    case = replace(case, began=0.0)  # The question before is a part of it.
    for other in (
        changed(records, fx.RecordTurn, text="tell me"),
        changed(records, fx.BeginReply, prepared=True),
        changed(records, fx.Hold, participant="bob"),
    ):
        assert not decide_again(case, other).exact
    assert decide_again(case, changed(records, fx.Resume, reason="it was short", evidence=())).exact
    assert decide_again(case, changed(records, fx.BeginReply, epoch=7)).exact


def test_whether_the_rest_was_taken_is_never_exact_after_another_commit():
    case, records = heard(0.6)
    going_on = replace(case, resumed=6.0)
    assert not decide_again(going_on, records, {"commit_speech": "0.4"}).exact


def test_a_notice_is_to_be_finished_and_then_answered():
    case = CaseResult("n", "notice", "suite", "uninterruptible", "after")
    hold, drop = fx.Hold(1, "ann"), fx.DropReply(1, "stalled")
    turn, answer = fx.RecordTurn("ann", "how long?"), fx.BeginReply(2, 1, True)

    def right(*facts, finished=None):
        return expected(case, "after", [(float(at), fact) for at, fact in enumerate(facts)], finished)

    assert right(turn, answer)
    assert right(turn, answer, hold), "that is another reply"
    assert not right(turn)
    assert not right(hold, turn, answer)
    assert not right(turn, drop, answer)
    assert not right(turn, answer, finished=False), "what was heard counts more"
    assert right(hold, turn, answer, finished=True)


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


@pytest.mark.parametrize("case_id", ["\u0436" * 250, "x" * 5000, "half \ud83d of a pair"])
def test_ids_are_of_any_length(tmp_path, case_id):
    _, records = heard(0.3, words=[("half \ud83d of a pair", 0.4)])
    keep(tmp_path, case_id, records)
    keep(tmp_path, case_id + "!", records[:1])
    assert [record.fact for record in kept(tmp_path, case_id)[1:]] == [record.fact for record in records[1:]]
    assert len(kept(tmp_path, case_id + "!")) == 1


def test_only_the_traces_of_the_cases_are_forgotten(tmp_path):
    _, records = heard(0.3)
    keep(tmp_path, "a", records)
    (tmp_path / FOLDER / "mine.jsonl").write_text("")
    forget(tmp_path, ["a", "b"])
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["mine.jsonl"]
    (tmp_path / FOLDER / "mine.jsonl").unlink()
    forget(tmp_path, ["a"])
    assert not any(tmp_path.iterdir())


def test_a_trace_that_cannot_be_kept_ends_the_run_and_says_why(tmp_path, monkeypatch):
    case, records = heard(0.6)
    monkeypatch.setattr(pool, "run_case", lambda *_, **__: SimpleNamespace(before=(), records=records))
    monkeypatch.setattr(pool, "measure", lambda _: case)
    scenario = Scenario(case.id, "interruption", "yield", "answering", 1.0, None)
    assert pool.run_cases([scenario], 1, keep_in=tmp_path) == (case,)
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match=r"the trace of yield-0.6 cannot be written to .*: Not a directory; make room"):
        pool.run_cases([scenario], 1, keep_in=tmp_path / "file")


def test_a_trace_of_another_run_is_refused(tmp_path):
    case, records = heard(0.6)
    records = (*records, Record(4.5, UserTranscript("ann", "wait", True)))
    keep(tmp_path, "c0", records)
    case = replace(case, id="c0", source="s0", evidence={"words": [[4.5, "ann", "wait", True]]})

    def decided(**other):
        policy = other.pop("policy", {})
        return replay_cases(tmp_path, LabResult((replace(case, **other),), policy), {}, jobs=1)

    assert decided().approximate == decided(policy={"commit_speech": "0.75"}).approximate == frozenset()
    for other in (
        {"policy": {"commit_speech": "1.1"}},
        {"decision": "ignore"},
        {"reason": "1.20 s of clear speech"},
        {"evidence": {"words": []}},
    ):
        with pytest.raises(LabError, match=r"the trace of c0 in .* is of another run than its lab\.json"):
            decided(**other)
    with pytest.raises(LabError, match="no policy setting 'mood'"):
        decided(policy={"mood": "good"})


def test_a_trace_without_its_policy_is_refused(tmp_path):
    _, records = heard(0.3)
    keep(tmp_path, "a", records[1:])
    with pytest.raises(LabError, match="has no session record"):
        kept(tmp_path, "a")


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
