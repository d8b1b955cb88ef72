"""What the guides in docs/ say to do, done: plugin, tests, commands; and the tests that they name exist."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vision_agents.cli import main
from vision_agents.core import Agent
from vision_agents.testing.parts import LoopEdge

from .test_pages import PAGES
from .test_recipes import ROOT, as_in_the_clone, follow, run_pytest

PAGE = (ROOT / "docs" / "plugin.md").read_text()

# "`path`:" at the end of a paragraph, and the block under it.
FILES = dict(re.findall(r"`([\w./]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL))
# The keys of a loop over several.
KEYS = re.compile(r"for key in \(([^)]+)\)")
PLUGIN = "src/vision_agents/plugins/speechserver/__init__.py"


@pytest.mark.real_time
def test_the_plugin_keeps_its_contract(tmp_path: Path) -> None:
    assert set(FILES) == {PLUGIN, "pyproject.toml", "tests/test_speechserver.py"}
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    told = run_pytest(["-q"], tmp_path, tmp_path / "src", ROOT / "src")
    assert "17 passed, 2 skipped" in told, "what the page says"


def test_it_is_thirty_lines_of_code() -> None:
    tree = ast.parse(FILES[PLUGIN])
    docstrings = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = [line for number, line in enumerate(FILES[PLUGIN].splitlines(), 1) if number not in docstrings]
    assert len([line for line in lines if line.strip() and not line.strip().startswith("#")]) <= 30


def test_every_contract_suite_is_named() -> None:
    from vision_agents.testing import contract

    suites = [name for name in contract.__all__ if name.endswith("Contract")]
    assert [name for name in suites if f"`{name}`" not in PAGE] == []


async def test_the_agent_of_the_quickstart_can_be_made_and_watched() -> None:
    own, watching, _ = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "quickstart.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(watching + own.replace("    return agent", "    watch(agent)\n    return agent"), names)
    agent = await names["my_agent"](edge=LoopEdge())
    assert isinstance(agent, Agent)
    assert agent.events.has_subscribers(names["InterruptionEvent"])
    await agent.close()


def test_what_programs_read_is_made_of_the_pages() -> None:
    done = subprocess.run([sys.executable, "scripts/digest", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("llms.txt", "AGENTS.md"):
        links = re.findall(r"\]\(([^)#\s]+)", (ROOT / name).read_text())
        assert len(links) > 20
        assert [link for link in links if not (ROOT / link).exists()] == []


def test_a_conversation_in_milliseconds(tmp_path: Path) -> None:
    follow((ROOT / "docs" / "testing.md").read_text(), tmp_path)
    files = sorted(path.name for path in tmp_path.iterdir())
    for options in (["-q", "-c", os.devnull, "--rootdir", str(tmp_path)], as_in_the_clone(tmp_path)):
        assert "4 passed" in run_pytest([*options, *files], tmp_path, ROOT / "src")


def test_a_part_that_computes_here_keeps_its_contract(tmp_path: Path) -> None:
    block = re.search(r"### A part that computes here\n.*?```python\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    assert "mine.TTS()" in block[1]
    (tmp_path / "mine.py").write_text("from vision_agents.testing.parts import ToneTTS as TTS\n")
    (tmp_path / "test_mine.py").write_text(f"import mine\n\n{block[1]}")
    options = ["-c", os.devnull, "-o", "asyncio_mode=auto", "--rootdir", str(tmp_path), "-rs", "test_mine.py"]
    told = run_pytest(options, tmp_path, ROOT / "src")
    assert "it computes here" in told
    assert re.search(r"\d+ passed, \d+ skipped", told), told


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_program_does_what_it_defines(path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)
    programs = [block for block in blocks if "async def main(" in block]
    assert [program for program in programs if "main()" not in program.partition("async def main(")[2]] == []


def test_the_lab_names_every_key_of_a_manifest() -> None:
    source = (ROOT / "src" / "vision_agents" / "lab" / "manifest.py").read_text()
    page = (ROOT / "docs" / "lab.md").read_text()
    read = set(re.findall(r'clip\.get\("(\w+)"', source)) | set(re.findall(r'"(\w+)"', "".join(KEYS.findall(source))))
    assert {"file", "onset_s", "source", "pauses_s"} < read
    table = page.split("### Recordings of your own")[1].split("\n## ")[0]
    named = {key for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)}
    assert named == read


NAMED = re.findall(r"`(tests/[\w/]+\.py)::([\w:]+)`", (ROOT / "docs" / "architecture.md").read_text())


def test_every_law_names_its_tests() -> None:
    laws = (ROOT / "docs" / "architecture.md").read_text().split("## The laws")[1].split("\n## ")[0].split("\n### ")[1:]
    assert [law.split(".")[0] for law in laws] == [str(number) for number in range(1, 13)]
    assert [law.splitlines()[0] for law in laws if law.count("`tests/") < 2] == []


@pytest.mark.parametrize(("file", "names"), sorted(set(NAMED)), ids=lambda name: name.rpartition("::")[2])
def test_the_tests_that_are_named_exist(file: str, names: str) -> None:
    where: ast.AST = ast.parse((ROOT / file).read_text())
    for name in names.split("::"):
        found = [node for node in ast.iter_child_nodes(where) if name in names_of(node)]
        assert found, f"{file} has no {names}"
        where = found[0]


def names_of(node: ast.AST) -> list[str]:
    """The name that a statement defines, or assigns to."""
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [node.name] if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else []


def commands() -> list[str]:
    """The lines of the pages that call our command."""
    blocks = [block for page in PAGES for block in re.findall(r"```(?:bash)?\n(.*?)```", page.read_text(), re.DOTALL)]
    lines = [line.rpartition(" && ")[2].removeprefix(".venv/bin/") for block in blocks for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith("vision-agents ")})


@pytest.mark.parametrize("command", commands())
def test_the_command_line_takes_what_the_pages_say(command: str) -> None:
    run, _ = main._parse(shlex.split(command, comments=True)[1:])
    assert callable(run)
