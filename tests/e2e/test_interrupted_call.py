"""The main job, whole: a recorded user asks, interrupts the answer and is answered again, by the real local models."""

import json

import numpy as np
import pytest

from vision_agents.cli.main import main
from vision_agents.core import PcmData
from vision_agents.core.audio.files import WavWriter
from vision_agents.core.observability.acoustics import Recording
from vision_agents.core.trace import read_trace, replay
from vision_agents.testing.clips import speech_clips

# The call takes the time that it takes.
pytestmark = [pytest.mark.models, pytest.mark.real_time]

RATE = 16_000
# Numbers, which the model says again: some seconds of answer. Time for that to begin and go on, then the interruption,
# then time for the second answer.
SCRIPT = (1.0, "en/counting", 2.2, "en/quick_brown_fox", 4.0)


def user_speech(path):
    """Write the user's side of the call to `path`; return when the interruption's clip begins."""
    clips = speech_clips(RATE)
    pieces = [PcmData.silence(part, RATE) if isinstance(part, float) else clips[part] for part in SCRIPT]
    writer = WavWriter(path, RATE, channels=1)
    writer.write(PcmData.concat(pieces).samples)
    writer.close()
    return sum(piece.duration for piece in pieces[:3])


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    folder = tmp_path_factory.mktemp("call")
    began = user_speech(folder / "user.wav")
    assert main(["call", str(folder / "user.wav"), "--out", str(folder / "out")]) == 0
    return folder / "out", began


def test_the_interruption_is_committed_and_what_was_heard_is_known(call):
    out, began = call
    report = json.loads((out / "report.json").read_text())
    commits = [i for i in report["interruptions"] if i["decision"] == "commit"]
    assert len(commits) == 1
    (commit,) = commits
    assert abs(commit["onset"] - began) < 0.5
    assert commit["heard"], "the agent was in mid-answer"


def test_the_agent_is_silent_from_the_hold_to_its_next_answer(call):
    out, _ = call
    report = json.loads((out / "report.json").read_text())
    (commit,) = [i for i in report["interruptions"] if i["decision"] == "commit"]
    recording = Recording.open(out / "call.wav")
    records = read_trace(out / "trace.jsonl")
    epoch_one = [r for r in records if r.get("effect") == "BeginReply" and r["epoch"] == 1]
    assert epoch_one, "the second question was answered"
    rate = recording.sample_rate
    # The frame that fades out, then not one sample of the old answer while the user speaks on.
    silent_from = commit["hold"] + 0.04
    end = commit["onset"] + 1.0
    assert not np.asarray(recording.agent[round(silent_from * rate) : round(end * rate)]).any()
    assert recording.first_audible(end, recording.duration) is not None


def test_the_trace_replays_to_the_same_effects(call):
    out, _ = call
    assert list(replay(read_trace(out / "trace.jsonl"))) == []
