"""`vision-agents init`: a project of one's own, with an agent and its tests."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from importlib.resources import files
from pathlib import Path
from shutil import which
from string import Template
from typing import TYPE_CHECKING

from .errors import OK, CommandError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

TEST = "pip install pytest && pytest"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def add_arguments(subparsers: Subparsers) -> None:
    """Add `init` to the command line."""
    parser = subparsers.add_parser(
        "init",
        help="make a project: an agent, and tests of it that pass",
        description="Make the folder NAME with an agent of local models, tests of it, pyproject.toml and README.",
    )
    parser.add_argument("name", metavar="NAME", help="of the project, and of its folder")


def run(args: argparse.Namespace) -> int:
    """Write the files. Raises CommandError for a name that is none, or a folder that has something in it."""
    if not _NAME.fullmatch(args.name):
        raise CommandError(f"{args.name!r} is no name for a project: take letters, digits, - and _, a letter first")
    folder = Path(args.name)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CommandError(f"{folder} exists already and is not an empty folder: choose another name")
        folder.mkdir(exist_ok=True)
        for name, text in made(args.name).items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{folder} cannot be written: {error.strerror or error}") from None
    print(f"{folder} has an agent. Next:\n")
    for line in (*_activation(), f"cd {folder}", "vision-agents demo --agent agent:make_agent", TEST):
        print(f"    {line}")
    return OK


def _activation() -> list[str]:
    """The lines that have the shell find this environment's programs by their names; none where it does."""
    script = Path(sys.prefix, "Scripts" if sys.platform == "win32" else "bin", "activate")
    if which("vision-agents") or not script.is_file():
        return []
    return [str(script) if sys.platform == "win32" else f". {shlex.quote(str(script))}"]


def made(name: str) -> dict[str, str]:
    """The files of a project by their names."""
    templates = [file for file in (files(__package__) / "project").iterdir() if file.name.endswith(".txt")]
    return {
        file.name.removesuffix(".txt"): Template(file.read_text(encoding="utf-8")).substitute(name=name)
        for file in templates
    }
