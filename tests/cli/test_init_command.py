"""`vision-agents init`: the project that it makes passes its tests and can be talked to as it is."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from vision_agents.cli.dry_run import dry_run
from vision_agents.cli.errors import UNUSABLE
from vision_agents.cli.main import main
from vision_agents.core.agents.factory import load_factory


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "my-agent"]) == 0
    return tmp_path / "my-agent"


def test_it_has_all_that_a_project_has(project: Path) -> None:
    assert {path.name for path in project.iterdir()} == {"agent.py", "test_agent.py", "pyproject.toml", "README.md"}
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    assert settings["project"]["name"] == "my-agent"
    assert settings["project"]["dependencies"] == ["interruptible-agents[local]"]
    assert (project / "README.md").read_text().startswith("# my-agent\n")
    assert not any("$" in path.read_text() for path in project.iterdir())
    ast.parse((project / "agent.py").read_text())
    named = {name for path in project.iterdir() for name in re.findall(r"[\w/-]+\.(?:md|py)\b", path.read_text())}
    assert [name for name in named if not (project / name).exists()] == []


@pytest.mark.parametrize("found", [True, False])
def test_it_says_how_the_shell_finds_our_programs(found, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    programs = tmp_path / "an env" / "bin"
    programs.mkdir(parents=True)
    (programs / "activate").touch()
    (programs / "vision-agents").touch(mode=0o755)
    monkeypatch.setattr(sys, "prefix", str(programs.parent))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(programs) if found else str(tmp_path))
    assert main(["init", "my-agent"]) == 0
    said = capsys.readouterr().out
    assert (f". '{programs}/activate'" not in said) is found
    assert "    cd my-agent\n    vision-agents demo" in said


def test_its_tests_pass_at_once(project: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    # As in an environment of its own: nothing of this suite's settings.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_its_tests_fail_when_the_agent_is_another(project: Path) -> None:
    agent = project / "agent.py"
    agent.write_text(agent.read_text().replace("instructions=INSTRUCTIONS", 'instructions="Sing."'))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "instructions"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=180, check=False)
    assert "1 failed" in done.stdout


def test_its_agent_can_be_made_by_the_commands(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(project)
    monkeypatch.delitem(sys.modules, "agent", raising=False)
    setup = asyncio.run(dry_run("agent:make_agent", load_factory("agent:make_agent")))
    monkeypatch.delitem(sys.modules, "agent", raising=False)
    assert setup.complete, setup.findings
    assert set(setup.parts) >= {"llm", "stt", "tts", "turn_detection"}


@pytest.mark.parametrize("name", ["", "1st", "a b", "../up", "a/b", ".hidden"])
def test_a_name_that_is_none(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--", name]) == UNUSABLE
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_left_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "agent.py").write_text("mine")
    assert main(["init", "my-agent"]) == UNUSABLE
    assert "is not an empty folder: choose another name" in capsys.readouterr().err
    assert (project / "agent.py").read_text() == "mine"


def test_an_empty_folder_is_filled_and_what_is_next_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert main(["init", "mine"]) == 0
    assert (tmp_path / "mine" / "agent.py").exists()
    assert "cd mine\n    vision-agents demo --agent agent:make_agent" in capsys.readouterr().out
