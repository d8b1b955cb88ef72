import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vision_agents.plugins.llama import process
from vision_agents.plugins.llama.process import LlamaError, ModelProcess

from .stand_in import Asked, stand_in


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return stand_in(tmp_path, monkeypatch)


@pytest.fixture
def running(model: Path) -> Iterator[ModelProcess]:
    running = ModelProcess.start({"model": str(model)})
    yield running
    running.stop()
    assert not any(thread.is_alive() for thread in running._threads)
    assert not os.path.exists(running._folder)


def test_replies_go_to_whom_they_are_for(running: ModelProcess) -> None:
    asked = [Asked(running, say=[f"{n}a", f"{n}b"]) for n in range(5)]
    assert [one.texts for one in asked] == [[f"{n}a", f"{n}b"] for n in range(5)]


def test_a_request_is_cancelled_and_no_other(running: ModelProcess) -> None:
    other, mine = (Asked(running, hang=1) for _ in range(2))
    running.cancel({mine.number, 99})
    assert Asked(running, cancelled=1).texts == [f"[{mine.number}]"]
    assert not other.over
    assert not mine.over  # until it has really stopped
    Asked(running, release=1).end()
    assert mine.end()["done"]["reason"] == "cancelled"
    assert not other.over


def test_what_was_answered_is_not_cancelled(running: ModelProcess) -> None:
    asked = Asked(running, say=["x"])
    asked.end()
    running.cancel({asked.number})
    assert Asked(running, cancelled=1).texts == ["[]"]


def test_the_worker_hears_of_a_session_that_is_over(running: ModelProcess) -> None:
    running.forget(7)
    assert Asked(running, cancelled=1).texts == ["[-7]"]


def test_one_request_too_many_is_refused(running: ModelProcess) -> None:
    waiting = [Asked(running, wait=1) for _ in range(process.MOST_WAITING)]
    with pytest.raises(LlamaError, match="waiting for this model already"):
        Asked(running)
    assert running.queued() == len(waiting)
    running.stop()
    assert all("unloaded" in one.end()["error"] for one in waiting)


def test_what_was_done_and_how_long_it_took_is_counted(running: ModelProcess) -> None:
    Asked(running, say=["x"]).end()
    hanging = Asked(running, hang=1)
    running.cancel({hanging.number})
    Asked(running, release=1).end()
    hanging.end()
    Asked(running, wait=1)
    stats = running._meter.stats(running.queued())
    assert (stats.queued, stats.limit, stats.done, stats.cancelled) == (1, process.MOST_WAITING, 2, 1)
    assert 0 < stats.run_p50 <= stats.run_p95
    assert 0 < stats.wait_p50 <= stats.wait_p95


# --- a process that fails


def test_a_crash_ends_every_reply_with_its_reason(running: ModelProcess) -> None:
    asked = [*(Asked(running, hang=1) for _ in range(10)), Asked(running, say=["x"], die="out of memory")]
    for one in asked:
        assert "process ended: ggml: error: out of memory" in one.end()["error"]
    with pytest.raises(LlamaError, match="out of memory"):
        Asked(running)


@pytest.mark.parametrize("raw", ["no json", '{"id": 1}extra', "[1]", '{"id": 99, "done": {}}', "x" * (2 << 20)])
def test_nonsense_ends_the_process_and_not_us(running: ModelProcess, raw: str) -> None:
    assert "nonsense" in Asked(running, raw=raw).end()["error"]


def test_a_flood_of_text_ends_the_process(running: ModelProcess) -> None:
    assert "more text than tokens" in Asked(running, say=["x"] * 1000).end()["error"]


def test_a_process_that_does_not_read_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = "import sys, time; sys.stdin.readline(); print('{\"ready\": true}', flush=True); time.sleep(60)"
    running = ModelProcess.start({"model": str(stand_in(tmp_path, monkeypatch, deaf))})
    asked = [Asked(running, say=["x" * 100_000]) for _ in range(10)]
    running.stop()
    assert all("unloaded" in one.end()["error"] for one in asked)


def test_stopping_ends_the_process_and_what_waits_for_it(running: ModelProcess) -> None:
    waiting = Asked(running, hang=1)
    running.stop()
    assert "unloaded" in waiting.end()["error"]
    assert running._process.returncode is not None


def test_a_forked_process_leaves_it_to_the_one_that_started_it(
    running: ModelProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("os.getpid", lambda: 1)
        with pytest.raises(LlamaError, match="forked"):
            Asked(running)
        running.stop()
    assert Asked(running, say=["still there"]).texts == ["still there"]


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("import sys; sys.exit('the wrong error: kind')", "the wrong error: kind"),
        ("import sys; sys.exit('some.cpp:1: GGML_ASSERT(x <= y) failed')", "GGML_ASSERT"),
        ("import os; os.abort()", "exit status -6"),
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ('print(\'{"failed": "why"}\')', "cannot load"),
        ("print('gibberish')", "cannot load"),
    ],
)
def test_a_failing_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, complaint: str) -> None:
    model = stand_in(tmp_path, monkeypatch, script)
    with pytest.raises(LlamaError, match=complaint):
        ModelProcess.start({"model": str(model)})


def test_a_start_that_takes_for_ever_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = stand_in(tmp_path, monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(process, "LOAD_TIMEOUT", 0.1)
    with pytest.raises(LlamaError, match="was not loaded within"):
        ModelProcess.start({"model": str(model)})
