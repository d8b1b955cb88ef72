"""Votes by the speaker's voice."""

from __future__ import annotations

from ..evidence import Evidence, Vote

# The cosine of two voiceprints under which they are two people's: after half a second of speech, for each second more,
# and at most. At these, 1 of 100 are taken for another one than they are; `benchmarks/voiceprint.py` prints them.
SAME = 0.44
PER_SECOND = 0.13
SUREST = 0.64


def voice(evidence: Evidence) -> Vote | None:
    """Vote -0.5 for another voice than the one in conversation: it may interrupt, but needs more for it."""
    if evidence.similarity is None:
        return None
    if evidence.similarity >= min(SUREST, SAME + PER_SECOND * max(0.0, evidence.voiced - 0.5)):
        return None
    return Vote(-0.5, f"another voice ({evidence.similarity:.2f} alike)")
