"""The progress of a call, as one line on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

# Seconds of the call between two looks.
STEP = 0.25

# Clears what is left of a longer line before.
_CLEAR = "\x1b[K"


class CallProgress:
    """An observer of a trace that says where the call is. `seconds`: of the recording, behind which it goes on.

    On anything but a terminal it says nothing.
    """

    def __init__(self, stream: TextIO, seconds: float) -> None:
        self._stream, self._seconds = stream, seconds
        self._told: float | None = None
        self._turns = self._interruptions = 0

    def __call__(self, record: Mapping[str, Any]) -> None:
        """Count what the record tells, and say where the call is, now and then."""
        self._turns += record.get("effect") == "RecordTurn"
        self._interruptions += record.get("note") == "InterruptionDecided"
        at = record["t"]
        if not self._stream.isatty() or (self._told is not None and at - self._told < STEP):
            return
        self._told = at
        counts = f"turns {self._turns}, spoken over {self._interruptions}"
        # The agent is heard out, and the recording goes on as silence.
        where = f" of {self._seconds:.1f}" if at <= self._seconds else ", the recording is over"
        line = f"{at:6.1f} s{where}  {record.get('state', ''):13}  {counts}"
        self._stream.write(f"\r{line}{_CLEAR}")
        self._stream.flush()

    def close(self) -> None:
        """Take the line back."""
        if self._told is not None:
            self._stream.write(f"\r{_CLEAR}")
            self._stream.flush()
