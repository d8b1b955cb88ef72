"""The report of a call, as data: what `report.json` holds.

Times are in seconds from the first sample of the recording, durations in seconds, rounded to a tenth of a millisecond.
A value that could not be measured is null.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .story import Decision

VERSION = 1


@dataclass(frozen=True, slots=True)
class Distribution:
    """How a duration was spread: median, 95th percentile (linear between ranks) and the longest of `count` values."""

    count: int
    p50: float
    p95: float
    longest: float


@dataclass(frozen=True, slots=True)
class InterruptionFacts:
    """One time that somebody spoke over a reply.

    participant      who; null if code interrupted
    reply            number of the reply
    epoch            the epoch after the decision: a commit begins a new one, a resume stays in the old one
    onset            the acoustic onset of the speech, from the energy of the user's channel
    onset_detected   the same as the detector estimated it
    hold             when the agent was held: the first window of speech; null if the policy does not hold
    silence          the end of the last audible sample of the agent, from its channel; null if it was not audible
    decided          when it was decided what to make of it
    onset_to_silence, onset_to_hold, hold_to_decision
                     what the user felt, what the detector took, how long the evidence took to gather
    decision         "commit": a real interruption, the reply is gone; "resume": it was none, the reply went on;
                     "none": the reply or the call was over before it was decided
    reason           why
    resumed          the first audible sample after a resume; `silence` to here is the pause that the user heard
    rewound          seconds that the voice went back when it resumed, to the start of the cut word
    said             what the user said
    heard, unheard   the words of the reply that were played by then, and those that were not
    estimated        whether the division into heard and unheard rests on estimated word times
    stale_chunks, stale_samples
                     audio of the old reply that its makers still sent afterwards; it was dropped, not played
    """

    participant: str | None
    reply: int
    epoch: int
    onset: float | None
    onset_detected: float | None
    hold: float | None
    silence: float | None
    decided: float | None
    onset_to_hold: float | None
    onset_to_silence: float | None
    hold_to_decision: float | None
    decision: Decision
    reason: str
    resumed: float | None
    rewound: float
    said: str
    heard: str
    unheard: str
    estimated: bool
    stale_chunks: int
    stale_samples: int


@dataclass(frozen=True, slots=True)
class ResponseFacts:
    """One answer: from the end of the user's speech to the first audible sample of the reply.

    `speech_end` is from the energy of the user's channel, `speech_end_detected` is the detector's; `first_sample` is
    the first audible one, `first_pulled` the first that was pulled, which may be quieter. `latency` is
    `first_sample - speech_end`, from what was pulled and detected where there is no recording.
    """

    reply: int
    epoch: int
    speech_end: float | None
    speech_end_detected: float
    first_sample: float | None
    first_pulled: float
    latency: float


@dataclass(frozen=True, slots=True)
class Counts:
    """How often. `turns` were taken, `discarded` sounds were none; `unheard_replies` were never heard at all."""

    turns: int = 0
    discarded: int = 0
    replies: int = 0
    unheard_replies: int = 0
    interruptions: int = 0
    commits: int = 0
    resumes: int = 0
    undecided: int = 0
    stale_chunks: int = 0
    stale_samples: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The whole call.

    `started` is Unix time; `worst_delay` is the latest that the recording's clock was ever late, which is how far the
    times can be trusted; `policy` is how interruptions were judged; `recording` is false where there is none.
    """

    started: float | None
    duration: float
    recording: bool
    worst_delay: float | None
    counts: Counts
    onset_to_silence: Distribution | None
    hold_to_decision: Distribution | None
    response_latency: Distribution | None
    interruptions: tuple[InterruptionFacts, ...]
    responses: tuple[ResponseFacts, ...]
    errors: tuple[str, ...] = ()
    policy: dict[str, Any] = field(default_factory=dict)
    version: int = VERSION
