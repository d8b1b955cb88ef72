"""Arguments that more than one command has, and what is said of wrong ones."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn

from .errors import CommandError

_CHOICE = re.compile(r"invalid choice: '(?P<word>[^']*)' \(choose from (?P<known>.*)\)")
_MISSING = "the following arguments are required: "
_LONG = re.compile(r"--[a-z][\w-]*")
_OPTION = re.compile(r"(?<![\w-])--?[a-z][\w-]*")


class Parser(argparse.ArgumentParser):
    """Names the word that was probably meant; a command says itself what it does not take."""

    _given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse's. Raises SystemExit for what is left over: nobody after this parser knows it."""
        self._given = args or ()
        known, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return known, rest

    def error(self, message: str) -> NoReturn:
        """End the program. Raises SystemExit."""
        # An option that is misspelt is missing, too: what was written says more than what was not.
        if message.startswith(_MISSING) and (unknown := self._unknown()):
            message = f"unrecognized arguments: {' '.join(unknown)}"
        super().error(message + self._meant(message))

    def _unknown(self) -> list[str]:
        """The options that were given, and that are none of this parser, nor the beginning of one."""
        words = [word.partition("=")[0] for word in takewhile(lambda word: word != "--", self._given)]
        known = tuple(self._option_string_actions)
        return [word for word in words if _LONG.fullmatch(word) and not any(each.startswith(word) for each in known)]

    def _meant(self, message: str) -> str:
        if choice := _CHOICE.search(message):
            return _sentence(choice["word"], re.findall(r"[\w-]+", choice["known"]))
        _, unknown, rest = message.partition("unrecognized arguments: ")
        wrong = _OPTION.search(rest) if unknown else None
        return _sentence(wrong[0], self._option_string_actions) if wrong else ""


def _sentence(word: str, known: Iterable[str]) -> str:
    # Here, because `--help` need not wait for the core.
    from vision_agents.core.suggestions import did_you_mean

    meant = did_you_mean(word, known)
    return f".{meant}" if meant else ""


def port(value: str) -> int:
    """A port, 0 for any free one. Raises ArgumentTypeError for what is none."""
    number = int(value) if value.isdecimal() else -1
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError(f"{value} is not a port: take a number from 1024 to 65535, or 0 for any")
    return number


def seconds(least: float, most: float) -> Callable[[str], float]:
    """A type of arguments: seconds between two numbers. It raises ArgumentTypeError for anything else."""

    def read(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{value} is not a number of seconds from {least:.15g} to {most:.15g}")
        return number

    return read


def origin(value: str) -> str:
    """A site, as browsers name it, or "*". Raises ArgumentTypeError for what is none."""
    from vision_agents.core.loopback import origin_of  # of a package that `--help` does not wait for

    try:
        return value if value == "*" else origin_of(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def make_folder(folder: Path) -> None:
    """Have the folder be there, for what is to be written. Raises CommandError if it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"the folder {folder} cannot be made: {error.strerror or error}; choose another") from None
