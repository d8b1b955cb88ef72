"""`vision-agents lab replay`: the cases of a run decided again, on what was heard in them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from vision_agents.lab.scenario import LabError

from .errors import OK
from .lab_kinds import of_kinds
from .policy import add_policy, unseen


def run_replay(args: argparse.Namespace, policy: dict[str, str], progress: Callable[[int, int], None]) -> int:
    """Decide the cases of the run in a folder again, and print what changed and each kind before and now."""
    from dataclasses import replace

    from vision_agents.lab.replayed import described, replay_cases
    from vision_agents.lab.result import LabResult
    from vision_agents.lab.validation import number_of

    numbers = [number_of(setting) for setting in args.tried]
    before = LabResult.read(args.folder / "lab.json")
    before = replace(before, cases=tuple(of_kinds(before.cases, args.only)))
    if numbers and not any(case.source for case in before.cases if case.decision != "failed"):
        raise LabError(
            "nothing can be tried: a source is judged by what is best on all others, and none of these cases has one: "
            'give the clips in manifest.json a "source", and run the lab on them again (lab run --keep --audio DIR)'
        )
    print(described(replay_cases(args.folder, before, policy, numbers, args.jobs, progress)))
    if beyond := unseen(policy):
        print(f"\n{beyond}")
    return OK


def add_replay(parser: argparse.ArgumentParser, jobs: Callable[[str], int]) -> None:
    """Add the arguments of the command."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="where `lab run --keep` has written its results")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="KIND",
        help="decide the cases of this kind alone, of this group of a suite, or of this id",
    )
    parser.add_argument(
        "--try",
        dest="tried",
        action="append",
        default=[],
        metavar="NAME=VALUE[,VALUE…]",
        help="try a number of the policy, or one that the lab tries (words.UNSURE), at other values: each source is "
        "judged by the value that is best on all others",
    )
    parser.add_argument("--jobs", type=jobs, default=2, metavar="N", help="processes, about 100 MB each (2)")
    add_policy(parser)
