"""Failures of commands: one line that says what happened and what to do next, and an exit status.

0    all is well
1    the command ran and something went wrong in it, or (`replay`) the effects are not the same
2    it could not start: wrong arguments, a file that is missing or cannot be used
130  stopped by Ctrl-C
"""

from __future__ import annotations

OK = 0
FAILED = 1
UNUSABLE = 2
INTERRUPTED = 130


class CommandError(Exception):
    """Something the person at the command line can put right. `status` is the exit status."""

    def __init__(self, message: str, status: int = UNUSABLE) -> None:
        super().__init__(message)
        self.status = status
