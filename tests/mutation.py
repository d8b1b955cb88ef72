"""Mutation testing of the floor and of the gate: `python -m tests.mutation`.

Each mutant is the source with one small error: a comparison turned round, a condition negated, a number changed, a
statement left out. Tests that are worth having fail on it. The command prints the mutants that survived, and the share
that was killed; its exit status is 1 if that is under `--at-least`.

Every mutant runs in a forked process, with the fast tests first and up to the first failure; one that takes too long
counts as killed. A mutant that changes nothing that can be observed survives rightly: `EQUIVALENT` says which, and why.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.machinery
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Loaded before the first fork; nothing of what is mutated.
import hypothesis.stateful
import hypothesis.strategies  # noqa: F401
import pytest
import pytest_asyncio  # noqa: F401

ROOT = Path(__file__).parents[1]
CORE = ROOT / "src/vision_agents/core"

# Seconds of a mutant's tests: they take a few, so it hangs.
TIMEOUT = 120

FLOOR_TESTS = (
    "tests/core/floor",
    "--ignore=tests/core/floor/test_laws.py",
)
STAGES: dict[str, tuple[tuple[str, ...], ...]] = {
    "floor": (FLOOR_TESTS, ("tests/core/floor/test_laws.py",)),
    "audio": (tuple(f"tests/core/audio/test_playout{part}.py" for part in ("", "_holds", "_prepared")),),
}
"""The tests of each package, in the order in which they are tried."""

DATA = ("phrases.py", "__init__.py")
"""Files without logic."""

EQUIVALENT: dict[str, str] = {
    "audio/playout.py: self._frames += 1 -> self._frames -= 1": "only whether it divides by ten is asked",
    "audio/playout.py: count < FADE_SAMPLES -> count <= FADE_SAMPLES": "what is drawn out then has no samples",
    "floor/challenger.py: gained > 0.0 -> gained >= 0.0": "nothing is added where nothing was gained",
}
"""Mutants that no test can kill, by file and change, and why."""

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One error in one file: the change of that number to the node at that place."""

    path: Path
    line: int
    place: int
    number: int
    shown: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(CORE)}:{self.line}: {self.shown}"

    @property
    def equivalent(self) -> bool:
        """True if it behaves as the real source does."""
        return f"{self.path.relative_to(CORE)}: {self.shown}" in EQUIVALENT

    def tree(self) -> ast.Module:
        """Return the mutated module."""
        tree = ast.parse(self.path.read_text())
        node: Any = _nodes(tree)[self.place]
        list(_changes(node))[self.number](node)
        return ast.fix_missing_locations(tree)


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield all mutants of a file."""
    for place, node in enumerate(_nodes(ast.parse(path.read_text()))):
        for number, change in enumerate(_changes(node)):
            before, mutated = ast.unparse(node), copy.deepcopy(node)
            shown = f"{_brief(before)} -> {_brief(change(mutated))}"
            yield Mutant(path, node.lineno, place, number, shown)


def _nodes(tree: ast.Module) -> list[ast.expr | ast.stmt]:
    """Return the statements and expressions of a module, without those in decorators and annotations."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        for root in _unmutated(node):
            skipped.update(ast.walk(root))
    return [node for node in ast.walk(tree) if isinstance(node, ast.expr | ast.stmt) and node not in skipped]


def _unmutated(node: ast.AST) -> Iterator[ast.AST]:
    yield from getattr(node, "decorator_list", ())
    for name in ("annotation", "returns"):
        if getattr(node, name, None) is not None:
            yield getattr(node, name)


Change = Callable[[Any], str]
"""Changes a node in place, and returns what it has become."""


def _changes(node: ast.expr | ast.stmt) -> Iterator[Change]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            yield _set("ops", lambda: [COMPARISONS[type(op)]()])
        case ast.BoolOp(op=op):
            yield _set("op", lambda: ast.And() if isinstance(op, ast.Or) else ast.Or())
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in OPERATORS:
            yield _set("op", lambda: OPERATORS[type(op)]())
        case ast.If() | ast.IfExp() | ast.While():
            yield _set("test", lambda: ast.UnaryOp(ast.Not(), node.test))
        case ast.Constant(value=bool(value)):
            yield _set("value", lambda: not value)
        case ast.Constant(value=int(value) | float(value)):
            yield _set("value", lambda: value * 1.5 + 1 if isinstance(value, float) else value + 1)
        case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
            yield _set("func", lambda: ast.Name(FUNCTIONS[name], ast.Load()))
        case ast.Expr(value=ast.Call()):
            yield _set("value", lambda: ast.Constant(None))
        case ast.Assign(targets=[ast.Attribute()]) | ast.AugAssign(target=ast.Attribute()):
            yield _become_pass


def _set(field: str, value: Callable[[], object]) -> Change:
    def change(node: Any) -> str:
        setattr(node, field, value())
        return ast.unparse(ast.fix_missing_locations(node))

    return change


def _become_pass(node: Any) -> str:
    """Leave the statement out."""
    node.__class__ = ast.Pass
    return "pass"


def _brief(source: str) -> str:
    first, _, rest = source.partition("\n")
    return (first if len(first) <= 70 and not rest else first[:70] + "…").rstrip(":…") + ("…" if rest else "")


def survives(mutant: Mutant) -> bool:
    """Run the mutant's tests in a process of its own. Returns True if none fails."""
    child = os.fork()
    if child == 0:
        _run_tests(mutant)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _run_tests(mutant: Mutant) -> None:
    """Import the mutated source in place of the real one, and exit by whether a test fails."""
    signal.alarm(TIMEOUT)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    get_code = importlib.machinery.SourceFileLoader.get_code

    def mutated_code(loader: importlib.machinery.SourceFileLoader, name: str) -> Any:
        if Path(loader.path) == mutant.path:
            return compile(mutant.tree(), str(mutant.path), "exec")
        return get_code(loader, name)

    importlib.machinery.SourceFileLoader.get_code = mutated_code  # type: ignore[method-assign]
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT / "src"))  # this source, whatever is installed
    code = 1
    try:
        for stage in STAGES[mutant.path.relative_to(CORE).parts[0]]:
            code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:cov", *stage]))
            if code:
                break
    finally:
        os._exit(code)


def main() -> int:
    """Run the mutants and print the survivors. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, help="files to mutate; by default core/floor and the playout")
    parser.add_argument("--sample", type=int, metavar="N", help="only N mutants, chosen at random by --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-least", type=float, default=95.0, metavar="PERCENT", help="by default 95")
    parser.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    options = parser.parse_args()
    paths = [path.resolve() for path in options.paths] or [*(CORE / "floor").rglob("*.py"), CORE / "audio/playout.py"]
    mutants = [mutant for path in sorted(paths) if path.name not in DATA for mutant in mutants_of(path)]
    mutants = [mutant for mutant in mutants if not mutant.equivalent]
    if options.sample is not None and options.sample < len(mutants):
        mutants = random.Random(options.seed).sample(mutants, options.sample)
    if options.list:
        print(*mutants, sep="\n")
        return 0
    assert "vision_agents.core.floor" not in sys.modules, "the real source is loaded already"
    began, survivors = time.monotonic(), 0
    for mutant in mutants:
        if survives(mutant):
            survivors += 1
            print(f"survived  {mutant}", flush=True)
    share = 100.0 * (1.0 - survivors / max(1, len(mutants)))
    took = time.monotonic() - began
    print(f"{len(mutants) - survivors} of {len(mutants)} killed, {share:.1f} %, in {took:.0f} s")
    return int(share < options.at_least)


if __name__ == "__main__":
    sys.exit(main())
