"""The pages in docs/, the README and the index of examples: links lead somewhere, code is code, numbers are right."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from vision_agents.cli.main import COMMANDS
from vision_agents.core.distribution import DISTRIBUTION
from vision_agents.core.vad import HOLD_SHARE
from vision_agents.plugins import smart_turn

from ..plugins.hearing_kit import LevelVAD

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "examples" / "README.md"]

each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


@each_page
def test_links_lead_to_files_and_headings(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


def anchors(text: str) -> set[str]:
    """The headings of a page as GitHub makes addresses of them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_code_is_python(path: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL):
        compile(block, path.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


INSTALL = re.compile(r"pip install [\"']([\w-]+)\[([^\]]+)\]|`([\w-]+-agents)\[([\w, ]+)\]`")
SOURCES = [*PAGES, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "src").rglob("*.py"))]


def test_every_line_that_installs_an_extra_names_this_distribution_and_one_of_its_extras() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [
        (name or other, extra)
        for path in SOURCES
        for name, extras, other, others in INSTALL.findall(path.read_text())
        for extra in (extras or others).split(",")
        if not re.fullmatch(r"\{\w+\}|…", extra)  # filled in by code
    ]
    assert len(named) > 20
    assert {name for name, _ in named} == {project["name"]} == {DISTRIBUTION}
    of_clones = [
        extra
        for path in SOURCES
        for extras in re.findall(r"""pip install -e ["']\.\[([\w,-]+)\]""", path.read_text())
        for extra in extras.split(",")
    ]
    assert len(of_clones) > 3
    assert {*of_clones, *(extra for _, extra in named)} <= project["optional-dependencies"].keys()
    # The pip of Python 3.11 takes an extra by its normal name alone, and says of another one no more than a warning.
    assert [extra for extra in project["optional-dependencies"] if not re.fullmatch(r"[a-z0-9-]+", extra)] == []


def test_what_is_installed_by_name_says_where() -> None:
    """The package is in no index of its own: pip finds it where the clone, or a wheel, is installed."""
    lines = [
        line
        for path in PAGES
        for line in path.read_text().splitlines()
        if line.startswith('pip install "interruptible-')
    ]
    assert len(lines) > 8
    assert [line for line in lines if "# in an environment that has the clone" not in line] == []


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = [path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"]
    assert [name for name in pages if f"({name})" not in index] == []


def test_the_readme_names_every_command() -> None:
    named = re.findall(r"^\| `vision-agents (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(COMMANDS)


ROW = re.compile(
    r"buffer_in_seconds=([\d.]+), confidence_threshold=([\d.]+)`\**"
    r" \| ([\d.]+) s[^|]* \| ([\d.]+) s[^|]* \| ([\d.]+) \|"
)


class NoModel:
    """Never asked."""

    def predict(self, samples: object) -> float:
        raise AssertionError


def test_the_table_of_settings_is_what_the_detector_does() -> None:
    rows = ROW.findall((ROOT / "docs" / "interruptions.md").read_text())
    assert len(rows) == 3
    for buffer, threshold, speech, silence, hold in rows:
        detector = smart_turn.TurnDetection(float(buffer), float(threshold), vad=LevelVAD(), model=NoModel())
        assert float(speech) == pytest.approx(detector.policy.commit_speech, abs=0.005), "speech that interrupts"
        assert float(silence) == float(buffer)
        assert float(hold) == pytest.approx(HOLD_SHARE * float(threshold), abs=0.005)
