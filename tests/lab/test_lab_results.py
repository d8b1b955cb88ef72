"""Figures, comparison, table and page: from cases that are written down here."""

import json
import re
from dataclasses import replace

import pytest

from vision_agents.lab.compare import compare, described
from vision_agents.lab.figures import figures, heard_figures, row_of
from vision_agents.lab.goals import goals
from vision_agents.lab.page import lab_page
from vision_agents.lab.plots import plots
from vision_agents.lab.result import VERSION, CaseResult, Cut, LabResult
from vision_agents.lab.scenario import LabError
from vision_agents.lab.table import goal_table, heard_table, table

TRUE = CaseResult(
    "t",
    "interruption",
    "suite",
    "answering",
    "yield",
    decision="yield",
    right=True,
    held=True,
    silence=0.08,
    reported_words=9,
    heard_words=10,
    response=0.5,
)
COUGH = CaseResult(
    "c", "vocal", "suite", "answering", "ignore", decision="ignore", right=True, held=True, resume_gap=0.3, pause=0.6
)
CASES = (
    TRUE,
    replace(TRUE, id="t2", decision="ignore", right=False, silence=0.12, reported_words=None, response=None),
    replace(TRUE, id="t3", response=-0.4, went_on=0.41, silence=None),
    replace(TRUE, id="t4", decision="failed", right=False, reason="<b>broken</b>"),
    COUGH,
    replace(COUGH, id="c2", resume_gap=None, stuck=True, lost=7),
    replace(COUGH, id="c3", decision="yield", right=False, recovered=True, resume_gap=None),
)


def test_each_kind_has_its_figures():
    rows = {row.kind: row for row in figures(CASES)}
    true, cough, total = rows["interruption"], rows["vocal"], rows["all"]
    assert (true.yielded.hits, true.yielded.count, true.failed, true.ignored.count) == (2, 3, 1, 0)
    assert true.silence.p50 == pytest.approx(0.10)
    assert (true.response.count, true.interposed, true.talked_over) == (1, 1, 1)
    early = row_of("suite", "interruption", [replace(TRUE, response=-0.4, went_on=0.4)])
    assert (early.interposed, early.talked_over) == (1, 0)
    assert true.word_error.value == pytest.approx(2 / 20)
    assert (cough.ignored.hits, cough.ignored.count, cough.stuck, cough.lost, cough.recovered) == (2, 3, 1, 7, 1)
    assert row_of("suite", "vocal", [replace(COUGH, decision="after"), TRUE]).later == 1
    assert (cough.resume_gap.count, cough.resume_gap.p50) == (1, 0.3)
    assert (total.cases, total.yielded.count, total.ignored.count) == (7, 3, 3)


def test_the_table_has_a_line_for_each_kind():
    lines = table(figures(CASES)).splitlines()
    assert lines[0] == "suite: 7 cases"
    assert [line.split()[0] for line in lines[2:4]] == ["interruption", "vocal"]
    assert any(line.startswith("selectivity") and "66.7 % [21–94] (2/3)" in line for line in lines)


def test_a_result_is_read_as_it_was_written(tmp_path):
    result = LabResult(CASES, {"commit_speech": "0.5"})
    result.write(tmp_path / "lab.json", [row.record() for row in figures(CASES)])
    assert LabResult.read(tmp_path / "lab.json") == result


@pytest.mark.parametrize(
    "content", ["[", "[]", "{}", '{"cases": [], "version": 99}', f'{{"version": {VERSION}, "cases": [{{"id": "x"}}]}}']
)
def test_what_is_no_result(content, tmp_path):
    (tmp_path / "lab.json").write_text(content)
    with pytest.raises(LabError, match=r"lab\.json"):
        LabResult.read(tmp_path / "lab.json")


def test_only_what_changed_is_told():
    after = (
        replace(TRUE, silence=0.09),
        replace(CASES[1], decision="yield", right=True),
        replace(CASES[2], decision="ignore", right=False),
        replace(COUGH, resume_gap=0.5),
        replace(COUGH, id="new"),
    )
    comparison = compare(LabResult(CASES), LabResult(after))
    assert [(change.mark, change.after.id) for change in comparison.changes] == [("+", "t2"), ("-", "t3"), ("~", "c")]
    assert comparison.new == ("new",)
    assert set(comparison.gone) == {"t4", "c2", "c3"}
    assert comparison.same == 1
    text = described(comparison, LabResult(CASES), LabResult(after))
    assert "1 cases became right (+), 1 wrong (-), 1 changed otherwise (~), 1 are the same" in text


def test_the_page_is_whole_and_safe():
    page = lab_page(LabResult(CASES))
    assert all(case.id in page for case in CASES)
    assert "&lt;b&gt;broken" in page
    assert "<b>broken" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert json.dumps("default-src 'none'")[1:-1] in page.replace("&#x27;", "'")


def test_of_what_no_case_was_run_no_figure_is_shown():
    page = lab_page(LabResult(tuple(case for case in CASES if case.expect == "ignore")))
    assert "<b>–</b><span>true interruptions that it yielded to: no case</span>" in page
    assert "<b>–</b><span>onset to silence, p50/p95: no case</span>" in page
    assert "– ms" not in page
    assert "– %" not in page


def test_side_talk_as_loud_as_the_caller_is_beside_the_others():
    rows = {row.kind: row for row in figures((COUGH, replace(COUGH, id="e", kind="side_talk_equal", right=False)))}
    assert (rows["side_talk_equal"].ignored.hits, rows["all"].ignored.hits, rows["all"].ignored.count) == (0, 1, 1)
    assert "not told apart by loudness" in table(list(rows.values()))


def test_a_false_stop_is_soon_over_or_it_is_not():
    stops = (
        COUGH,
        replace(COUGH, id="late", resume_gap=0.51),
        replace(COUGH, id="never", resume_gap=None, stuck=True),
        replace(COUGH, id="lost", decision="yield", right=False, resume_gap=None),
        replace(COUGH, id="none", held=False),
        replace(COUGH, id="idle", state="idle", resume_gap=None),
    )
    (row, _) = figures(stops)
    assert (row.soon.hits, row.soon.count) == (1, 4)


def test_who_decided_is_counted():
    cases = [replace(COUGH, id=str(n), decided_by=name) for n, name in enumerate(["words", "length", "words", None])]
    (row, _) = figures(cases)
    assert list(row.deciders.items()) == [("words", 2), ("length", 1)]
    assert "words 2, length 1" in table([row, _])


NOTICE = replace(TRUE, id="n", kind="notice", expect="after", decision="after", state="uninterruptible")


def test_what_is_answered_after_is_neither_yielded_to_nor_ignored():
    row, total = figures((NOTICE, replace(NOTICE, id="n2", decision="ignore", right=False)))
    assert (row.expect, row.right.hits, row.right.count) == ("after", 1, 2)
    assert (total.yielded.count, total.ignored.count) == (0, 0)
    assert "answered after   50.0 %" in table([row, total])


CUTS = (Cut("provider", 0, 1.0, 9, 10), Cut("provider", 0, 2.0, 20, 20), Cut("aligner: words", 0, 1.0, 9, 9))


def test_heard_words_by_their_source():
    provider, aligner = heard_figures(CUTS)
    assert provider.error.value == pytest.approx(1 / 30)
    assert (provider.off.hits, provider.off.count, provider.bias) == (1, 2, pytest.approx(-1 / 30))
    assert aligner.error.value == 0
    assert heard_table([provider, aligner]).splitlines()[2].split()[:3] == ["provider", "2", "3.33"]


def test_goals_are_met_or_not():
    found = {(goal.origin, goal.name): goal for goal in goals(figures(CASES), heard_figures(CUTS))}
    assert not found["suite", "yields to true interruptions"].met
    assert found["suite", "ignores: vocal"].measured == "66.7 % (2/3)"
    assert found["suite", "time to silence, median"].measured == "100 ms"
    assert not found["suite", "time to silence, median"].met
    assert not found["suite", "no sample lost or repeated"].met
    assert not found["speech", "heard-word error, provider times"].met
    assert found["suite", "answers, median"].measured == "500 ms"
    assert not found["suite", "answers, median"].met
    # One of two was answered before being done.
    assert found["suite", "answers when the caller is done"].measured == "50.0 % (1/2)"
    assert not any("aligner" in name for _, name in found)
    right = {goal.name: goal.met for goal in goals(figures([replace(TRUE, response=0.3), COUGH]))}
    assert set(right.values()) == {True}
    assert "NOT MET" in goal_table(list(found.values()))


def test_the_cuts_and_conditions_are_kept(tmp_path):
    result = LabResult(CASES, {}, ("primer: none",), CUTS)
    result.write(tmp_path / "lab.json", [])
    assert LabResult.read(tmp_path / "lab.json") == result
    page = lab_page(result)
    assert "primer: none" in page
    assert "Heard words" in page


@pytest.mark.parametrize("cuts", [3, [{}], [{"source": "x"}], ["x"]])
def test_what_are_no_cuts(cuts, tmp_path):
    (tmp_path / "lab.json").write_text(json.dumps({"version": VERSION, "cases": [], "cuts": cuts}))
    with pytest.raises(LabError, match=r"lab\.json"):
        LabResult.read(tmp_path / "lab.json")


def test_what_is_printed_fits_into_100_columns():
    times = {"silence": 1.234, "resume_gap": 2.345, "pause": 2.345, "response": 2.345, "dead_air": [2.345, 1.0]}
    talk = replace(COUGH, kind="side_talk_equal", origin="audio", decided_by="loudness", **times)
    cases = [replace(talk, id=str(n), lost=99, repeated=99) for n in range(10)]
    cases += [replace(TRUE, id=f"i{n}", kind="wrong_language", origin="audio", **times) for n in range(150)]
    rows = figures(cases)
    printed = "\n".join([table(rows), goal_table(goals(rows))])
    assert max(map(len, printed.splitlines())) <= 100
    assert "2345/2345" in printed
    assert "side_talk_equal → ignore" in printed


@pytest.mark.parametrize(("slowest", "ticks"), [(0.1, "0 200 400"), (0.43, "0 200 400 600"), (9.0, "0 200 400")])
def test_the_times_to_silence_fill_their_plot(slowest, ticks):
    page = plots([replace(TRUE, right=True, silence=silence) for silence in (0.06, slowest)])
    drawing = page.partition("Onset of an interruption")[2].partition("</svg>")[0]
    assert re.findall(r">(\d+)</text>", drawing)[: len(ticks.split())] == ticks.split()
    bars = [float(x) + float(width) for x, width in re.findall(r'<rect x="([\d.]+)"[^>]* width="([\d.]+)"', drawing)]
    assert 620 / 4 <= max(bars) <= 620
    assert ("1500 ms and more: 1 of 2" in drawing) == (slowest > 1.5)


def test_the_page_has_plots_and_wrong_cases_can_be_heard():
    faulty = replace(COUGH, id="heard", right=False, decision="yield")
    page = lab_page(LabResult((*CASES, faulty)), sounds={"heard": "data:audio/ogg;base64,AAAA"})
    assert "Onset of an interruption to silence, ms" in page
    assert "Decisions by kind" in page
    assert page.count("<audio") == 1
    assert 'src="data:audio/ogg;base64,AAAA"' in page
    assert "media-src data:" in page
    assert "<audio" not in lab_page(LabResult(CASES))
