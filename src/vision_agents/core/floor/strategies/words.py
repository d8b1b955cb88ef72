"""Votes by the words of the speech, as far as they are recognised."""

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
# The weight of words that it is not sure of, when the speech is over: that somebody has said something is certain.
UNSURE = 1.0
# The least seconds of speech, some of it clear, of which that is so. In less, what it is not sure of is a guess at a
# noise or a hum, and in what is not clear, at somebody who cries.
WORD = 0.3
# Seconds of speech, a syllable, under which the detector has missed nearly all of it.
SYLLABLE = 0.1

# So many words that mean something are a sentence: who is not too far is answered, though the detector misses most of a
# faint voice.
SENTENCE = 3.0

# What each "yeah" weighs against an interruption. The first one weighs as two, and all of them at most what the length
# of the speech can weigh for it.
PER_BACKCHANNEL = 0.5
LEAST, MOST = 1.0, 2.0
# After so many words of a listener, a single other one is a name.
ADDRESSING = 4.0


def words(evidence: Evidence) -> Vote | None:
    """Vote -1 to -2 if there are none or only backchannels and fillers; up to 1 if they mean something.

    "Yeah, yeah, okay, right" is as long as an interruption, but each of its words tells what it is: hence the more the
    more of them there are. Fillers count as one: "um, so, well" is how an interruption begins.

    Words that mean something weigh 1 when the speech is over, as a command does at once; if the recogniser is not sure
    of them, only in as much speech as a word takes, some of it clear, and nothing if it may as well have been an
    "uh-huh". While the speech goes on they are a guess that the next reading may take back ("sound" becomes "sounds
    good", "no" "no problem"), and as the agent is silent already, there is time. So one word more than a backchannel is
    none yet, and may be a name ("thank you so much, Ann"). A reading that takes an "uh-huh" back for other words, and
    is not sure of them, is taken for the "uh-huh".
    Both are guesses: what they keep from interrupting is answered later, see `late_words.answered_later`.
    """
    if not evidence.transcribed:
        return None
    spoken = tokens(evidence.words)
    if not spoken:
        return Vote(-LEAST, "no words in it")
    shown = quote(evidence.words)
    vocabulary = evidence.vocabulary
    if vocabulary.is_idle(spoken) or _addressed(vocabulary, spoken):
        return Vote(_listeners(vocabulary.backchannel_count(spoken)), f"only {shown}")
    command = vocabulary.has_command(spoken)
    sure = believed(evidence)
    if not command and _taken_back(evidence, spoken):
        return Vote(-LEAST, f"perhaps only {quote(evidence.taken_back)}")
    if not sure and _hesitates(evidence, spoken):
        return Vote(0.0, f"perhaps only {quote(evidence.alternative)}")
    unsettled = not evidence.words_final and vocabulary.may_be_idle(spoken)
    guessed = not certain(evidence) and word_count(spoken) > _most_words(evidence)
    if sure and not unsettled and not (guessed and evidence.speaking) and vocabulary.is_command(spoken):
        return Vote(1.0, f"a command: {shown}")
    so_far = _so_far(vocabulary, spoken) if evidence.speaking or unsettled else 0.0
    if guessed:
        return Vote(so_far, f"{shown} has more words than were spoken")
    if unsettled or (evidence.speaking and not command):
        return Vote(so_far, f"{shown} so far")
    if not sure:
        spoken_clearly = evidence.voiced >= WORD and evidence.clear_speech > 0.0
        return Vote(UNSURE if spoken_clearly else 0.0, f"perhaps {shown}")
    return Vote(1.0, f"a command: {shown}" if command else shown)


def _listeners(count: float) -> float:
    """Return the weight of so many words of a listener."""
    return -min(MOST, max(LEAST, PER_BACKCHANNEL * count))


def _so_far(vocabulary: Vocabulary, spoken: tuple[str, ...]) -> float:
    """Return the weight of words of which the last may be cut: of a listener's, less one for each other before it."""
    others = max(0.0, word_count(vocabulary.content(spoken)) - 1.0)
    left = vocabulary.backchannel_count(spoken) - others
    return _listeners(left) if left > 0.0 else 0.0


def _addressed(vocabulary: Vocabulary, spoken: tuple[str, ...]) -> bool:
    """Return True for so many of a listener's words that the one after them is whom they are said to."""
    heard = spoken[:-1]
    if not vocabulary.is_idle(heard) or vocabulary.has_command(spoken):
        return False
    return vocabulary.backchannel_count(heard) >= ADDRESSING


def _taken_back(evidence: Evidence, spoken: tuple[str, ...]) -> bool:
    """Return True if the same sounds were read as a listener's before, and as nothing certain now."""
    if not evidence.taken_back or evidence.stt_confidence is None or certain(evidence):
        return False
    return word_count(spoken) <= word_count(tokens(evidence.taken_back)) + 1.0


def _hesitates(evidence: Evidence, spoken: tuple[str, ...]) -> bool:
    """Return True if it may as well have been an "uh-huh", and does not only begin with one."""
    other = tokens(evidence.alternative)
    return bool(other) and evidence.vocabulary.is_idle(other) and word_count(spoken) < word_count(other) + SENTENCE


def mean_something(evidence: Evidence) -> bool:
    """Return True for words that the recogniser is sure of and that are more than an "uh-huh"."""
    spoken = tokens(evidence.words)
    return bool(spoken) and believed(evidence) and not evidence.vocabulary.is_idle(spoken)


def is_sentence(evidence: Evidence) -> bool:
    """Return True for so many words that mean something that they are a sentence."""
    return mean_something(evidence) and word_count(tokens(evidence.words)) >= SENTENCE


def is_listeners(evidence: Evidence, given: tuple[Vote, ...]) -> bool:
    """Return True for an "uh-huh" that the recogniser is sure of, and that nothing else speaks against."""
    spoken = tokens(evidence.words)
    if not believed(evidence) or not evidence.vocabulary.backchannel_count(spoken):
        return False
    return evidence.vocabulary.is_idle(spoken) and all(v.weight >= 0.0 or v.strategy == "words" for v in given)


def believed(evidence: Evidence) -> bool:
    """Return True if the recogniser is sure enough: of a single word that the VAD missed it has to be certain."""
    hardly = evidence.voiced < SYLLABLE and len(tokens(evidence.words)) == 1
    return evidence.stt_confidence is None or evidence.stt_confidence >= (CERTAIN if hardly else BELIEVED)


def trusted(confidence: float) -> bool:
    """Return True if what a recogniser reads with this confidence is believed."""
    return confidence >= BELIEVED


def certain(evidence: Evidence) -> bool:
    """Return True if it is so sure of the words that nothing else need be known of the speech."""
    return evidence.stt_confidence is not None and evidence.stt_confidence >= CERTAIN


def _most_words(evidence: Evidence) -> float:
    """Return the most words that can have been said in the time."""
    return 1.0 + max(FASTEST * evidence.voiced, FASTEST_IN_ALL * evidence.elapsed)
