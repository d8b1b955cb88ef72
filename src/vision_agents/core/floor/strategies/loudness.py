"""Votes by the level of the speech, compared with the participant's usual one."""

from __future__ import annotations

from ..evidence import Evidence, Vote
from ..vocabulary import tokens
from .voice import callers
from .words import SYLLABLE, believed, certain, is_sentence

# dB under the usual level: nobody's level is steadier than the first. Up to the second it may be a caller who leans
# back, at six times the distance, as well as a television: that makes it later. Beyond it is somebody else.
STEADY = 7.0
FARTHEST = 16.0
LATER, TOO_FAR = -0.5, -6.0

# Seconds of speech after which its level tells something.
KNOWN = 0.25
# And after which it is that of the voice. Until then it may yet rise, or be of a soft word: by so many dB from the
# first window on, and by less and less. Of 86 interruptions in recordings, heard after other speech of as loud a
# caller, 5 in 100 were fainter by more than 11 dB after 0.1 s, and by 4 to 5 dB from 0.3 s on. With 0.8 s more callers
# who lean back are heard, and all that comes from across the room holds the agent for so long.
SETTLED = 0.5
RISE = 12.0

# Seconds of silence after a turn within which whoever speaks from this side of `FARTHEST` goes on with it.
GOES_ON = 2.0

# The level of a caller of whom nothing is known yet: telephony is set up for -26 dB of active speech (ITU-T P.56 and
# G.100.1), of which the emphasis of `speech_level` leaves some 6 less in most voices and more in bright ones.
NOMINAL = -27.0


def loudness(evidence: Evidence) -> Vote | None:
    """Vote 0 to -0.5 for each dB beyond 7 that the speech is fainter than the participant's turns before.

    So it takes up to half as long again, or words besides; when it is over and was read, even unsurely, as more than an
    "uh-huh", there is nothing left to wait for. -6 from 16 dB on, which is farther than a caller can be. A mere command
    counts at any level: somebody who whispers "please stop" means the agent. And so are words that are certain though
    the detector took next to nothing for speech: such a whisper was not measured. Who has spoken a moment ago goes on,
    and who is understood to say a sentence is answered: of a faint voice there may be no other evidence. And a voice
    that is known for the caller's is the caller's at any distance.

    Before the first turn of a participant the level that telephony aims at stands in for theirs, and nobody is too far
    by it: microphones differ. And the first windows of a voice are fainter than it is, and so may a single word be:
    they are taken for as loud as it may yet become.
    """
    if evidence.level is None or callers(evidence) or _only_a_command(evidence) or _unmeasured(evidence):
        return None
    known = evidence.usual_level is not None
    usual = evidence.usual_level if evidence.usual_level is not None else NOMINAL
    fainter = usual - evidence.level - RISE * max(0.0, 1.0 - evidence.voiced / SETTLED)
    if known and fainter >= FARTHEST:
        return Vote(TOO_FAR, f"{fainter:.0f} dB fainter than usual, farther than a caller can be")
    if fainter <= STEADY or _goes_on(evidence) or is_sentence(evidence) or _is_read(evidence):
        return None
    weight = LATER * (min(fainter, FARTHEST) - STEADY) / (FARTHEST - STEADY)
    return Vote(weight, f"{fainter:.0f} dB fainter than {'usual' if known else 'callers are'}")


def _only_a_command(evidence: Evidence) -> bool:
    return believed(evidence) and evidence.vocabulary.is_command(tokens(evidence.words))


def _unmeasured(evidence: Evidence) -> bool:
    return evidence.voiced < SYLLABLE and certain(evidence)


def _is_read(evidence: Evidence) -> bool:
    spoken = tokens(evidence.words)
    idle = not spoken or evidence.vocabulary.is_idle(spoken)
    return not (evidence.speaking or idle) and evidence.words_final


def _goes_on(evidence: Evidence) -> bool:
    return evidence.since_turn is not None and evidence.since_turn <= GOES_ON
