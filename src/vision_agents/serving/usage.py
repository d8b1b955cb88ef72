"""The use of processors and memory, by this process and by those that run its networks, as the system tells it."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from vision_agents.core.models.networks import worker_processes

_PAGE = resource.getpagesize()
_STATM = Path("/proc/self/statm")
_SCHEDULED = Path("/proc/thread-self/schedstat")
# The memory that a container may have, by version 2 and 1 of control groups.
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
# The processor time that a container may have of each period: "max 100000", or microseconds of both.
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_TICK = os.sysconf("SC_CLK_TCK")


class WorkerUsage:
    """The processor time and the memory of the processes that run networks of this one, such as llama's.

    Args:
        processes: tells their ids.
        proc: where the system tells of them. Where it does not, they count for nothing.
    """

    def __init__(self, processes: Callable[[], Iterable[int]] = worker_processes, proc: Path = Path("/proc")) -> None:
        self.seconds = 0.0
        """Of a processor, that they took since they were first seen; those of processes that have gone, too."""
        self.memory = 0
        """That they have, in bytes."""
        self._processes, self._proc = processes, proc
        self._told: dict[int, float] = {}

    def look(self) -> None:
        """Look at them now."""
        told = {pid: usage for pid in self._processes() if (usage := self._usage(pid)) is not None}
        # What a process took before it was seen is not of these seconds: it loaded its network.
        self.seconds += sum(max(0.0, seconds - self._told.get(pid, seconds)) for pid, (seconds, _) in told.items())
        self._told = {pid: seconds for pid, (seconds, _) in told.items()}
        self.memory = sum(memory for _, memory in told.values())

    def _usage(self, pid: int) -> tuple[float, int] | None:
        try:
            # After the name, which may have any characters.
            fields = (self._proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / _TICK, int(fields[21]) * _PAGE
        except (OSError, ValueError, IndexError):
            return None


def waited() -> float:
    """Seconds that this thread was ready to run, and others ran: on a shared processor it wants more than it gets."""
    try:
        return int(_SCHEDULED.read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def resident() -> int:
    """The memory that this process has, in bytes; where the system does not tell, the most that it ever had."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def memory_limit() -> int:
    """The memory that this process may have, in bytes: the machine's, or its container's."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _LIMITS:
        try:
            limits.append(int(path.read_text()))
        except (OSError, ValueError):
            continue  # There is no such file, or it says "max".
    return max(1, min(limits))


def processors(quota: Path = _QUOTA) -> float:
    """The processors that this process may use; a part of one, where its container may have no more."""
    try:
        there = float(len(os.sched_getaffinity(0)))
    except AttributeError:
        there = float(os.cpu_count() or 1)
    try:
        most, period = quota.read_text().split()
        return min(there, int(most) / int(period)) or there
    except (OSError, ValueError, ZeroDivisionError):
        return there  # There is no such file, or it says "max".
