"""`replay` and `report`: the same decisions again, others under another policy, the same report."""

import json

import pytest


@pytest.fixture
def replay(vision_agents, capsys):
    def run(*arguments):
        status = vision_agents("replay", *arguments)
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


def test_a_recorded_call_replays_to_the_same_effects(called, replay):
    for path in (called, called / "trace.jsonl"):
        status, printed = replay(path)
        assert status == 0
        assert "every effect is the same" in printed


def test_an_effect_that_differs_is_listed_with_its_time(called, replay):
    path = called / "trace.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    commit = next(record for record in records if record.get("effect") == "Commit")
    start = next(record["t"] for record in records if record.get("note") == "RecordingStarted")
    commit["epoch"] = 7
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    status, printed = replay(path)
    assert status == 1
    assert f"{commit['t'] - start:.3f} s" in printed
    assert "recorded  Commit(epoch=7" in printed
    assert "replayed  Commit(epoch=1" in printed


def test_another_policy_tells_what_would_have_happened(called, replay):
    status, printed = replay(called, "--policy", "commit_speech=0.6", "resume_after=0.2")
    assert status == 0
    lines = printed.splitlines()
    assert lines[0] == "commit_speech 0.75 → 0.6"
    assert [line.split()[3] for line in lines if line.startswith("-") and " s  " in line] == ["commit"]
    assert [line.split()[3] for line in lines if line.startswith("+") and " s  " in line] == ["commit"]
    assert lines[-1].startswith("- 1 would not have happened, + 1 would have")


def test_the_recorded_policy_would_have_done_the_same(called, replay):
    status, printed = replay(called, "--policy", "hold=true")
    assert status == 0
    assert printed.splitlines()[0] == "the policy is the recorded one"
    assert printed.splitlines()[-1] == "nothing would have been different"


def test_of_a_setting_that_the_decisions_do_not_rest_on_it_is_said(called, replay):
    status, printed = replay(called, "--policy", "rewind_limit=0.5")
    assert status == 0
    assert printed.splitlines()[:2] == [
        "rewind_limit 1.0 → 0.5",
        "rewind_limit is not to be seen here: it acts on the sound, not on what the floor decides",
    ]


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("mood=good", "there is no policy setting 'mood'"),
        ("commit_speech", "takes NAME=VALUE"),
        ("commit_speech=soon", "is a number"),
        ("commit_speech=-1", "negative"),
        ("hold=perhaps", "is true or false"),
    ],
)
def test_a_policy_that_is_none(called, replay, setting, complaint):
    status, printed = replay(called, "--policy", setting)
    assert status == 2
    assert complaint in printed


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "there is no file"),
        (b"\xff\xfe\x00", "as the trace of a call"),
        (b"hello\nworld\n", "as the trace of a call"),
        (b'{"t": 0, "note": "words"}\n', "no session record"),
        (b'{"t": 0, "note": "SessionStarted", "version": 3, "policy": 1}\n', "policy"),
        (b'{"t": 0, "note": "SessionStarted", "version": 99}\n', "of version 99, this program reads version"),
    ],
)
def test_what_is_no_trace(tmp_path, replay, content, complaint):
    path = tmp_path / "trace.jsonl"
    if content is not None:
        path.write_bytes(content)
    status, printed = replay(path)
    assert status == 2
    assert complaint in printed
    assert len(printed.splitlines()) == 1


def test_the_report_is_made_again_from_the_folder_alone(called, vision_agents, capsys):
    before = (called / "report.json").read_text()
    (called / "report.json").unlink()
    (called / "report.html").unlink()
    assert vision_agents("report", called) == 0
    assert (called / "report.json").read_text() == before
    assert "1 committed, 1 resumed" in capsys.readouterr().out


def test_there_is_no_report_of_nothing(tmp_path, vision_agents, capsys):
    assert vision_agents("report", tmp_path) == 2
    assert "give the folder that" in capsys.readouterr().err
    (tmp_path / "trace.jsonl").write_text("no trace\n{}\n")
    assert vision_agents("report", tmp_path) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_misspelt_setting_is_told_which_was_meant(called, vision_agents, capsys):
    assert vision_agents("replay", called / "trace.jsonl", "--policy", "comit_speech=0.5") == 2
    assert "the policy has no comit_speech. Did you mean commit_speech?" in capsys.readouterr().err
