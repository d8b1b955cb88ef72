"""The story of a call, as its trace tells it: who spoke when, what the agent said, how each interruption went.

All times are in seconds from the first sample of the call's recording, or from the session's start if there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ..floor.evidence import Vote
from ..trace.stages import AnswerStages

Decision = Literal["commit", "resume", "none"]


@dataclass(slots=True)
class Speech:
    """A stretch of speech as the detector saw it: from its estimated onset to its last sound."""

    participant: str
    start: float
    end: float


@dataclass(slots=True)
class SpokenTurn:
    """A participant's turn. `taken`: it went into the history; otherwise it was discarded, as a cough is.

    `announced_end`: when everyone was told that it is over; `closed`: when its words were complete.
    """

    participant: str
    start: float
    end: float
    text: str = ""
    taken: bool = False
    announced_end: float | None = None
    closed: float | None = None


@dataclass(frozen=True, slots=True)
class AskedText:
    """A text that the model was asked: `participant` typed it, None: code asks, or the trace does not tell."""

    at: float
    text: str
    participant: str | None


@dataclass(slots=True)
class VoiceStretch:
    """The agent's voice from one silence to the next, by the frames that were pulled: exact in the recording.

    `noted`: when it began on the trace's clock, which may be later than `start`. `end` is None while it lasts.
    """

    reply: int
    start: float
    noted: float
    end: float | None = None


@dataclass(slots=True)
class ReplyStory:
    """One reply of the agent. `started` is None if it was never heard, `ended` if it still ran at the end."""

    number: int
    epoch: int
    answer: bool
    begun: float
    # The reply whose unheard rest this is: what had interrupted that one was no interruption.
    continues: int | None = None
    # Who is answered, None for what code asked for; and when it got to each stage on the way to its first sample.
    to: str | None = None
    stages: AnswerStages | None = None
    started: float | None = None
    ended: float | None = None
    end: Literal["heard", "interrupted", "dropped", "open"] = "open"
    # Why it was dropped; and when the last was known of it.
    dropped: str | None = None
    closed: float | None = None
    heard: str = ""
    unheard: str = ""
    interrupted: bool = False
    # Seconds of its audio that were played, and whether the division into heard and unheard is an estimate.
    heard_seconds: float = 0.0
    estimated: bool = False
    # Where its words' times come from; None in traces that do not tell.
    timing: WordTiming | None = None


@dataclass(frozen=True, slots=True)
class WordTiming:
    """Words of a reply whose times the synthesiser gave, and those that had to be estimated.

    `errors`: for each given word, how much later an estimate from the text alone would have it end, in seconds; `off`:
    how many words too many such an estimate would take for heard there.
    """

    given: int
    estimated: int
    errors: tuple[float, ...] = ()
    off: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentCount:
    """The agent's own figures of an interruption, as in its `InterruptionEvent`. `time_to_silence` in seconds."""

    onset: float
    silence: float | None
    time_to_silence: float | None
    samples_dropped: int


@dataclass(slots=True)
class Challenge:
    """Somebody spoke over a reply, or code stopped it. `hold` is None if the voice was not held first."""

    reply: int
    participant: str | None
    onset: float | None
    hold: float | None
    epoch: int
    decision: Decision = "none"
    reason: str = "the call ended"
    decided: float | None = None
    # What the agent had said by then and what not; and what the user said.
    heard: str = ""
    unheard: str = ""
    said: str = ""
    rewound: float = 0.0
    stale_chunks: int = 0
    stale_samples: int = 0
    evidence: tuple[Vote, ...] = ()
    # None in traces that do not tell, and where nothing was decided.
    counted: AgentCount | None = None
    # It was refused before, and the words came late: what it was then, and what became of that.
    before: Challenge | None = None
    after: Challenge | None = None
    # The reply that said the unheard rest, since nothing was said by whoever interrupted.
    continued_by: int | None = None


@dataclass(frozen=True, slots=True)
class LateClock:
    """A stretch in which the recording's clock was late, by `delay` seconds at most, and then caught up."""

    start: float
    end: float
    delay: float


@dataclass(slots=True)
class Story:
    """The whole call."""

    policy: dict[str, Any] = field(default_factory=dict)
    answers: bool = True
    started: float | None = None
    # Of the trace's times, to get to those of the recording.
    offset: float = 0.0
    # How late a tick of the recording's clock ever was; and where it was much too late.
    worst_delay: float | None = None
    late: list[LateClock] = field(default_factory=list)
    duration: float = 0.0
    speech: list[Speech] = field(default_factory=list)
    turns: list[SpokenTurn] = field(default_factory=list)
    replies: list[ReplyStory] = field(default_factory=list)
    # Empty in traces that do not tell.
    voice: list[VoiceStretch] = field(default_factory=list)
    challenges: list[Challenge] = field(default_factory=list)
    # (time, epoch): when each epoch began.
    epochs: list[tuple[float, int]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    errors: list[tuple[float, str]] = field(default_factory=list)
    texts: list[AskedText] = field(default_factory=list)
    stale_chunks: int = 0
    stale_samples: int = 0
    # As the providers count them.
    input_tokens: int = 0
    output_tokens: int = 0
