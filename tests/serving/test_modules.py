"""No two modules of serving stand on each other: not by imports inside of functions either."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from vision_agents import serving

ROOT = Path(serving.__file__).parent


def imported(path: Path) -> Iterator[Path]:
    """The modules of serving that one imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for found in (folder.with_suffix(".py"), *(folder / f"{name.name}.py" for name in node.names)):
                if found.exists():
                    yield found


def test_no_imports_of_serving_run_in_a_circle() -> None:
    modules = [path for path in ROOT.rglob("*.py") if path.name != "__init__.py"]
    graph = {path.relative_to(ROOT): {each.relative_to(ROOT) for each in imported(path)} for path in modules}
    assert Path("ray/page.py") in graph[Path("ray/dispatch.py")]  # It is seen though it is inside of a function.
    TopologicalSorter(graph).prepare()
