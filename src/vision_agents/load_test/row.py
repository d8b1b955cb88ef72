"""A row of the table: everything that so many callers noticed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .line import Line

# A frame that is later than this is heard as a gap: it is as long as a frame.
TOO_LATE = 0.02


@dataclass(slots=True)
class Row:
    """The counts and times, in seconds, of a number of callers at a time."""

    callers: int
    seconds: float = 0.0
    """The time for which they called."""
    complete: bool = False
    """All of the time that was asked for."""
    calls: int = 0
    """Calls that an agent took."""
    lost: int = 0
    """Calls that ended and the caller had not hung up."""
    refused: Counter[str] = field(default_factory=Counter)
    """Starts that were refused (503), by what the server said."""
    failed: Counter[str] = field(default_factory=Counter)
    """Starts that failed, by what the server said, or what went wrong."""
    refusals: list[float] = field(default_factory=list)
    """Times that refusals took."""
    joins: list[float] = field(default_factory=list)
    """Times from the start's request until sound could flow."""
    silences: list[float] = field(default_factory=list)
    """From the onset of an interruption to the end of the last sound of the agent."""
    unstopped: int = 0
    """Interruptions that were not followed by silence."""
    answers: list[float] = field(default_factory=list)
    """From the end of what was said to the first sound of the answer."""
    unanswered: int = 0
    """What was said and not answered."""
    cut_in: int = 0
    """Answers that began while the caller still spoke; they have no time."""
    noises: int = 0
    """Coughs, and listeners' noises, over an agent that spoke."""
    resumed: int = 0
    """Those after which it was heard again."""
    late: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    """How late the agents' frames came."""
    missed: int = 0
    """Frames of the agents that never came."""
    own_late: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    """How late the callers' own frames were sent."""
    cpu: list[float] = field(default_factory=list)
    """Shares of a processor that the server used, second by second."""
    rss: int = 0
    """The most memory that the server had, in bytes."""

    @property
    def asked(self) -> int:
        """Everything that was to be answered."""
        return len(self.answers) + self.cut_in + self.unanswered

    @property
    def interruptions(self) -> int:
        """Everything that was to silence the agent."""
        return len(self.silences) + self.unstopped

    @property
    def too_late(self) -> float:
        """The share of frames that came later than `TOO_LATE`, or never."""
        frames = len(self.late) + self.missed
        return (int((self.late > TOO_LATE).sum()) + self.missed) / frames if frames else 0.0

    def add(self, line: Line) -> None:
        """Count the frames of a call that is over."""
        self.late = np.append(self.late, np.asarray(line.late, np.float32))
        self.own_late = np.append(self.own_late, np.asarray(line.own_late, np.float32))
        self.missed += line.missed


def share(values: list[float] | npt.NDArray[np.float32], quantile: float) -> float | None:
    """The value that `quantile` of the values do not exceed; None if there are none."""
    return float(np.quantile(values, quantile)) if len(values) else None
