"""Votes by the speaker's voice."""

from __future__ import annotations

from ..evidence import Evidence, Vote
from ..vocabulary import tokens
from .words import believed

# The cosine of two voiceprints under which they are two people's: after half a second of speech, for each second more,
# and at most. At these, 1 of 100 are taken for another one than they are; `benchmarks/voiceprint.py` prints them.
SAME = 0.44
PER_SECOND = 0.13
SUREST = 0.64

# Of a command, which a second person may give; and of everything else.
COMMANDS, OTHERWISE = -0.5, -3.0


def voice(evidence: Evidence) -> Vote | None:
    """Vote -3 for another voice than the one in conversation, which outweighs all that it may say; -0.5 for a command.

    Another person may have the agent stop, but has to mean it. What they say to each other is theirs.
    """
    if evidence.similarity is None:
        return None
    if evidence.similarity >= min(SUREST, SAME + PER_SECOND * max(0.0, evidence.voiced - 0.5)):
        return None
    commands = believed(evidence) and evidence.vocabulary.is_command(tokens(evidence.words))
    weight = COMMANDS if commands else OTHERWISE
    return Vote(weight, f"another voice ({evidence.similarity:.2f} alike)")
