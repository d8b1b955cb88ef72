"""The report of a call, as data: what `report.json` holds.

Times are in seconds from the first sample of the recording, durations in seconds, rounded to a tenth of a millisecond.
A value that could not be measured is null.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..floor.evidence import Vote
from ..trace.stages import AnswerStages
from .story import Decision

VERSION = 2

# Where the times of a reply's words come from; "unknown" in traces that do not tell, "none" where there are no words.
Source = Literal["provider", "estimated", "mixed", "none", "unknown"]


@dataclass(frozen=True, slots=True)
class Distribution:
    """The spread of a duration: median, 95th percentile (linear between ranks) and the longest of `count` values."""

    count: int
    p50: float
    p95: float
    longest: float


def distribution(values: Iterable[float | None]) -> Distribution | None:
    """Of the values that are known; None if there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    p50, p95 = np.percentile(known, [50, 95])
    return Distribution(len(known), round(float(p50), 4), round(float(p95), 4), round(max(known), 4))


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
    silence_told, time_to_silence
                     what the agent itself counts as `silence` and `onset_to_silence`, as in its `InterruptionEvent`;
                     null where it was not to be heard, or where the trace does not tell
    decision         "commit": a real interruption, the reply is gone; "resume": it was none, the reply went on;
                     "none": the reply or the call was over before it was decided
    reason           why
    evidence         the votes that it came from: strategy, weight (1 is enough for an interruption), reason
    refused_at, accepted_at
                     speech that was taken for no interruption and became one when its words were known is there twice:
                     as the refusal, which says when it was accepted, and as the commit, which says when it was refused
    continued_by     the reply that said the unheard rest, since nothing was said by whoever interrupted
    continued        when the first sample of that was pulled; null if it never was
    resumed          the first audible sample after a resume; `silence` to here is the pause that the user heard
    rewound          seconds that the voice went back when it resumed, to the start of the cut word
    said             what the user said
    heard, unheard   the words of the reply that were played by then, and those that were not
    estimated        whether the division into heard and unheard rests on estimated word times
    samples_dropped  of the reply's audio at 48 kHz, thrown away unplayed; null if the trace does not tell
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
    evidence: tuple[Vote, ...] = ()
    silence_told: float | None = None
    time_to_silence: float | None = None
    samples_dropped: int | None = None
    refused_at: float | None = None
    accepted_at: float | None = None
    continued_by: int | None = None
    continued: float | None = None

    @property
    def felt(self) -> float | None:
        """Time to silence: as measured in the recording, else as the agent counts it."""
        return self.onset_to_silence if self.onset_to_silence is not None else self.time_to_silence

    @property
    def seconds_dropped(self) -> float | None:
        """Audio thrown away unplayed."""
        return None if self.samples_dropped is None else self.samples_dropped / 48_000


@dataclass(frozen=True, slots=True)
class ReplyFacts:
    """One reply: what was heard of it, and where the times of its words come from.

    `given`, `estimated`: words whose times the synthesiser gave, and those that were estimated; null in traces that do
    not tell. `rests_on_estimate`: the division into heard and unheard does.
    """

    reply: int
    epoch: int
    heard: str
    unheard: str
    source: Source
    given: int | None
    estimated: int | None
    rests_on_estimate: bool
    continues: int | None = None


@dataclass(frozen=True, slots=True)
class WordFacts:
    """Sources of the words' times in the whole call, and the error that estimates would have.

    `error`: how far an estimate from the text alone would put the ends of the words from where the synthesiser says
    they are, in seconds, without sign; `error_words`: by how many words such an estimate would be wrong there about
    what was heard. Null where no synthesiser says, or none of its utterances was complete.
    """

    source: Source
    given: int
    estimated: int
    error: Distribution | None = None
    error_words: Distribution | None = None


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
class AnswerFacts:
    """The times of one reply on the way to its first sample, as in its `AnswerLatencyEvent`.

    `participant` is who is answered, null for what code asked for and for the rest of another reply (`continues`).
    `stages` are the times of the stages, each null where it was not reached or nobody tells; `durations` are the
    seconds from each to the next, which add up to `total`.
    """

    reply: int
    epoch: int
    participant: str | None
    stages: AnswerStages
    durations: dict[str, float]
    total: float | None
    continues: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of a call.

    `turns` were spoken and taken, `typed` texts come on top of them, `discarded` sounds were none; `unheard_replies`
    were never heard at all.

    `late_commits` were refused at first; `recovered` were false commits: the agent said the rest. `input_tokens` and
    `output_tokens` are those of the models, as far as their providers tell.
    """

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
    late_commits: int = 0
    recovered: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    typed: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The whole call.

    `started` is Unix time; `worst_delay` is the latest that the recording's clock was ever late, which is how far the
    times can be trusted; `policy` is how interruptions were judged; `recording` is false where there is none; `stages`
    are the durations of the answers to somebody that were heard, by the names of the stages.
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
    answers: tuple[AnswerFacts, ...] = ()
    stages: dict[str, Distribution] = field(default_factory=dict)
    replies: tuple[ReplyFacts, ...] = ()
    words: WordFacts | None = None
    errors: tuple[str, ...] = ()
    policy: dict[str, Any] = field(default_factory=dict)
    version: int = VERSION
