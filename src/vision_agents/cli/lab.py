"""`vision-agents lab`: how right the judgement of interruptions is, measured over many cases."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vision_agents.lab.scenario import LabError

from .errors import FAILED, OK, CommandError

if TYPE_CHECKING:
    from vision_agents.lab.scenario import Scenario

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_arguments(subparsers: Subparsers) -> None:
    """Add `lab` to the command line."""
    parser = subparsers.add_parser(
        "lab",
        help="measure how right interruptions are judged, over hundreds of cases",
        description="Run a suite of calls in virtual time, with the real local ears: true interruptions, to which the "
        "agent is to yield, and backchannels, coughs, noise, music and side talk, which it is to ignore.",
    )
    commands = parser.add_subparsers(dest="lab_command", metavar="command", required=True)
    runner = commands.add_parser(
        "run",
        help="run the suite, and the recordings of a folder",
        description="Run the cases, print the figures for each kind with 95 % confidence intervals, and write lab.json "
        "and lab.html. Exit status 1 if a case could not be run; wrong decisions are what is measured, not an error.",
    )
    runner.add_argument(
        "--audio",
        type=Path,
        metavar="DIR",
        help="recordings with a manifest.json: each is a case, beside the suite",
    )
    runner.add_argument("--suite", type=Path, metavar="FILE", help="a suite in YAML to run in place of the shipped one")
    runner.add_argument(
        "--only", action="append", default=[], metavar="KIND", help="run the cases of this kind alone, or of this id"
    )
    runner.add_argument("--out", type=Path, default=Path("lab"), metavar="DIR", help="where the results go (./lab)")
    runner.add_argument("--jobs", type=_jobs, default=2, metavar="N", help="processes, about 400 MB each (2)")
    runner.add_argument(
        "--policy",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="settings of the interruption policy, as in --policy commit_speech=0.5 rewind=exact",
    )
    comparer = commands.add_parser(
        "compare", help="tell which cases changed between two results", description="Tell which cases changed."
    )
    comparer.add_argument("before", type=Path, metavar="A.json")
    comparer.add_argument("after", type=Path, metavar="B.json")


def run(args: argparse.Namespace) -> int:
    """Run or compare, print, and return the exit status."""
    try:
        return _compare(args) if args.lab_command == "compare" else _run(args)
    except LabError as error:
        raise CommandError(str(error)) from None


def _compare(args: argparse.Namespace) -> int:
    from vision_agents.lab.compare import compare, described
    from vision_agents.lab.result import LabResult

    before, after = LabResult.read(args.before), LabResult.read(args.after)
    print(described(compare(before, after), before, after))
    return OK


def _run(args: argparse.Namespace) -> int:
    policy = _policy(args.policy)
    scenarios = _chosen(args)
    _make_folder(args.out)
    # The models and the runtimes are wanted only now.
    from vision_agents.lab.figures import figures
    from vision_agents.lab.page import lab_page
    from vision_agents.lab.pool import run_cases
    from vision_agents.lab.result import LabResult
    from vision_agents.lab.table import table

    cases = run_cases(scenarios, args.jobs, policy, _progress)
    result, rows = LabResult(cases, policy), figures(cases)
    json_path, html_path = args.out / "lab.json", args.out / "lab.html"
    try:
        result.write(json_path, [row.record() for row in rows])
        html_path.write_text(lab_page(result), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"the results cannot be written to {args.out}: {error.strerror or error}") from None
    print(table(rows))
    failed = [case for case in cases if case.decision == "failed"]
    for case in failed[:5]:
        print(f"case {case.id} could not be run: {case.reason}", file=sys.stderr)
    print(f"\n{json_path}\n{html_path}")
    return FAILED if failed else OK


def _chosen(args: argparse.Namespace) -> list[Scenario]:
    from vision_agents.lab.manifest import read_folder
    from vision_agents.lab.suite import load_suite, shipped_suite

    suite = shipped_suite() if args.suite is None else load_suite(args.suite)
    scenarios = suite + (read_folder(args.audio) if args.audio is not None else [])
    if not args.only:
        return scenarios
    chosen = [scenario for scenario in scenarios if {scenario.kind, scenario.id} & set(args.only)]
    if not chosen:
        kinds = ", ".join(sorted({scenario.kind for scenario in scenarios}))
        raise CommandError(f"no case is of the kind {' or '.join(args.only)}; there are {kinds}")
    return chosen


def _policy(settings: Sequence[str]) -> dict[str, str]:
    from vision_agents.core.floor import InterruptionPolicy

    pairs = [setting.partition("=") for setting in settings]
    wrong = next((name for name, sign, _ in pairs if not sign), None)
    if wrong is not None:
        raise CommandError(f"--policy takes NAME=VALUE, as in commit_speech=0.5, not {wrong!r}")
    policy = {name: value for name, _, value in pairs}
    try:
        InterruptionPolicy().override(policy)
    except ValueError as error:
        raise CommandError(str(error)) from None
    return policy


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"the folder {folder} cannot be made: {error.strerror or error}") from None


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total} cases", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _jobs(text: str) -> int:
    jobs = int(text) if text.isdigit() else 0
    if not 1 <= jobs <= 64:
        raise argparse.ArgumentTypeError(f"a number of processes from 1 to 64, not {text!r}")
    return jobs
