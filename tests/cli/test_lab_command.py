"""`lab`: what it says of wrong arguments, and a small run from end to end."""

import argparse
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from vision_agents.cli import lab as lab_command
from vision_agents.cli.main import main
from vision_agents.lab.kept import keep
from vision_agents.lab.result import CaseResult, LabResult
from vision_agents.lab.scenario import LabError
from vision_agents.lab.signals import Heard, Silence, write_signals

from ..lab.heard_cases import heard

SUITE = """
groups:
  - {id: hum, kind: noise, expect: ignore, sound: {make: hum, seconds: 1}}
  - {id: fox, kind: interruption, expect: yield, sound: {clip: en/quick_brown_fox, seconds: 2}}
"""


@pytest.fixture
def lab(capsys):
    def run(*arguments):
        status = main(["lab", *map(str, arguments)])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


@pytest.mark.models
def test_a_run_writes_its_results_and_says_the_figures(lab, tmp_path):
    (tmp_path / "suite.yaml").write_text(SUITE)
    rng = np.random.default_rng(1)
    soundfile.write(tmp_path / "rain.wav", rng.normal(0, 0.01, 16_000), 16_000)
    clip = {"id": "rain", "file": "rain.wav", "kind": "noise", "onset_s": 0.0, "end_s": 1.0}
    (tmp_path / "manifest.json").write_text(json.dumps([clip]))
    out = tmp_path / "out"
    status, printed = lab("run", "--suite", tmp_path / "suite.yaml", "--audio", tmp_path, "--out", out, "--keep")
    assert status == 0
    assert "suite: 2 cases" in printed
    assert "audio: 1 cases" in printed
    result = LabResult.read(out / "lab.json")
    assert [(case.id, case.decision) for case in result.cases] == [
        ("hum-01", "ignore"),
        ("fox-01", "yield"),
        ("audio/rain", "ignore"),
    ]
    assert "fox-01" in (out / "lab.html").read_text()
    assert lab("compare", out / "lab.json", out / "lab.json")[1].splitlines()[0].endswith("3 are the same")
    # What was heard is decided as it was, and by a policy that wants more otherwise.
    status, printed = lab("replay", out)
    assert status == 0
    assert printed.splitlines()[0].endswith("3 are the same")
    printed = lab("replay", out, "--policy", "commit_speech=9", "strategies=length", "--only", "fox-01")[1]
    assert printed.startswith("- fox-01 ")
    # By its group in the suite.
    assert lab("replay", out, "--only", "fox", "--only", "hum")[1].splitlines()[0].endswith("2 are the same")


def test_a_run_without_traces_leaves_none_of_an_earlier_one(lab, tmp_path, monkeypatch):
    case, records = heard(0.6)

    def run_cases(scenarios, *_, keep_in, **__):
        for scenario in scenarios if keep_in is not None else ():
            keep(keep_in, scenario.id, records)
        return tuple(replace(case, id=scenario.id) for scenario in scenarios)

    monkeypatch.setattr("vision_agents.lab.pool.run_cases", run_cases)
    monkeypatch.setattr(lab_command, "fetch", lambda models: None)
    (tmp_path / "suite.yaml").write_text(SUITE)
    out = tmp_path / "out"
    run = ("run", "--suite", tmp_path / "suite.yaml", "--out", out, "--listen", "0")
    assert lab(*run, "--keep")[0] == 0
    (out / "traces" / "mine.jsonl").write_text("")
    assert lab("replay", out)[0] == 0
    # Those of cases that it does not have go, too.
    assert lab(*run, "--only", "fox-01")[0] == 0
    assert [path.name for path in (out / "traces").iterdir()] == ["mine.jsonl"]
    status, printed = lab("replay", out)
    assert (status, len(printed.splitlines())) == (2, 1)
    assert "run the lab with --keep" in printed


def test_what_must_not_be_fetched_is_named_before_a_case_is_run(lab, tmp_path, monkeypatch):
    monkeypatch.setenv("VISION_AGENTS_FETCH", "no")
    monkeypatch.setenv("VISION_AGENTS_MODELS", str(tmp_path / "none"))
    (tmp_path / "suite.yaml").write_text(SUITE)
    run = ("run", "--suite", tmp_path / "suite.yaml", "--out", tmp_path / "out")
    ears = "silero-vad smart-turn moonshine-tiny-en piper-en-us-joe"
    said = (
        "vision-agents: error: models are missing, and VISION_AGENTS_FETCH forbids to fetch them. "
        f"Run: vision-agents models pull {ears}"
    )
    assert lab(*run, "--no-voiceprint") == (2, f"{said} speech-clips\n")
    assert lab(*run) == (2, f"{said} ge2e speech-clips\n")
    assert lab(*run, "--only", "hum", "--no-voiceprint") == (2, f"{said}\n")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--listen", "-1", "a number of cases, 0 for none, not '-1'"),
        ("--listen", "x", "a number of cases, 0 for none, not 'x'"),
        ("--jobs", "²", "a number of processes from 1 to 64, not '²'"),
    ],
)
def test_numbers_that_are_none_are_refused(lab, capsys, option, value, says):
    with pytest.raises(SystemExit) as ended:
        lab("run", f"{option}={value}")
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_what_a_replay_cannot_show_is_said(lab, tmp_path):
    case, records = heard(0.6)
    keep(tmp_path, case.id, records)
    LabResult((replace(case, source=""),)).write(tmp_path / "lab.json", [])
    assert "not to be seen here" not in lab("replay", tmp_path, "--policy", "commit_speech=0.8")[1]
    status, printed = lab("replay", tmp_path, "--policy", "rewind_limit=0.5")
    assert status == 0
    assert "rewind_limit is not to be seen here: it acts on the sound" in printed
    status, printed = lab("replay", tmp_path, "--try", "commit_speech=0.5")
    assert (status, len(printed.splitlines())) == (2, 1)
    assert "nothing can be tried" in printed
    assert 'give the clips in manifest.json a "source"' in printed


def test_rules_are_tried_on_what_was_heard_before(lab, tmp_path):
    last = Silence(3.1, 3.3, None, 1.8, 0.99, ())
    turns = [Heard(name, "clip", name, name, (), 3.0, True, (last,)) for name in ("a", "b")]
    write_signals(tmp_path / "signals.json", turns)
    status, printed = lab("endpointing", "--signals", tmp_path / "signals.json", "--out", tmp_path / "out")
    assert status == 0
    assert "recordings as they are: 2 turns, 2 ends, 0 pauses" in printed
    assert "<svg" in (tmp_path / "out" / "endpointing.html").read_text()
    write_signals(tmp_path / "none.json", [])
    assert "there are no turns in" in lab("endpointing", "--signals", tmp_path / "none.json", "--out", tmp_path)[1]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "--audio", "nowhere"], "manifest.json"),
        (["run", "--suite", "nowhere.yaml"], "there is no suite nowhere.yaml; check --suite"),
        (["run", "--suite", "none"], "there are no recordings: give --audio"),
        (["run", "--level", "side_tak=-3"], "there are no recordings: give --audio"),
        (
            ["run", "--only", "thunder"],
            "no case is of the kind thunder, nor is that the id of a case or of its group; there",
        ),
        (["run", "--only", "backchannel", "--only", "thunder"], "no case is of the kind thunder"),
        (["run", "--only", "comands"], "Did you mean commands?"),
        (["run", "--only", "backchanel"], "Did you mean backchannel?"),
        (["run", "--policy", "mood=good"], "no policy setting 'mood'"),
        (["run", "--policy", "mood"], "takes NAME=VALUE"),
        (["endpointing"], "give --audio a folder of recordings, or --signals"),
        (["endpointing", "--audio", "nowhere"], "manifest.json"),
        (
            ["endpointing", "--signals", "nowhere.json"],
            "has no signals of `lab endpointing` (No such file or directory): give the",
        ),
        (["compare", "a.json", "b.json"], "a.json cannot be read"),
        (["replay", "nowhere"], "lab.json cannot be read"),
        (["replay", "nowhere", "--try", "mood=1"], "no number 'mood' to try"),
        (["replay", "nowhere", "--try", "commit_speech=nan"], "a number that is not negative"),
        (["replay", "nowhere", "--policy", "mood=good"], "no policy setting 'mood'"),
    ],
)
def test_wrong_arguments_are_one_line(lab, arguments, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, printed = lab(*arguments)
    assert status == 2
    assert complaint in printed
    assert len(printed.splitlines()) == 1
    assert not any(tmp_path.iterdir())


def test_recordings_are_run_beside_the_suite_or_alone(tmp_path, capsys):
    soundfile.write(tmp_path / "rain.wav", np.full(16_000, 0.01), 16_000)
    clip = {"id": "rain", "file": "rain.wav", "kind": "noise", "onset_s": 0.0, "end_s": 1.0}
    (tmp_path / "manifest.json").write_text(json.dumps([clip]))

    def chosen(*words):
        parser = argparse.ArgumentParser()
        lab_command.add_arguments(parser.add_subparsers())
        scenarios, _ = lab_command._chosen(parser.parse_args(["lab", "run", "--audio", str(tmp_path), *words]))
        return [scenario.id for scenario in scenarios], capsys.readouterr().err

    alone, said = chosen("--suite", "none")
    assert (alone, said) == (["audio/rain"], "")
    both, said = chosen()
    assert "audio/rain" in both
    assert len(both) > 100
    assert "cases of the suite, 1 of " in said
    assert "--suite none: these alone" in said


def test_recordings_of_several_folders_are_run_and_none_for_another(tmp_path):
    for name, id_ in (("one", "rain"), ("two", "wind"), ("three", "rain")):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "a.wav", np.full(16_000, 0.01), 16_000)
        clip = {"id": id_, "file": "a.wav", "kind": "noise", "onset_s": 0.0, "end_s": 1.0}
        (tmp_path / name / "manifest.json").write_text(json.dumps([clip]))

    def chosen(*names):
        parser = argparse.ArgumentParser()
        lab_command.add_arguments(parser.add_subparsers())
        words = [word for name in names for word in ("--audio", str(tmp_path / name))]
        scenarios, _ = lab_command._chosen(parser.parse_args(["lab", "run", "--suite", "none", *words]))
        return [scenario.id for scenario in scenarios]

    assert chosen("one", "two") == ["audio/rain", "audio/wind"]
    with pytest.raises(LabError, match="two cases audio/rain: give each group and recording an id of its own"):
        chosen("one", "two", "three")


@pytest.mark.parametrize("jobs", ["0", "many", "1000"])
def test_jobs_are_a_number(lab, jobs):
    with pytest.raises(SystemExit) as raised:
        lab("run", "--jobs", jobs)
    assert raised.value.code == 2


def test_compare_tells_what_changed(lab, tmp_path):
    case = CaseResult("c", "vocal", "suite", "answering", "ignore", sound="cough", decision="yield", reason="0.4 s")
    other = replace(case, decision="ignore", right=True, reason="too short")
    for name, of in (("a", case), ("b", other)):
        LabResult((of,)).write(tmp_path / f"{name}.json", [])
    status, printed = lab("compare", tmp_path / "a.json", tmp_path / "b.json")
    assert status == 0
    assert printed.splitlines()[0] == "+ c (cough), expected ignore: yield [0.4 s] → ignore [too short]"
