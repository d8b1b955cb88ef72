"""`vision-agents load`: the command from its start to its end, and everything that keeps it from starting."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest

from vision_agents.cli import load
from vision_agents.cli.main import main
from vision_agents.core.audio.files import WavWriter
from vision_agents.load_test.server import read_gauges

from ..serving.test_server import PATIENCE, command, environment, process


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    path = tmp_path / "anna.wav"
    writer = WavWriter(path, 16_000, channels=1)
    tone = 9000 * np.sin(2 * np.pi * 300 * np.arange(16_000) / 16_000)
    writer.write(tone.astype(np.int16).reshape(-1, 1))
    writer.close()
    return path


def sessions_at(url: str) -> float:
    with urlopen(f"{url}/metrics", timeout=PATIENCE) as answer:
        return read_gauges(answer.read().decode())["sessions"]


@pytest.mark.real_time
def test_a_server_is_called_and_ctrl_c_ends_it_with_what_there_is(tmp_path: Path, voice: Path) -> None:
    out = tmp_path / "out.html"
    arguments = ("--callers", "2,3", "--seconds", 5, "--audio", voice, "--out", out)
    with process(*command("serve", "served:roomy", "--port", 0)) as (_, url):
        run = subprocess.Popen(
            command("load", url, *arguments),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert run.stderr is not None
        said = [run.stderr.readline(), run.stderr.readline()]
        # The second number of callers has begun.
        assert said == ["2 callers for 5 s …\n", "3 callers for 5 s …\n"]
        deadline = time.monotonic() + PATIENCE
        while sessions_at(url) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        printed, errors = run.communicate(timeout=PATIENCE)
    assert (run.returncode, errors) == (130, "vision-agents: interrupted\n")
    rows = [line.split() for line in printed.splitlines()[2:4]]
    assert [row[0] for row in rows] == ["2", "3*"]
    # Nobody was answered: this agent hears nothing.
    assert all(row[6].startswith("0/") for row in rows)
    assert "stopped before its time" in printed
    assert "<svg" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give the URL of a server, or --in-process"),
        (("http://127.0.0.1:1", "--in-process", "x:y"), "and not both"),
        (("http://127.0.0.1:1",), "nothing answers at http://127.0.0.1:1"),
        (("127.0.0.1:8000",), "is no address of a server"),
        (("http://127.0.0.1:1", "--out", "/nowhere/x.html"), "cannot be written"),
        (("--in-process", "nowhere:agent"), "there is no module 'nowhere'"),
    ],
)
def test_what_keeps_it_from_starting_is_said_in_a_sentence(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["load", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--callers", "0"), "'0' is not numbers from 1"),
        (("--callers", "5,x"), "'5,x' is not numbers"),
        (("--callers", "9999"), "is not numbers"),
        (("--seconds", "nan"), "nan is not a number of seconds"),
        (("--seconds", "1"), "1 is not a number of seconds"),
    ],
)
def test_numbers_that_are_none(arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["load", "http://127.0.0.1:1", *arguments])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("name", ["nothing.wav", "text.wav", "empty"])
def test_recordings_that_cannot_be_used(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine.py").write_text("async def my_agent(edge): ...")
    monkeypatch.chdir(tmp_path)
    assert main(["load", "--in-process", "mine:my_agent", "--audio", name]) == 2
    assert name in capsys.readouterr().err


def test_one_caller_is_no_callers(
    voice: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def begin(launcher: Any, clips: Any, plan: Any, begun: Callable[[Any], None]) -> None:
        begun(SimpleNamespace(callers=1))
        begun(SimpleNamespace(callers=2))

    monkeypatch.setattr(load, "_in_process", begin)
    arguments: Any = SimpleNamespace(callers=(1, 2), seconds=30.0, audio=voice)
    asyncio.run(load._calls(arguments, launcher=SimpleNamespace(), rows=[]))  # type: ignore[arg-type]
    assert capsys.readouterr().err == "1 caller for 30 s …\n2 callers for 30 s …\n"


def test_an_agent_that_cannot_be_made(
    tmp_path: Path, voice: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.py").write_text("async def my_agent(edge):\n    raise ValueError('there is no key')\n")
    monkeypatch.chdir(tmp_path)
    assert main(["load", "--in-process", "broken:my_agent", "--audio", str(voice)]) == 2
    assert "create_agent raised ValueError: there is no key" in capsys.readouterr().err
