"""Progress of a pull on a terminal, or one line a file where there is none."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_WIDTH = 24
_INTERVAL = 0.1  # seconds between two drawings


class ProgressBar:
    """Draws on ``stream`` (standard error by default); pass it as ``progress`` to ``ModelStore.pull``."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._drawn = 0.0
        self._finished = ""

    def __call__(self, label: str, done: int, total: int) -> None:
        if label == self._finished:
            return
        ended, now = done >= total, time.monotonic()
        if ended:
            self._finished = label
        if not self._stream.isatty():
            if ended:
                print(f"{label}  {total / 1e6:.1f} MB", file=self._stream, flush=True)
            return
        if ended or now - self._drawn >= _INTERVAL:
            self._drawn = now
            filled = _WIDTH * done // total
            bar = "#" * filled + "-" * (_WIDTH - filled)
            line = f"\r{label:<48} [{bar}] {done / 1e6:6.1f} of {total / 1e6:.1f} MB"
            print(line, end="\n" if ended else "", file=self._stream, flush=True)
