"""The trace is on disk as it happens, and its trouble is not the call's."""

import json
from pathlib import Path

import pytest

from vision_agents.core.observability.recorder import TraceWriter
from vision_agents.core.trace import read_trace

FULL = Path("/dev/full")


def test_a_record_is_in_the_file_before_the_next_thing_happens(tmp_path):
    writer = TraceWriter(tmp_path / "trace.jsonl")
    for n in range(3):
        writer({"t": float(n), "note": "words", "text": "schön\u2028 gesagt"})
        assert len(read_trace(tmp_path / "trace.jsonl")) == n + 1
    writer.close()
    writer.close()
    writer({"t": 4.0, "note": "too late"})
    assert [record["t"] for record in read_trace(tmp_path / "trace.jsonl")] == [0.0, 1.0, 2.0]
    assert writer.error is None


def test_what_json_does_not_know_is_written_as_its_text(tmp_path):
    with TraceWriter(tmp_path / "trace.jsonl") as writer:
        writer(
            {
                "t": 0.0,
                "note": "odd",
                "value": {
                    1,
                },
                "path": tmp_path,
            }
        )
    (line,) = (tmp_path / "trace.jsonl").read_text().splitlines()
    assert json.loads(line) == {"t": 0.0, "note": "odd", "value": "{1}", "path": str(tmp_path)}


@pytest.mark.skipif(not FULL.exists(), reason="the system has no device that is always full")
def test_a_full_disk_is_told_once_and_never_raised(caplog):
    writer = TraceWriter(FULL)
    writer({"t": 0.0, "note": "words"})
    writer({"t": 1.0, "note": "words"})
    writer.close()
    assert writer.error.errno == 28
    assert caplog.text.count("no longer written") == 1


def test_a_place_that_cannot_be_written_is_an_error_at_once(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        TraceWriter(tmp_path / "nowhere" / "trace.jsonl")
