"""Nothing inside core imports upwards, and the command that draws the floors would tell."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "layers"


def _load() -> Any:
    loader = SourceFileLoader("layers", str(SCRIPT))
    spec = spec_from_loader("layers", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


layers = _load()


def test_no_import_in_core_runs_back_up() -> None:
    assert layers.faults(layers.imports()) == []


def test_every_package_stands_on_a_floor_that_exists() -> None:
    there = {path.relative_to(layers.CORE).parts[0] for path in layers.CORE.rglob("*.py")} - {"__init__.py"}
    there = {name.removesuffix(".py") for name in there}
    assert there == {package for floor in layers.FLOORS for package in floor}


@pytest.mark.parametrize(
    ("path", "line", "fault"),
    [
        (
            "stt/stt.py",
            "from ..ears.lane import AudioLane",
            "stt imports ears, which is on a higher floor (stt/stt.py)",
        ),
        ("stt/stt.py", "from .. import agents", "stt imports agents, which is on a higher floor (stt/stt.py)"),
        ("epoch.py", "import vision_agents.core.events", "epoch imports events, which is on a higher floor (epoch.py)"),
        (
            "tts/tts.py",
            "def late():\n    from vision_agents.plugins import piper",
            "tts imports vision_agents.plugins.piper from outside core (tts/tts.py)",
        ),
        ("cellar/rat.py", "from ..epoch import Epoch", "cellar has no floor: give it one in scripts/layers"),
    ],
)
def test_an_arrow_back_is_found(tmp_path: Path, path: str, line: str, fault: str) -> None:
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(line)
    assert fault in layers.faults(layers.imports(tmp_path))


def test_a_circle_on_one_floor_is_found(tmp_path: Path) -> None:
    for one, other in (("stt", "tts"), ("tts", "stt")):
        (tmp_path / one).mkdir()
        (tmp_path / one / "a.py").write_text(f"from ..{other} import b")
    assert [fault for fault in layers.faults(layers.imports(tmp_path)) if fault.startswith("a circle")]


def test_the_command_draws_every_package_and_succeeds() -> None:
    ran = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=True)
    drawn = {line.split()[0] for line in ran.stdout.splitlines() if "→" in line}
    assert drawn == {package for floor in layers.FLOORS for package in floor}
