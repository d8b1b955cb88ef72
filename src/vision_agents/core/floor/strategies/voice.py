"""Votes by the speaker's voice."""

from __future__ import annotations

from ..evidence import Evidence, Vote
from ..vocabulary import tokens
from .words import believed

# The cosine of two voiceprints under which they are two people's: for no speech at all, for each second that it rests
# on, and at most. At these, 1 of 100 are taken for another one than they are; `benchmarks/voiceprint.py` prints them.
OTHER = -0.06
PER_SECOND = 0.34
SUREST = 0.36
# And from which on they are one person's: 1 in 20 of other voices are that much alike after half a second.
SAME = 0.3

# Of a command, which a second person may give; of everything else; and while it cannot be told yet.
COMMANDS, OTHERWISE, UNSURE = -0.5, -3.0, -1.0


def callers(evidence: Evidence) -> bool:
    """Return True if the voice is known for that of the one in conversation."""
    return evidence.similarity is not None and evidence.similarity >= SAME


def voice(evidence: Evidence) -> Vote | None:
    """Vote -3 for another voice than the one in conversation, which outweighs all that it may say; -0.5 for a command.

    Another person may have the agent stop, but has to mean it. What they say to each other is theirs. Half a second of
    speech seldom tells: while it goes on and may still be either, -1, so that it takes twice as long and more of it is
    compared. Once it is over, the caller has the benefit of the doubt.
    """
    alike = evidence.similarity
    other = min(SUREST, OTHER + PER_SECOND * evidence.compared_seconds)
    if alike is None or alike >= max(SAME, other):
        return None
    command = believed(evidence) and evidence.vocabulary.is_command(tokens(evidence.words))
    if alike < other:
        return Vote(COMMANDS if command else OTHERWISE, f"another voice ({alike:.2f} alike)")
    return Vote(UNSURE, f"perhaps another voice ({alike:.2f} alike)") if evidence.speaking and not command else None
