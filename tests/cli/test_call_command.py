"""`call`: a recorded user in, four files out; nothing is lost, whatever happens."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from vision_agents.cli import call
from vision_agents.cli.errors import UNUSABLE
from vision_agents.core.audio.files import WavWriter, map_wav, read_audio
from vision_agents.core.trace import read_trace

HERE = Path(__file__).parent
FILES = ["call.wav", "report.html", "report.json", "trace.jsonl"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def in_a_process(*arguments):
    command = [sys.executable, "-m", "vision_agents.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=180, check=False)


def test_a_call_with_a_cough_and_an_interruption(vision_agents, user_wav, tmp_path, capsys):
    folder = tmp_path / "new" / "call"
    status = vision_agents("call", user_wav, "--out", folder, "--agent", "made_up_agents:counting")
    printed = capsys.readouterr()
    assert (status, printed.err) == (0, "")
    assert names(folder) == FILES
    report = json.loads((folder / "report.json").read_text())
    cough, interruption = report["interruptions"]
    assert (cough["decision"], interruption["decision"]) == ("resume", "commit")
    assert cough["onset"] == pytest.approx(2.6, abs=0.006)
    assert interruption["onset"] == pytest.approx(4.0, abs=0.006)
    # Detected with the first 20 ms window, silent with the next frame.
    assert 0 < interruption["onset_to_silence"] <= 0.06
    assert interruption["said"] == "stop that"
    assert (
        f"{interruption['heard']} {interruption['unheard']}"
    ) == "one two three four five six seven eight nine ten eleven twelve."
    assert report["counts"]["turns"] == 2
    assert report["worst_delay"] == 0.0
    assert "2 interruptions: 1 committed, 1 resumed" in printed.out
    assert str(folder / "report.html") in printed.out


def test_the_recording_is_the_user_and_what_was_really_played(called, user_wav):
    samples, rate = map_wav(called / "call.wav")
    assert rate == 48_000
    user = read_audio(user_wav, 48_000).samples
    assert np.array_equal(samples[: len(user), 0], user)
    assert soundfile.info(called / "call.wav").channels == 2
    report = json.loads((called / "report.json").read_text())
    held = next(facts for facts in report["interruptions"] if facts["decision"] == "resume")
    quiet = samples[round(held["silence"] * rate) : round(held["resumed"] * rate) - 1, 1]
    assert np.abs(quiet).max() <= 32
    assert samples[:, 1].any()


def test_ctrl_c_keeps_what_there_is(user_wav, tmp_path):
    folder = tmp_path / "call"
    done = in_a_process("call", user_wav, "--out", folder, "--agent", "made_up_agents:interrupted")
    assert done.returncode == 130
    assert done.stderr.splitlines() == [f"vision-agents: interrupted; what there is of the call is in {folder}"]
    assert names(folder) == FILES
    assert 1.0 < soundfile.info(folder / "call.wav").duration < 6.0
    assert "RecordingEnded" in [record.get("note") for record in read_trace(folder / "trace.jsonl")]
    assert json.loads((folder / "report.json").read_text())["duration"] >= 1.0


def test_a_killed_process_leaves_a_call_that_can_be_reported(vision_agents, user_wav, tmp_path, capsys):
    folder = tmp_path / "call"
    done = in_a_process("call", user_wav, "--out", folder, "--agent", "made_up_agents:killed")
    assert done.returncode == -signal.SIGKILL
    assert names(folder) == ["call.wav", "trace.jsonl"]
    assert soundfile.info(folder / "call.wav").frames >= 48_000
    assert vision_agents("report", folder) == 0
    assert vision_agents("replay", folder) == 0
    assert names(folder) == FILES
    assert "every effect is the same" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("agent", "complaint"),
    [("impossible", "there is no such model"), ("unloadable", "the model is damaged")],
)
def test_an_agent_that_cannot_begin_leaves_the_folder_free(vision_agents, user_wav, tmp_path, capsys, agent, complaint):
    folder = tmp_path / "call"
    assert vision_agents("call", user_wav, "--out", folder, "--agent", f"made_up_agents:{agent}") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line
    assert list(folder.iterdir()) == []
    assert vision_agents("call", user_wav, "--out", folder, "--agent", "made_up_agents:counting") == 0


def test_an_error_within_the_call_is_reported_and_told_by_the_status(vision_agents, user_wav, tmp_path, capsys):
    folder = tmp_path / "call"
    assert vision_agents("call", user_wav, "--out", folder, "--agent", "made_up_agents:mute") == 1
    assert "lost my voice" in capsys.readouterr().out
    assert json.loads((folder / "report.json").read_text())["counts"]["errors"] >= 1


def test_a_disk_that_is_full_is_told_before_anything_is_loaded(vision_agents, user_wav, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(call, "disk_usage", lambda path: SimpleNamespace(free=100_000))
    folder = tmp_path / "call"
    assert vision_agents("call", user_wav, "--out", folder, "--agent", "made_up_agents:impossible") == UNUSABLE
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(r"no room for the call in .*: it takes [\d.]+ MB, and 0.1 MB are free; choose another --out", line)
    assert list(folder.iterdir()) == []


def test_a_disk_that_is_full_all_the_same_is_a_sentence(vision_agents, user_wav, tmp_path, capsys, monkeypatch):
    """A quota, or another program that was quicker."""

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(WavWriter, "__init__", full)
    assert vision_agents("call", user_wav, "--out", tmp_path / "call", "--agent", "made_up_agents:counting") == UNUSABLE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("cannot be written: No space left on device; choose another --out")


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process otherwise")
@pytest.mark.parametrize("agent", ["terminated", "hung_up"])
def test_what_ends_a_service_keeps_what_there_is_as_ctrl_c_does(user_wav, tmp_path, agent):
    folder = tmp_path / "call"
    done = in_a_process("call", user_wav, "--out", folder, "--agent", f"made_up_agents:{agent}")
    assert done.returncode == 130
    assert done.stderr.splitlines() == [f"vision-agents: interrupted; what there is of the call is in {folder}"]
    assert names(folder) == FILES
    assert "RecordingEnded" in [record.get("note") for record in read_trace(folder / "trace.jsonl")]
    assert json.loads((folder / "report.json").read_text())["duration"] >= 1.0


def test_a_disk_that_fills_up_is_told_and_the_trace_kept(vision_agents, user_wav, tmp_path, capsys, monkeypatch):
    write = WavWriter.write

    def full(writer, samples):
        if writer.frames >= 48_000:
            raise OSError(28, "No space left on device")
        write(writer, samples)

    monkeypatch.setattr(WavWriter, "write", full)
    folder = tmp_path / "call"
    assert vision_agents("call", user_wav, "--out", folder, "--agent", "made_up_agents:counting") == 1
    assert "not complete: [Errno 28] No space left" in capsys.readouterr().err
    assert names(folder) == FILES
    assert read_trace(folder / "trace.jsonl")[-1]["t"] > 6.0


def test_a_user_that_cannot_be_played_is_refused_before_anything_is_made(vision_agents, tmp_path, capsys):
    (tmp_path / "text.wav").write_text("no sound")
    for user, complaint in (("missing.wav", "there is no file"), ("text.wav", "cannot be read as audio")):
        status = vision_agents(
            "call", tmp_path / user, "--out", tmp_path / "call", "--agent", "made_up_agents:counting"
        )
        assert status == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert complaint in line
    assert not (tmp_path / "call").exists()


def test_a_folder_with_something_in_it_is_left_alone(vision_agents, user_wav, called, tmp_path, capsys):
    before = {path.name: path.read_bytes() for path in called.iterdir()}
    assert vision_agents("call", user_wav, "--out", called, "--agent", "made_up_agents:counting") == 2
    assert "choose another --out" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in called.iterdir()} == before
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert vision_agents("call", user_wav, "--out", out, "--agent", "made_up_agents:counting") == 2
        assert "choose another --out" in capsys.readouterr().err


def test_a_folder_that_is_empty_is_taken(vision_agents, user_wav, tmp_path):
    assert vision_agents("call", user_wav, "--out", tmp_path, "--agent", "made_up_agents:counting") == 0
    assert names(tmp_path) == FILES


@pytest.mark.parametrize("tail", ["-1", "61", "soon", "nan"])
def test_a_tail_that_is_no_time(vision_agents, user_wav, tmp_path, capsys, tail):
    with pytest.raises(SystemExit) as exit_:
        vision_agents("call", user_wav, "--out", tmp_path / "call", f"--tail={tail}")
    assert exit_.value.code == 2
    assert "is not a number of seconds from 0 to 60" in capsys.readouterr().err
