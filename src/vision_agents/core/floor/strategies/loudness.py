"""Votes by the level of the speech, compared with the participant's usual one."""

from __future__ import annotations

from ..evidence import Evidence, Vote
from ..vocabulary import tokens
from .words import SYLLABLE, believed, certain

# dB under the usual level: nobody's level is steadier than the first; at three times the distance it is 10 dB less.
STEADY = 7.0
PER_DECIBEL = 0.75
MOST = 3.0


def loudness(evidence: Evidence) -> Vote | None:
    """Vote 0 to -3: three quarters for each dB beyond 7 that the speech is fainter than the participant's turns before.

    At 9 dB it takes twice the usual evidence and words besides; at 11 and more it is somebody across the room. A mere
    command counts at any level: somebody who whispers "please stop" means the agent. And so are words that are certain
    though the detector took next to nothing for speech: such a whisper was not measured.
    """
    if evidence.level is None or evidence.usual_level is None:
        return None
    fainter = evidence.usual_level - evidence.level
    if fainter <= STEADY or _only_a_command(evidence) or _unmeasured(evidence):
        return None
    weight = -min(MOST, PER_DECIBEL * (fainter - STEADY))
    return Vote(weight, f"{fainter:.0f} dB fainter than usual")


def _only_a_command(evidence: Evidence) -> bool:
    return believed(evidence) and evidence.vocabulary.is_command(tokens(evidence.words))


def _unmeasured(evidence: Evidence) -> bool:
    return evidence.voiced < SYLLABLE and certain(evidence)
