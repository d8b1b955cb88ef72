"""Facts of a call beside the floor, for people, reports and telemetry. Times in seconds on the trace's clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..floor.evidence import Vote
from ..usage import TokenUsage
from ..voice.transcript import Utterance
from .stages import AnswerStages

VERSION = 4
"""Of the trace's format: another one wherever a record or a field is renamed or gone. What is new has a default, and
needs none."""

OLDEST = 2
"""The first version that is read: those from it on are brought to today's (`older`)."""


@dataclass(frozen=True, slots=True)
class Note:
    """A fact that changes nothing about who has the floor."""


# The frame.


@dataclass(frozen=True, slots=True)
class SessionStarted(Note):
    """The first record of a trace: under which policy and with which words interruptions are judged.

    `answers`: whether the floor decides when to answer (a cascade), or the model does. `started`: Unix time.
    `apology`: what is said when the agent's words cannot be made.
    """

    version: int
    policy: dict[str, Any]
    words: dict[str, Any]
    answers: bool
    started: float
    apology: str = ""


@dataclass(frozen=True, slots=True)
class ParticipantJoined(Note):
    """A participant is in the call."""

    participant: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class ComponentFailed(Note):
    """A part reported an error; the call goes on."""

    component: str
    error: str


@dataclass(frozen=True, slots=True)
class TokensUsed(Note):
    """A model was used, as its provider tells."""

    usage: TokenUsage


@dataclass(frozen=True, slots=True)
class CallEnded(Note):
    """The call is over; `error` says why, if it broke."""

    error: str | None = None


# What is said.


@dataclass(frozen=True, slots=True)
class UserTranscript(Note):
    """Words of a participant: `final` ones stay, others are replaced by the next. `turn`: all words of the turn."""

    participant: str
    text: str
    final: bool
    turn: str = ""


@dataclass(frozen=True, slots=True)
class ResponseRequested(Note):
    """The model is to answer `text` with that reply, though nobody said it: `participant` typed it, None: code asks."""

    reply: int
    text: str
    participant: str | None = None


@dataclass(frozen=True, slots=True)
class AgentTranscript(Note):
    """The words of a reply, divided into those that were heard so far and those that were not.

    `interrupted`: it was cut off. `done`: this is final.
    """

    reply: int
    heard: str
    unheard: str
    interrupted: bool
    done: bool


@dataclass(frozen=True, slots=True)
class ReplyPlayed(Note):
    """A reply is over: how much of its audio was pulled, and the words in it.

    `estimated`: the division into heard and unheard words is an estimate. `stale_chunks`: late audio that the playout
    has refused since the session began. `utterances`: what it was made of, None if that is not told.
    """

    reply: int
    seconds: float
    text: str
    estimated: bool
    stale_chunks: int = 0
    utterances: tuple[Utterance, ...] | None = None


@dataclass(frozen=True, slots=True)
class AnswerTimed(Note):
    """The first sample of a reply was pulled, or it is over without one: when it got to each stage on the way.

    `participant`: whose speech it answers, None for what code asked for. `durations` and `total`: those of `stages`.
    """

    reply: int
    participant: str | None
    stages: AnswerStages
    durations: dict[str, float]
    total: float | None


@dataclass(frozen=True, slots=True)
class VoiceStarted(Note):
    """The agent's voice began to sound with the pulled frame of that number, or sounds again after a silence.

    Where another reply follows without a silence, that is all that tells of it.
    Frames have 20 ms and are counted from the first one that was pulled in the call: unlike the trace's clock, they
    have their exact place in a recording, however late a tick was.
    """

    reply: int
    frame: int


@dataclass(frozen=True, slots=True)
class VoiceStopped(Note):
    """The agent's voice fell silent within the pulled frame of that number; see `VoiceStarted`."""

    frame: int


# Interruptions.


@dataclass(frozen=True, slots=True)
class ReplyResumed(Note):
    """A held reply goes on at `position`, `rewound` samples (48 kHz) before where it was silenced."""

    reply: int
    position: int
    rewound: int
    heard: str
    unheard: str


@dataclass(frozen=True, slots=True)
class InterruptionDecided(Note):
    """The decision on speech over a reply, as in `InterruptionEvent`. `onset` and `silence` in the trace's time."""

    reply: int
    participant: str | None
    decision: Literal["commit", "resume"]
    reason: str
    evidence: tuple[Vote, ...]
    onset: float
    silence: float | None
    time_to_silence_ms: float | None
    heard: str
    unheard: str
    samples_dropped: int


@dataclass(frozen=True, slots=True)
class StaleAudio(Note):
    """Audio of an epoch that is over arrived and was dropped: `samples` at 48 kHz in `chunks` pieces."""

    epoch: int
    chunks: int
    samples: int


# The recording.


@dataclass(frozen=True, slots=True)
class RecordingStarted(Note):
    """The first sample of the recording `file` was due now, with the pulled frame number `frame`."""

    file: str
    frame: int = 0


@dataclass(frozen=True, slots=True)
class RecordingEnded(Note):
    """The recording is complete. `worst_delay`: how late a tick of its clock ever was, in seconds."""

    worst_delay: float


@dataclass(frozen=True, slots=True)
class ClockLate(Note):
    """For `lasted` seconds from now the recording's clock was late, by `delay` seconds at most."""

    lasted: float
    delay: float


NOTES: tuple[type[Note], ...] = (
    SessionStarted,
    ParticipantJoined,
    ComponentFailed,
    TokensUsed,
    CallEnded,
    UserTranscript,
    ResponseRequested,
    AgentTranscript,
    ReplyPlayed,
    AnswerTimed,
    VoiceStarted,
    VoiceStopped,
    ReplyResumed,
    InterruptionDecided,
    StaleAudio,
    RecordingStarted,
    RecordingEnded,
    ClockLate,
)
