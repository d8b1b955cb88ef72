"""What is known of speech over the agent's voice, and what a strategy makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Vote:
    """What one strategy says. `weight`: 1.0 is enough for an interruption, negative speaks against one.

    The weights of all strategies are added; see `strategies`.
    """

    strategy: str
    weight: float
    reason: str


# Characters of somebody's words that a reason repeats: it is to be read.
QUOTED = 60


def quote(words: str) -> str:
    """The words in quotation marks; of many only the first."""
    return f"“{words if len(words) <= QUOTED else words[: QUOTED - 1] + '…'}”"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One participant's speech since it challenged the agent's voice. Durations in seconds, levels in dB of full scale.

    `challenge`: a number that no other challenge has. `speaking`: the sound goes on. `clear`: seconds of windows that
    were surely speech, less half of those that were not (never below 0); `needed`: how much of it makes an
    interruption. `voiced`: seconds of all windows that were speech; `lasted`: from the first to the last of them.
    `read`: a recogniser has reported on this speech; `words`: what it found, perhaps nothing; `sure`: its confidence
    from 0 to 1, None if it does not say; `alternative`: what it may have been instead, empty if nothing else. `level`:
    of the speech; `usual_level`: of the participant's turns before; None where it is not known. `similarity`: of
    the voice with the one in conversation, from -1 to 1, None if nothing compares them. `said`: the last words of the
    agent that were heard. `vouched`: a detector is sure that it is a turn.
    """

    participant: str
    challenge: int
    speaking: bool
    clear: float
    needed: float
    voiced: float
    lasted: float
    read: bool
    words: str
    sure: float | None
    alternative: str
    level: float | None
    usual_level: float | None
    similarity: float | None
    said: str
    vouched: bool
    vocabulary: Vocabulary = field(repr=False)
