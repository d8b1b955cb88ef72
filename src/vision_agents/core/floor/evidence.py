"""The evidence on speech over the agent's voice, and the vote of a strategy on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Vote:
    """A strategy's vote for or against an interruption. All weights are added; at 1.0 the speech is one."""

    weight: float
    """1.0 is enough for an interruption, a negative weight speaks against one."""

    reason: str
    """A few words for people: they stand in events, traces and reports."""

    strategy: str = ""
    """The name of the strategy. Strategies leave it empty: it is filled in by the code that asks them."""


# Characters of a transcript that a reason quotes: reasons are read by people.
QUOTED = 60


def quote(words: str) -> str:
    """Put words in quotation marks, of many only the first `QUOTED` characters."""
    return f"“{words if len(words) <= QUOTED else words[: QUOTED - 1] + '…'}”"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A snapshot of one participant's speech since it began to challenge the agent's voice.

    Durations are in seconds, levels in dB of full scale.
    """

    participant: str
    """The id of the participant who speaks."""

    challenge: int
    """The number of the challenge: no other one in the call has it."""

    speaking: bool
    """True while the speech goes on, False in a pause and after its end."""

    clear_speech: float
    """Seconds of windows that were confidently speech, less half of those that were not; never below 0."""

    required_speech: float
    """Seconds of clear speech that make an interruption by themselves: the policy's `commit_speech`."""

    voiced: float
    """Seconds of all windows that were speech."""

    elapsed: float
    """Seconds from the first window of speech to the last."""

    transcribed: bool
    """True once a recogniser has reported on this speech, even that it found no words."""

    words: str
    """The transcript of this speech so far, perhaps empty."""

    stt_confidence: float | None
    """The recogniser's confidence in its latest report, from 0 to 1; None if it gives none."""

    alternative: str
    """The recogniser's second guess at its latest report; empty if it has none."""

    level: float | None
    """The level of this speech; None if it was not measured."""

    usual_level: float | None
    """The level of the participant's earlier turns; None before the first."""

    similarity: float | None
    """Cosine of this voice with the one in conversation, from -1 to 1; None if nothing compares them."""

    agent_words: str
    """The last words of the agent that were played."""

    detector_confirmed: bool
    """True once a turn detector or a provider has reported that this is a turn."""

    vocabulary: Vocabulary = field(repr=False)
    """The words by which a backchannel is told from a command."""

    words_final: bool = True
    """False while the latest report was a guess that may be of a part of the speech only: more of it is coming."""

    compared_seconds: float = 1.0
    """What the similarity rests on: a·b / (a + b) of the seconds of speech that the two voices were worked out from."""

    taken_back: str = ""
    """An "uh-huh" that was read in this speech, and then taken back for other words; empty without any."""

    since_turn: float | None = None
    """Seconds of silence from the participant's last turn that was taken to this speech; None before the first."""
