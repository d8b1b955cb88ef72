"""Colour for those who read on a terminal."""

from __future__ import annotations

import os
import re
from typing import TextIO

_GOOD, _BAD, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[0m"


def judged(table: str, stream: TextIO) -> str:
    """The lines of a table that end in "met" or "NOT MET", coloured by that.

    As they are where `stream` is no terminal, or the environment's NO_COLOR asks for none (no-color.org).
    """
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return table
    painted = re.sub(r"(?m)\bNOT MET$", f"{_BAD}NOT MET{_PLAIN}", table)
    return re.sub(r"(?m)\bmet$", f"{_GOOD}met{_PLAIN}", painted)
