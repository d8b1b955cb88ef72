"""`vision-agents lab`: how right the judgement of interruptions is, measured over many cases."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vision_agents.lab.scenario import PRIMERS, LabError

from .agent_factory import fetch
from .arguments import make_folder
from .colour import judged
from .errors import FAILED, OK, CommandError
from .lab_endpointing import add_endpointing, run_endpointing
from .lab_kinds import of_kinds
from .lab_replay import add_replay, run_replay
from .policy import add_policy, changed_policy, policy_settings

if TYPE_CHECKING:
    from vision_agents.lab.result import CaseResult, Cut
    from vision_agents.lab.scenario import Scenario

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


# Columns of what is printed.
WIDTH = 100

# Not a kind of cases: the heard words of real speech.
HEARD = "heard_words"

# In place of a suite: none, but the recordings.
NO_SUITE = "none"
SUITE_HELP = f"a suite in YAML to run in place of the shipped one; {NO_SUITE}: the recordings alone"


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
        description="Run the cases, print the figures for each kind with 95 % confidence intervals and which goals are "
        "met, and write lab.json and lab.html. Exit status 1 if a case could not be run; wrong decisions are what is "
        "measured, not an error.",
    )
    runner.add_argument(
        "--audio",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="DIR",
        help=f"recordings with a manifest.json: each is a case, beside the suite; alone with --suite {NO_SUITE}",
    )
    runner.add_argument("--suite", type=Path, metavar="FILE", help=SUITE_HELP)
    runner.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="KIND",
        help="run the cases of this kind alone, of this group of a suite, or of this id; "
        f"{HEARD}: cut real speech off, and align it",
    )
    runner.add_argument(
        "--primer",
        choices=PRIMERS,
        default="yes",
        help="whether the caller asks something before, which the agent is answering: so it knows how the caller "
        "sounds (yes)",
    )
    runner.add_argument(
        "--voiceprint",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="give the agent a voiceprint, as the local agent has one, where it knows the caller's voice (yes)",
    )
    runner.add_argument(
        "--level",
        action="append",
        default=[],
        metavar="KIND=DB[,DB…]",
        help="levels of the recordings of a kind, in dB from the caller's (side_talk=-12,-18)",
    )
    runner.add_argument(
        "--listen",
        type=_cases,
        default=20,
        metavar="N",
        help="run the first N wrong cases once more, to be heard in lab.html (20)",
    )
    runner.add_argument("--out", type=Path, default=Path("lab"), metavar="DIR", help="where the results go (./lab)")
    runner.add_argument(
        "--keep",
        action="store_true",
        help="keep the trace of each case, about 0.4 MB: `lab replay` decides them again in seconds",
    )
    runner.add_argument("--jobs", type=_jobs, default=2, metavar="N", help="processes, about 400 MB each (2)")
    add_policy(runner)
    replayer = commands.add_parser(
        "replay",
        help="decide the cases of a run again, in seconds",
        description="Run the floor, as it is now and under --policy, over what was heard in the cases of a run with "
        "--keep. Print which are decided otherwise, and each kind before and now. A case is approximate where the "
        "floor did something else before the decision: what people said is as it was, though the agent would have "
        "said more or less.",
    )
    add_replay(replayer, _jobs)
    turns = commands.add_parser(
        "endpointing",
        help="measure when turns end: latency against cut-offs, beside other rules",
        description="Play turns with pauses to the real ears once, then try rules that end turns on what was heard: "
        "how long after a turn each decides that it is over, and how many pauses it takes for an end. Print a table, "
        "and write signals.json and endpointing.html, with the curves.",
    )
    add_endpointing(turns, _jobs)
    comparer = commands.add_parser(
        "compare", help="tell which cases changed between two results", description="Tell which cases changed."
    )
    comparer.add_argument("before", type=Path, metavar="A.json", help="the lab.json of a run")
    comparer.add_argument("after", type=Path, metavar="B.json", help="that of a later one")


def run(args: argparse.Namespace) -> int:
    """Run, try or compare, print, and return the exit status."""
    try:
        return _COMMANDS[args.lab_command](args)
    except LabError as error:
        raise CommandError(str(error)) from None


def _endpointing(args: argparse.Namespace) -> int:
    return run_endpointing(args, lambda done, total: _progress(done, total, "turns"))


def _replay(args: argparse.Namespace) -> int:
    return run_replay(args, _policy(args.policy), _progress)


def _compare(args: argparse.Namespace) -> int:
    from vision_agents.lab.compare import compare, described
    from vision_agents.lab.result import LabResult

    before, after = LabResult.read(args.before), LabResult.read(args.after)
    print(described(compare(before, after), before, after))
    return OK


def _run(args: argparse.Namespace) -> int:
    policy = _policy(args.policy)
    scenarios, conditions = _chosen(args)
    make_folder(args.out)
    # The models and the runtimes are wanted only now.
    from vision_agents.lab.needed import models_of

    if scenarios:
        fetch(models_of(scenarios, voiceprint=args.voiceprint))
    from vision_agents.lab.figures import figures, heard_figures
    from vision_agents.lab.goals import goals
    from vision_agents.lab.kept import forget
    from vision_agents.lab.page import lab_page
    from vision_agents.lab.pool import run_cases
    from vision_agents.lab.result import LabResult
    from vision_agents.lab.table import goal_table, heard_table, table

    forget(args.out, [*_earlier(args.out), *(scenario.id for scenario in scenarios)])
    keep_in = args.out if args.keep else None
    cases = run_cases(scenarios, args.jobs, policy, _progress, voiceprint=args.voiceprint, keep_in=keep_in)
    whole = not args.only and args.suite is None
    cuts = _heard_words() if whole or HEARD in args.only else ()
    result, rows, heard = LabResult(cases, policy, conditions, cuts), figures(cases), heard_figures(cuts)
    json_path, html_path = args.out / "lab.json", args.out / "lab.html"
    try:
        result.write(json_path, [row.record() for row in rows])
        html_path.write_text(lab_page(result, sounds=_sounds(args, scenarios, cases, policy)), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"the results cannot be written to {args.out}: {error.strerror or error}") from None
    wrapped = ["\n".join(textwrap.wrap(condition, WIDTH, subsequent_indent="  ")) for condition in conditions]
    parts = [
        "\n".join(wrapped),
        table(rows),
        heard_table(heard) if heard else "",
        judged(goal_table(goals(rows, heard)), sys.stdout),
    ]
    print("\n\n".join(part for part in parts if part))
    failed = [case for case in cases if case.decision == "failed"]
    for case in failed[:5]:
        print(f"case {case.id} could not be run: {case.reason}", file=sys.stderr)
    print(f"\n{json_path}\n{html_path}")
    return FAILED if failed else OK


def _earlier(folder: Path) -> list[str]:
    """The ids of the cases of an earlier run into this folder."""
    from vision_agents.lab.result import LabResult

    try:
        return [case.id for case in LabResult.read(folder / "lab.json").cases]
    except LabError:
        return []


def _sounds(
    args: argparse.Namespace, scenarios: Sequence[Scenario], cases: Sequence[CaseResult], policy: dict[str, str]
) -> dict[str, str]:
    """The sounds of the first of the wrong cases: they are run once more."""
    from vision_agents.lab.listen import listen

    faulty = [case.id for case in cases if case.faulty and case.decision != "failed"][: args.listen]
    chosen = [scenario for scenario in scenarios if scenario.id in faulty]
    return listen(
        chosen, policy, voiceprint=args.voiceprint, progress=lambda done, total: _progress(done, total, "to listen to")
    )


def _chosen(args: argparse.Namespace) -> tuple[list[Scenario], tuple[str, ...]]:
    """The cases to run, and under what conditions."""
    from vision_agents.lab.conditions import described, feasible
    from vision_agents.lab.manifest import LEVELS, read_folder
    from vision_agents.lab.scenario import with_primer
    from vision_agents.lab.suite import load_suite, shipped_suite, unique

    alone = str(args.suite) == NO_SUITE
    levels = {**LEVELS, **_levels(args.level)}
    if not args.audio and (args.level or alone):
        raise CommandError("there are no recordings: give --audio the folder that they are in")
    suite = [] if alone else shipped_suite() if args.suite is None else load_suite(args.suite)
    recorded = [scenario for folder in args.audio for scenario in read_folder(folder, levels)]
    scenarios = of_kinds(unique(suite + recorded), args.only, HEARD)
    run = with_primer(feasible(scenarios), args.primer)
    left_out = len(scenarios) - len(feasible(scenarios))
    if recorded and suite and not args.only:
        print(
            f"{len(suite)} cases of the suite, {len(recorded)} of recordings (--suite {NO_SUITE}: these alone)",
            file=sys.stderr,
        )
    return run, described(run, left_out, voiceprint=args.voiceprint)


def _levels(settings: Sequence[str]) -> dict[str, tuple[float, ...]]:
    levels: dict[str, tuple[float, ...]] = {}
    for setting in settings:
        kind, _, values = setting.partition("=")
        try:
            levels[kind] = tuple(float(value) for value in values.split(","))
        except ValueError:
            raise CommandError(f"--level takes KIND=DB,DB, as in side_talk=-12,-18, not {setting!r}") from None
        if not all(-60 <= level <= 20 for level in levels[kind]) or len(set(levels[kind])) < len(levels[kind]):
            raise CommandError(f"levels are from -60 to 20 dB, each once, not {values}")
    return levels


def _heard_words() -> tuple[Cut, ...]:
    from vision_agents.core.models import ModelError
    from vision_agents.lab.heard import heard_words

    try:
        return heard_words()
    except (ImportError, ModelError) as error:
        print(f"the heard words were not measured: {error}", file=sys.stderr)
        return ()


def _policy(settings: Sequence[str]) -> dict[str, str]:
    from vision_agents.core.floor import InterruptionPolicy

    changed_policy(InterruptionPolicy(), settings)  # complains of what cannot be had
    return policy_settings(settings)


def _progress(done: int, total: int, what: str = "cases") -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total} {what}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _cases(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a number of cases, 0 for none, not {text!r}")
    return int(text)


def _jobs(text: str) -> int:
    jobs = int(text) if text.isdecimal() else 0
    if not 1 <= jobs <= 64:
        raise argparse.ArgumentTypeError(f"a number of processes from 1 to 64, not {text!r}")
    return jobs


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "replay": _replay,
    "endpointing": _endpointing,
    "compare": _compare,
}
