"""The length of the speech."""

from __future__ import annotations

from ..evidence import Evidence, Vote

# Twice the length that is needed outweighs words that are only an "uh-huh".
MOST = 2.0
# What speech that is over weighs more than the same while it goes on: the agent is silent already, so there is time to
# hear whether "sound…" becomes "sounds good".
OVER = 1.5


def length(evidence: Evidence) -> Vote:
    """0 to 2: how much clear speech there is, in parts of what an interruption needs; over, half as much again.

    Clear means that the detector was nearly sure, window by window; windows in which it was not count against it by
    half. In recordings, speech of all languages is clear for two thirds of its windows or more; coughs and laughter
    that pass for speech at all seldom are for a quarter, animals never, and singing and crowds are in between.
    """
    share = evidence.clear / evidence.needed if evidence.needed > 0 else MOST
    weight = min(MOST, share if evidence.speaking else OVER * share)
    return Vote("length", weight, f"{evidence.clear:.2f} s of clear speech")


def detector(evidence: Evidence) -> Vote | None:
    """1 if a turn detector or a provider vouches for the turn."""
    return Vote("detector", 1.0, "the detector says that a turn began") if evidence.vouched else None
