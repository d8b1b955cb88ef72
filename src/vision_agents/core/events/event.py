"""The root of all events."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ..participants import Participant


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. `timestamp` is Unix time in seconds; `participant` is who it is about, if anyone."""

    participant: Participant | None = None
    timestamp: float = field(default_factory=time.time)
