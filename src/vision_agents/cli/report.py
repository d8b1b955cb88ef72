"""`vision-agents report`: make the report of a recorded call again, also of one that broke off."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vision_agents.core.observability.folder import CallFolder
from vision_agents.core.trace import TraceError

from .errors import OK, CommandError
from .summary import summary

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_arguments(subparsers: Subparsers) -> None:
    """Add `report` to the command line."""
    parser = subparsers.add_parser(
        "report",
        help="make the report of a recorded call again",
        description="Make report.json and report.html from the call.wav and trace.jsonl in a folder.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="what `vision-agents call --out` made")


def run(args: argparse.Namespace) -> int:
    """Write the reports and print the summary."""
    folder = CallFolder(args.folder)
    try:
        report = folder.write_report()
    except (TraceError, UnicodeDecodeError) as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"the report cannot be written to {folder.path}: {error.strerror or error}") from None
    print(summary(report))
    print(f"\n{folder.html}")
    return OK
