"""The use of a machine, or of its container, by all processes together, and what one of several may have of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .usage import processors

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a node that one process may use, where others are on it that hold calls, too."""

    processors: float
    """A part of one, where several share it."""


class Node:
    """The processor time and the memory that all processes of the node use, as the system tells it.

    Args:
        proc: where the system tells of its processors and its memory.
        group: where it tells of this container, by version 2 of control groups. Where there is a limit, it is this that
            counts.
    """

    def __init__(self, proc: Path = Path("/proc"), group: Path = Path("/sys/fs/cgroup")) -> None:
        self._proc, self._group = proc, group
        self.processors = processors(group / "cpu.max")

    def seconds(self) -> float | None:
        """The seconds of processors that were used so far; None where the system does not tell."""
        try:
            if (self._group / "cpu.max").read_text().split()[0] != "max":
                return _number(self._group / "cpu.stat", "usage_usec") / 1e6
        except (OSError, ValueError, IndexError):
            pass  # There is no container.
        try:
            mine = {f"cpu{number}" for number in os.sched_getaffinity(0)}
            lines = [line.split() for line in (self._proc / "stat").read_text().splitlines()]
            # User, nice and system, then idle and waiting for disks, then interrupts.
            used = [sum(map(int, (*line[1:4], *line[6:8]))) for line in lines if line[:1] and line[0] in mine]
            return sum(used) / _TICK if used else None
        except (AttributeError, OSError, ValueError, IndexError):
            return None

    def memory(self) -> float:
        """The share of the memory that is used, and could not be freed; 0 where the system does not tell."""
        try:
            most = int((self._group / "memory.max").read_text())
            used = int((self._group / "memory.current").read_text())
            return (used - _number(self._group / "memory.stat", "inactive_file")) / max(1, most)
        except (OSError, ValueError, IndexError):
            pass  # There is no container, or none with a limit.
        try:
            info = self._proc / "meminfo"
            return 1.0 - _number(info, "MemAvailable:") / max(1, _number(info, "MemTotal:"))
        except (OSError, ValueError, IndexError):
            return 0.0


def _number(file: Path, name: str) -> int:
    """The number after a name, at the beginning of a line. Raises ValueError if there is none."""
    for line in file.read_text().splitlines():
        fields = line.split()
        if fields[:1] == [name]:
            return int(fields[1])
    raise ValueError(f"{file} has no {name}")
