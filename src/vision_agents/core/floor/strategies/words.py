"""The words of the speech, as far as they are recognised."""

from __future__ import annotations

from ..evidence import Evidence, Vote, quote
from ..vocabulary import Vocabulary, tokens, word_count

# Nobody says more words in a second of speech; a recogniser that finds more has guessed. Of a whisper the detector
# calls few windows speech, hence the lower rate for all of it.
FASTEST = 5.0
FASTEST_IN_ALL = 3.5

# Confidence from which on a recogniser is believed: the mean probability of its tokens, or what a provider calls so.
BELIEVED = 0.6
# And from which on it is believed against the detector, which misses much of a whisper: nothing but speech is read with
# so much of it, short of the words for noise that are in the vocabulary.
CERTAIN = 0.75
# Seconds of speech, a syllable, of which the detector has heard next to nothing where it has heard less.
SYLLABLE = 0.1

# What each "yeah" weighs against an interruption. The first one weighs as two, and all of them at most what the length
# of the speech can weigh for it.
PER_BACKCHANNEL = 0.5
LEAST, MOST = 1.0, 2.0


def words(evidence: Evidence) -> Vote | None:
    """-1 to -2 if there are none or they are only backchannels and fillers; up to 1 if they mean something.

    "Yeah, yeah, okay, right" is as long as an interruption, but each of its words tells what it is: hence the more the
    more of them there are. Fillers count as one: "um, so, well" is how an interruption begins.

    Words that mean something weigh 1 when the speech is over, as a command does at once; half, if the recogniser is not
    sure of them, and nothing if it may as well have been an "uh-huh". While the speech goes on they are a guess that
    the next reading may take back ("sound" becomes "sounds good"), and as the agent is silent already, there is time.
    """
    if not evidence.read:
        return None
    heard = tokens(evidence.words)
    if not heard:
        return Vote("words", -LEAST, "no words in it")
    shown = quote(evidence.words)
    vocabulary = evidence.vocabulary
    if _idle(vocabulary, heard):
        weight = PER_BACKCHANNEL * vocabulary.backchannel_count(heard)
        return Vote("words", -min(MOST, max(LEAST, weight)), f"only {shown}")
    sure = believed(evidence)
    if sure and vocabulary.is_command(heard):
        return Vote("words", 1.0, f"a command: {shown}")
    if not sure and evidence.alternative and _idle(vocabulary, tokens(evidence.alternative)):
        return Vote("words", 0.0, f"perhaps only {quote(evidence.alternative)}")
    if not certain(evidence) and word_count(heard) > _most_words(evidence):
        return Vote("words", 0.0, f"{shown} has more words than were spoken")
    command = vocabulary.has_command(heard)
    if evidence.speaking and not command:
        return Vote("words", 0.0, f"{shown} so far")
    if not sure:
        return Vote("words", 0.5, f"perhaps {shown}")
    return Vote("words", 1.0, f"a command: {shown}" if command else shown)


def believed(evidence: Evidence) -> bool:
    """Whether the recogniser is sure enough: it has to be certain of a single word that the detector hardly heard."""
    hardly = evidence.voiced < SYLLABLE and len(tokens(evidence.words)) == 1
    return evidence.sure is None or evidence.sure >= (CERTAIN if hardly else BELIEVED)


def certain(evidence: Evidence) -> bool:
    """Whether it is so sure of them that nothing else need be known of the speech."""
    return evidence.sure is not None and evidence.sure >= CERTAIN


def _most_words(evidence: Evidence) -> float:
    """How many can have been said."""
    return 1.0 + max(FASTEST * evidence.voiced, FASTEST_IN_ALL * evidence.lasted)


def _idle(vocabulary: Vocabulary, said: tuple[str, ...]) -> bool:
    """Whether a listener says that without wanting the turn."""
    return not vocabulary.content(said) and not vocabulary.has_command(said)
