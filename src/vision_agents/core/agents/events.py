"""The events of an agent: what it said, how it was interrupted, what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..events import Event
from ..floor import FloorState
from ..floor.evidence import Vote
from ..trace.stages import AnswerStages


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpeechStartedEvent(Event):
    """The first sample of a reply was played."""

    reply: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpeechEndedEvent(Event):
    """A reply is over. `heard`: the words that were played; `unheard`: those that were not, if it was interrupted.

    `failed`: a part failed at it, or was late. Another reply says what is missing, and has an end of its own; what
    fails in that too is not said. An answer with neither words nor failure was silent by choice.
    `estimated`: whether the words' times are estimates, or come from the synthesiser.
    """

    reply: int
    epoch: int
    heard: str
    unheard: str = ""
    interrupted: bool = False
    failed: bool = False
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLatencyEvent(Event):
    """The first sample of a reply was played, or the reply is over without one: when it got to each stage on the way.

    `participant`: whose speech it answers; None for what code asked for. `stages.total` is the time that the user
    waited, `stages.durations` is where it went, in seconds. The times of `stages` are seconds since the call began.
    """

    reply: int
    stages: AnswerStages


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptionEvent(Event):
    """The user spoke over the agent, and this is what was made of it: an interruption ("commit"), or none ("resume").

    `reason`: why, in words; `evidence`: the votes that it came from, each with its weight and reason. `onset`: when the
    speech began, as the detector estimates it; `silence`: when the last audible sample of the agent was pulled because
    of it, None if the agent was not to be heard then. Both are Unix times in seconds. `time_to_silence_ms`: between the
    two. `onset_delay_ms`: from the onset to the first window of speech, when the voice was held; `held_ms`: from there
    to the decision. `heard`, `unheard`: the words of the reply before and after the cut. `samples_dropped`: of the
    agent's audio at 48 kHz, thrown away unplayed.

    What was taken for none may become one, when its words are known late: then there are two of these events.
    """

    reply: int
    decision: Literal["commit", "resume"]
    reason: str
    evidence: tuple[Vote, ...] = ()
    epoch: int
    onset: float
    silence: float | None
    time_to_silence_ms: float | None
    onset_delay_ms: float
    held_ms: float
    heard: str
    unheard: str
    samples_dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStateEvent(Event):
    """`agent.state` has changed."""

    state: FloorState
    previous: FloorState


@dataclass(frozen=True, slots=True, kw_only=True)
class NoWordsEvent(Event):
    """`participant` spoke, and nothing was understood. The agent says nothing by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAwayEvent(Event):
    """Neither a participant nor the agent has said anything for `silence` seconds (`InterruptionPolicy.user_away`).

    Sent once; after a `UserBackEvent` it may be sent again.
    """

    silence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UserBackEvent(Event):
    """After a `UserAwayEvent`, `participant` said something again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent(Event):
    """A component failed, or was not in time; the conversation goes on."""

    component: str
    error: str
