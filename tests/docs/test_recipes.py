"""The recipes of CONTRIBUTING.md, followed to the letter, and its map of the house."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()

# "A new file `path`:", "At the end of `path`:", "In `path`, after `a line`:", each followed by a block of code.
STEP = re.compile(
    r"(?P<how>A new file|At the end of|In)\s`(?P<path>[^`]+)`(?:,\s(?P<side>after|before)\s`(?P<line>[^`]+)`)?:\n\n"
    r"```python\n(?P<code>.*?)```",
    re.DOTALL,
)
COMMAND = re.compile(r"```\n(pytest [^\n]+)\n```")


def recipe(title: str) -> str:
    """The text under a heading."""
    return PAGE.split(f"### {title}\n")[1].split("\n### ")[0].split("\n## ")[0]


def follow(text: str, folder: Path) -> None:
    """Do in `folder` what the steps of a recipe say."""
    for step in STEP.finditer(text):
        path, code = folder / step["path"], step["code"]
        if step["how"] == "A new file":
            assert not path.exists(), path
            path.write_text(code)
        elif step["how"] == "At the end of":
            path.write_text(f"{path.read_text()}\n\n{code}")
        else:
            path.write_text(inserted(path.read_text(), step["side"], step["line"], code))


def inserted(text: str, side: str, line: str, code: str) -> str:
    """Put code before or after the one line of the text that has `line` in it, as far to the right as that is."""
    lines = text.splitlines(keepends=True)
    places = [number for number, other in enumerate(lines) if line in other]
    assert len(places) == 1, f"{line!r} stands in {len(places)} lines"
    margin = re.match(" *", lines[places[0]])
    assert margin is not None
    lines.insert(places[0] + (side == "after"), textwrap.indent(code, margin[0]))
    return "".join(lines)


def run_pytest(arguments: list[str], folder: Path, *sources: Path) -> str:
    """Run the tests of a recipe, of which there must be some, in a process of their own."""
    # As `pytest` does, and `python -m` does not: the folder is no place to import from.
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sources)), "PYTHONSAFEPATH": "1"}
    surroundings.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_strategy(tmp_path: Path) -> None:
    text = recipe("A strategy")
    follow(text, tmp_path)
    command = COMMAND.search(text)
    assert command is not None
    for options in (["-c", os.devnull], as_in_the_clone(tmp_path)):
        assert "2 passed" in run_pytest([*command[1].split()[1:], *options], tmp_path, ROOT / "src")


def as_in_the_clone(folder: Path) -> list[str]:
    """The options of tests that are written in the folder of the clone; it is stood for by `folder`."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    return ["--rootdir", str(folder)]


def test_an_effect_of_the_floor(tmp_path: Path) -> None:
    text = recipe("An effect of the floor")
    leave_out = shutil.ignore_patterns("__pycache__")
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=leave_out)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    follow(text, tmp_path)
    command = COMMAND.search(text)
    assert command is not None
    assert "2 passed" in run_pytest(command[1].split()[1:], tmp_path, tmp_path / "src")


@pytest.mark.real_time
def test_a_plugin_outside_of_this_repository(tmp_path: Path) -> None:
    commands = re.findall(r"```bash\n(.*?)```", recipe("A plugin outside of this repository"), re.DOTALL)[0]
    place = tmp_path / "mine"
    before, install, after = commands.partition('pip install -e ".[test]"\n')
    assert (install, after) == ('pip install -e ".[test]"\n', "pytest\n"), "what is done below instead"
    subprocess.run(["bash", "-euc", before], cwd=ROOT, env={**os.environ, "PLACE": str(place)}, check=True)
    project = tomllib.loads((place / "pyproject.toml").read_text())
    assert project["project"]["name"] == "vision-agents-mine"
    sources = [place / package for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
    assert [source.name for source in sources] == ["vision_agents"]
    assert not list(place.rglob("acme*"))
    assert "passed" in run_pytest(["-q"], place, sources[0].parent, ROOT / "src")


def test_the_map_names_every_package() -> None:
    plan = PAGE.split("## Find your room")[1].split("```")[1]
    source = ROOT / "src" / "vision_agents"
    packages = [*source.iterdir(), *(source / "core").iterdir()]
    folders = [path.name for path in packages if path.is_dir() and list(path.rglob("*.py"))]
    assert [name for name in folders if not re.search(rf"\b{name}/", plan)] == []
