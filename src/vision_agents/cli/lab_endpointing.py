"""`vision-agents lab endpointing`: latency against cut-offs of the rules that end a turn."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from vision_agents.lab.scenario import LabError

from .agent_factory import fetch
from .arguments import make_folder
from .errors import OK, CommandError

Progress = Callable[[int, int], None]


def run_endpointing(args: argparse.Namespace, progress: Progress) -> int:
    """Hear the turns of the folders, or read what was heard, try the rules, print and write the results."""
    # The models and the runtimes are wanted only now.
    from vision_agents.core.audio.files import AudioFileError
    from vision_agents.lab.endpointing_page import endpointing_page, endpointing_table, try_rules
    from vision_agents.lab.needed import EARS
    from vision_agents.lab.signals import Heard, hear_all, read_signals, write_signals
    from vision_agents.lab.turns import SpokenTurn, read_turns

    turns, heard = list[SpokenTurn](), list[Heard]()
    if args.signals is not None:
        heard = read_signals(args.signals)
    elif args.audio:
        try:
            turns = [turn for folder in args.audio for turn in read_turns(folder)]
        except AudioFileError as error:
            raise CommandError(str(error)) from None
    else:
        raise CommandError("there are no turns: give --audio a folder of recordings, or --signals a file of a run")
    make_folder(args.out)
    if turns:
        fetch(EARS)
        heard = hear_all(turns, args.jobs, progress)
    if not heard:
        raise LabError(f"there are no turns in {args.signals}")
    tried = try_rules(heard)
    written, page = args.out / "signals.json", args.out / "endpointing.html"
    try:
        if args.signals is None:
            write_signals(written, heard)
        page.write_text(endpointing_page(tried), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"the results cannot be written to {args.out}: {error.strerror or error}") from None
    print(endpointing_table(tried, every=args.all))
    print(f"\n{page}" if args.signals is not None else f"\n{written}\n{page}")
    return OK


def add_endpointing(parser: argparse.ArgumentParser, jobs: Callable[[str], int]) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--audio",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="DIR",
        help="recordings with a manifest.json: those of the kinds interruption, speech and pause are turns",
    )
    parser.add_argument(
        "--signals", type=Path, metavar="FILE", help="signals.json of a run before: rules are tried on it at once"
    )
    parser.add_argument("--all", action="store_true", help="print every setting, and not only those rules come with")
    parser.add_argument("--out", type=Path, default=Path("lab"), metavar="DIR", help="where the results go (./lab)")
    parser.add_argument("--jobs", type=jobs, default=2, metavar="N", help="processes, about 300 MB each (2)")
