"""A recorded user, and a call with one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vision_agents.cli.main import main
from vision_agents.testing import virtual_time

HERE = Path(__file__).parent
RATE = 16_000


@pytest.fixture(scope="session")
def user_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user who asks, coughs over the answer, and then interrupts it."""
    samples = np.zeros(6 * RATE)
    for start, end in ((0.5, 1.5), (2.6, 2.75), (4.0, 5.0)):
        t = np.arange(round((end - start) * RATE)) / RATE
        samples[round(start * RATE) :][: len(t)] = 0.3 * np.sin(2 * np.pi * 150 * t)
    path = tmp_path_factory.mktemp("user") / "user.wav"
    soundfile.write(path, samples, RATE)
    return path


Command = Callable[..., int]


@pytest.fixture
def vision_agents(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command in virtual time, in the folder of the made-up agents; returns its exit status."""
    monkeypatch.setattr("asyncio.run", lambda coro, **_: virtual_time.run(coro, timeout=300.0))
    monkeypatch.chdir(HERE)

    def run(*arguments: object) -> int:
        return main([str(argument) for argument in arguments])

    return run


@pytest.fixture
def called(vision_agents: Command, user_wav: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The folder of a call that went well."""
    folder = tmp_path / "called"
    assert vision_agents("call", user_wav, "--out", folder, "--agent", "made_up_agents:counting") == 0
    capsys.readouterr()
    return folder
