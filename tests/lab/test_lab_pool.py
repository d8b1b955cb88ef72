"""The processes of the lab, and how they end."""

import time

from vision_agents.lab.pool import in_processes


def test_processes_that_nobody_waits_for_end_at_once() -> None:
    made = in_processes(_slept, [0.0, 60.0, 60.0, 60.0, 60.0], 2)
    assert next(made) == 0.0
    left = time.monotonic()
    made.close()  # type: ignore[attr-defined]
    assert time.monotonic() - left < 30.0


def _slept(seconds: float) -> float:
    time.sleep(seconds)
    return seconds
