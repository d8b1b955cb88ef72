"""What the agent had just asked."""

from __future__ import annotations

from ..evidence import Evidence, Vote, quote
from ..vocabulary import tokens

# Words that the agent may have said since its question mark.
SINCE = 6


def question(evidence: Evidence) -> Vote | None:
    """2, which makes up for what `words` says of an "okay", if the agent had just asked something."""
    if not evidence.words or not asked(evidence.said):
        return None
    heard = tokens(evidence.words)
    if evidence.vocabulary.content(heard) or not evidence.vocabulary.has_answer(heard):
        return None
    return Vote("question", 2.0, f"{quote(evidence.words)} answers a question")


def asked(said: str) -> bool:
    """Whether a question mark is among the agent's last words."""
    place = max(said.rfind(mark) for mark in "?？؟")
    return place >= 0 and len(said[place + 1 :].split()) <= SINCE
