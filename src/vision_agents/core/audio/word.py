"""Words and their times in audio."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it sounds: `start` and `end` in seconds from the first sample of its utterance."""

    text: str
    start: float
    end: float
