"""Votes by the amount of speech, and by a turn detector's report."""

from __future__ import annotations

from ..evidence import Evidence, Vote

# Twice the length that is needed outweighs words that are only an "uh-huh".
MOST = 2.0
# The factor for speech that is over, against the same that goes on: the agent is silent already, so there is time to
# learn whether "sound…" becomes "sounds good".
OVER = 1.5


def length(evidence: Evidence) -> Vote:
    """Vote 0 to 2: the clear speech as a share of what an interruption requires; half as much again once it is over.

    Clear means that the detector was nearly sure, window by window; windows in which it was not count against it by
    half. In recordings, speech of all languages is clear for two thirds of its windows or more; coughs and laughter
    that pass for speech at all seldom are for a quarter, animals never, and singing and crowds are in between.
    """
    share = evidence.clear_speech / evidence.required_speech if evidence.required_speech > 0 else MOST
    weight = min(MOST, share if evidence.speaking else over(share))
    return Vote(weight, f"{evidence.clear_speech:.2f} s of clear speech")


def over(seconds: float) -> float:
    """The seconds that speech which is over counts for."""
    return OVER * seconds


def detector(evidence: Evidence) -> Vote | None:
    """Vote 1 if a turn detector or a provider reports a turn."""
    return Vote(1.0, "the detector says that a turn began") if evidence.detector_confirmed else None
