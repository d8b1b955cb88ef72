"""Votes by the words of the speech, as far as they are recognised."""

from __future__ import annotations

from ..evidence import Evidence, Vote, quote
from ..vocabulary import tokens, word_count

# Nobody says more words in a second of speech; a recogniser that finds more has guessed. Of a whisper the detector
# calls few windows speech, hence the lower rate for all of it.
FASTEST = 5.0
FASTEST_IN_ALL = 3.5

# Confidence from which on a recogniser is believed: the mean probability of its tokens, or what a provider calls so.
BELIEVED = 0.6
# And from which on it is believed against the detector, which misses much of a whisper: nothing but speech is read with
# so much of it, short of the words for noise that are in the vocabulary.
CERTAIN = 0.75
# Seconds of speech, a syllable, under which the detector has missed nearly all of it.
SYLLABLE = 0.1

# What each "yeah" weighs against an interruption. The first one weighs as two, and all of them at most what the length
# of the speech can weigh for it.
PER_BACKCHANNEL = 0.5
LEAST, MOST = 1.0, 2.0


def words(evidence: Evidence) -> Vote | None:
    """Vote -1 to -2 if there are none or only backchannels and fillers; up to 1 if they mean something.

    "Yeah, yeah, okay, right" is as long as an interruption, but each of its words tells what it is: hence the more the
    more of them there are. Fillers count as one: "um, so, well" is how an interruption begins.

    Words that mean something weigh 1 when the speech is over, as a command does at once; half, if the recogniser is not
    sure of them, and nothing if it may as well have been an "uh-huh". While the speech goes on they are a guess that
    the next reading may take back ("sound" becomes "sounds good"), and as the agent is silent already, there is time.
    """
    if not evidence.transcribed:
        return None
    spoken = tokens(evidence.words)
    if not spoken:
        return Vote(-LEAST, "no words in it")
    shown = quote(evidence.words)
    vocabulary = evidence.vocabulary
    if vocabulary.is_idle(spoken):
        weight = PER_BACKCHANNEL * vocabulary.backchannel_count(spoken)
        return Vote(-min(MOST, max(LEAST, weight)), f"only {shown}")
    sure = believed(evidence)
    if sure and vocabulary.is_command(spoken):
        return Vote(1.0, f"a command: {shown}")
    if not sure and evidence.alternative and vocabulary.is_idle(tokens(evidence.alternative)):
        return Vote(0.0, f"perhaps only {quote(evidence.alternative)}")
    if not certain(evidence) and word_count(spoken) > _most_words(evidence):
        return Vote(0.0, f"{shown} has more words than were spoken")
    command = vocabulary.has_command(spoken)
    if evidence.speaking and not command:
        return Vote(0.0, f"{shown} so far")
    if not evidence.words_final and not command and vocabulary.may_be_idle(spoken):
        return Vote(0.0, f"{shown} so far")
    if not sure:
        return Vote(0.5 if evidence.clear_speech >= SYLLABLE else 0.0, f"perhaps {shown}")
    return Vote(1.0, f"a command: {shown}" if command else shown)


def mean_something(evidence: Evidence) -> bool:
    """Return True for words that the recogniser is sure of and that are more than an "uh-huh"."""
    spoken = tokens(evidence.words)
    return bool(spoken) and believed(evidence) and not evidence.vocabulary.is_idle(spoken)


def believed(evidence: Evidence) -> bool:
    """Return True if the recogniser is sure enough: of a single word that the VAD missed it has to be certain."""
    hardly = evidence.voiced < SYLLABLE and len(tokens(evidence.words)) == 1
    return evidence.stt_confidence is None or evidence.stt_confidence >= (CERTAIN if hardly else BELIEVED)


def certain(evidence: Evidence) -> bool:
    """Return True if it is so sure of the words that nothing else need be known of the speech."""
    return evidence.stt_confidence is not None and evidence.stt_confidence >= CERTAIN


def _most_words(evidence: Evidence) -> float:
    """Return the most words that can have been said in the time."""
    return 1.0 + max(FASTEST * evidence.voiced, FASTEST_IN_ALL * evidence.elapsed)
