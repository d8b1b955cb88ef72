"""Votes for an answer to the agent's question."""

from __future__ import annotations

from ..evidence import Evidence, Vote, quote
from ..vocabulary import tokens

# Words that the agent may have said since its question mark.
SINCE = 6


def question(evidence: Evidence) -> Vote | None:
    """Vote 2, which outweighs what `words` says of an "okay", if the agent has just asked a question."""
    if not evidence.words or not asked(evidence.agent_words):
        return None
    spoken = tokens(evidence.words)
    if evidence.vocabulary.content(spoken) or not evidence.vocabulary.has_answer(spoken):
        return None
    return Vote(2.0, f"{quote(evidence.words)} answers a question")


def asked(said: str) -> bool:
    """Return True if a question mark is among the agent's last words."""
    place = max(said.rfind(mark) for mark in "?？؟")
    return place >= 0 and len(said[place + 1 :].split()) <= SINCE
