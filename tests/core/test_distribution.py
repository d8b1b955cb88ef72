"""Another project's packages beside ours are told of in a sentence."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

from vision_agents.core.distribution import DISTRIBUTION, NAMESAKE


def test_it_is_the_one_that_is_installed() -> None:
    assert metadata.metadata(DISTRIBUTION)["Name"] == DISTRIBUTION


def imported(folder: Path) -> str:
    code = f"import sys; sys.path.append({str(folder)!r}); import vision_agents.core"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=True)
    return done.stderr


def test_alone_nothing_is_said(tmp_path: Path) -> None:
    assert imported(tmp_path) == ""


def test_beside_its_namesake_the_first_import_says_so_in_a_sentence(tmp_path: Path) -> None:
    info = tmp_path / "vision_agents-0.6.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAMESAKE}\nVersion: 0.6.9\n")
    warning = imported(tmp_path)
    assert f"{NAMESAKE} 0.6.9, another project" in warning
    assert f"pip uninstall {NAMESAKE}" in warning
    assert warning.count("UserWarning") == 1
