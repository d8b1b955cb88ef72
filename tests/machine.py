"""How busy this machine is while a test runs in real time: what is late may be late for that."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

STEP = 0.05


class Witness(threading.Thread):
    """Measures the machine from `begin` on: how late a sleep ends, and how many tasks want a core."""

    def __init__(self) -> None:
        super().__init__(name="witness of the machine", daemon=True)
        self._worst = 0.0
        self._wanting: list[int] = []

    def begin(self) -> None:
        """Forget what was measured so far; the first time, begin to measure."""
        self._worst, self._wanting = 0.0, []
        if not self.is_alive():
            self.start()

    def run(self) -> None:
        while True:
            due = time.monotonic() + STEP
            time.sleep(STEP)
            self._worst = max(self._worst, time.monotonic() - due)
            if (wanting := runnable()) is not None:
                self._wanting.append(wanting)

    def __str__(self) -> str:
        found = f"a sleep of {STEP * 1000:.0f} ms took up to {self._worst * 1000:.0f} ms more"
        if self._wanting:
            mean = sum(self._wanting) / len(self._wanting)
            found = f"{mean:.1f} tasks wanted to run on {os.cpu_count()} cores, and {found}"
        return f"While this test ran, {found}."


def runnable() -> int | None:
    """How many tasks of the whole machine run or wait for a core, without the one that asks; None where unknown."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].split("/")[0]) - 1
    except (OSError, ValueError, IndexError):
        return None
