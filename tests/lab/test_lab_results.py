"""Figures, comparison, table and page: from cases that are written down here."""

import json
from dataclasses import replace

import pytest

from vision_agents.lab.compare import compare, described
from vision_agents.lab.figures import figures
from vision_agents.lab.page import lab_page
from vision_agents.lab.result import CaseResult, LabResult
from vision_agents.lab.scenario import LabError
from vision_agents.lab.table import table

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
    replace(TRUE, id="t3", response=-0.4, silence=None),
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
    assert (true.response.count, true.interposed) == (1, 1)
    assert true.word_error == pytest.approx(2 / 20)
    assert (cough.ignored.hits, cough.ignored.count, cough.stuck, cough.lost, cough.recovered) == (2, 3, 1, 7, 1)
    assert (cough.resume_gap.count, cough.resume_gap.p50) == (1, 0.3)
    assert (total.cases, total.yielded.count, total.ignored.count) == (7, 3, 3)


def test_the_table_has_a_line_for_each_kind():
    lines = table(figures(CASES)).splitlines()
    assert lines[0] == "suite: 7 cases"
    assert [line.split()[0] for line in lines[2:4]] == ["interruption", "vocal"]
    assert any(line.startswith("selectivity") and "66.7 % (2/3" in line for line in lines)


def test_a_result_is_read_as_it_was_written(tmp_path):
    result = LabResult(CASES, {"commit_speech": "0.5"})
    result.write(tmp_path / "lab.json", [row.record() for row in figures(CASES)])
    assert LabResult.read(tmp_path / "lab.json") == result


@pytest.mark.parametrize(
    "content", ["[", "[]", "{}", '{"cases": [], "version": 99}', '{"version": 1, "cases": [{"id": "x"}]}']
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
