"""The stages of an answer: where the time between the end of a user's speech and the agent's first sample goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

Stage = Literal[
    "speech_end",
    "pause_found",
    "turn_ended",
    "final_words",
    "begun",
    "first_token",
    "first_sentence",
    "first_audio",
    "pulled",
]

STAGES: tuple[Stage, ...] = get_args(Stage)
"""All stages, in the order in which an answer usually gets to them."""


@dataclass(frozen=True, slots=True)
class AnswerStages:
    """The times at which a reply got to its stages, in seconds on the clock of the trace.

    None where it did not get to one, or nobody tells.
    What code asked for has no `speech_end` and nothing up to `final_words`. A realtime model tells of no words, tokens
    and sentences that its answer waits for, and a detector of turns alone finds no pauses.
    """

    speech_end: float | None = None
    """The sound of the speech that is answered ended, as its detector measures it."""

    pause_found: float | None = None
    """The detector reported that it had ended."""

    turn_ended: float | None = None
    """It was decided that the participant is done."""

    final_words: float | None = None
    """All words of the turn were known."""

    begun: float | None = None
    """The making of the reply began: the floor was free, and the model was asked, or began by itself."""

    first_token: float | None = None
    """The first text of the language model came."""

    first_sentence: float | None = None
    """The first sentence was complete, and went to the synthesiser."""

    first_audio: float | None = None
    """The first audio came, from the synthesiser or the realtime model."""

    pulled: float | None = None
    """The first sample was pulled: the caller hears the reply."""

    functions: float = 0.0
    """Seconds on the way to `pulled` in which functions ran that the answer needed."""

    held: float = 0.0
    """Seconds on the way to `pulled` in which the reply was held, since somebody was to be heard."""

    @property
    def total(self) -> float | None:
        """Seconds from the end of the speech to the first sample; None if there was no speech, or no sample."""
        if self.speech_end is None or self.pulled is None:
            return None
        return max(0.0, self.pulled - self.speech_end)

    @property
    def durations(self) -> dict[str, float]:
        """Seconds from each stage to the next that is known, by the name of the later one, in the order of `STAGES`.

        A stage that was reached before an earlier one has taken none. They add up to `total`, where there is one.
        """
        known = [(stage, at) for stage in STAGES if (at := self.at(stage)) is not None]
        took: dict[str, float] = {}
        reached = known[0][1] if known else 0.0
        for stage, at in known[1:]:
            until = at if self.pulled is None else min(at, self.pulled)
            took[stage] = max(0.0, until - reached)
            reached = max(reached, until)
        return took

    def at(self, stage: Stage) -> float | None:
        """The time of a stage."""
        at: float | None = getattr(self, stage)
        return at

    def shifted(self, seconds: float) -> AnswerStages:
        """The same on a clock that is ahead by so much."""
        return replace(self, **{stage: at + seconds for stage in STAGES if (at := self.at(stage)) is not None})

    def rounded(self, digits: int) -> AnswerStages:
        """The same to so many decimal places."""
        times = {stage: round(at, digits) for stage in STAGES if (at := self.at(stage)) is not None}
        return replace(self, functions=round(self.functions, digits), held=round(self.held, digits), **times)
