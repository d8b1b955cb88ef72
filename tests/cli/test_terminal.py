"""What commands say to those who look on: a line of progress, and colours."""

import io

import pytest

from vision_agents.cli.call_progress import CallProgress
from vision_agents.cli.colour import judged


class Terminal(io.StringIO):
    def isatty(self):
        return True


RECORDS = (
    {"t": 0.0, "state": "idle", "note": "SessionStarted"},
    {"t": 0.1, "state": "user speaking", "event": "SpeechStarted"},
    {"t": 2.0, "state": "thinking", "effect": "RecordTurn"},
    {"t": 4.0, "state": "speaking", "note": "InterruptionDecided"},
)


def test_a_call_says_where_it_is():
    stream = Terminal()
    progress = CallProgress(stream, 31.4)
    for record in RECORDS:
        progress(record)
    progress.close()
    first, second, third, after = (line.removesuffix("\x1b[K").rstrip() for line in stream.getvalue().split("\r")[1:])
    assert first == "   0.0 s of 31.4  idle           turns 0, spoken over 0"
    assert second == "   2.0 s of 31.4  thinking       turns 1, spoken over 0"
    assert third == "   4.0 s of 31.4  speaking       turns 1, spoken over 1"
    assert after == ""


@pytest.mark.parametrize(("at", "where"), [(0.4, "0.4 s of 0.5  "), (5.0, "5.0 s, the recording is over  ")])
def test_a_call_is_longer_than_the_recording_that_it_plays(at, where):
    stream = Terminal()
    CallProgress(stream, 0.5)({"t": at, "state": "speaking"})
    assert stream.getvalue().lstrip().startswith(where)


def test_a_file_gets_no_progress():
    stream = io.StringIO()
    progress = CallProgress(stream, 31.4)
    for record in RECORDS:
        progress(record)
    progress.close()
    assert stream.getvalue() == ""


TABLE = "goals\nsuite  yields  99 %  met\nsuite  ignores  80 %  NOT MET"


def test_goals_have_colours_on_a_terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    painted = judged(TABLE, Terminal())
    assert painted.splitlines()[1].endswith("\x1b[32mmet\x1b[0m")
    assert painted.splitlines()[2].endswith("\x1b[31mNOT MET\x1b[0m")


@pytest.mark.parametrize(("stream", "no_color"), [(io.StringIO(), ""), (Terminal(), "1")])
def test_and_nowhere_else(monkeypatch, stream, no_color):
    monkeypatch.setenv("NO_COLOR", no_color)
    assert judged(TABLE, stream) == TABLE
