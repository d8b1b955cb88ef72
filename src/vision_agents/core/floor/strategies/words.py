"""The words of the speech, as far as they are recognised."""

from __future__ import annotations

from ..evidence import Evidence, Vote, quote
from ..vocabulary import tokens, word_count

# Nobody says more words in a second of speech; a recogniser that finds more has guessed. Of a whisper the detector
# calls few windows speech, hence the lower rate for all of it.
FASTEST = 5.0
FASTEST_IN_ALL = 3.5

# Confidence from which on a recogniser is believed: the mean probability of its tokens, or what a provider calls so.
BELIEVED = 0.6


def words(evidence: Evidence) -> Vote | None:
    """-1 if there are none or they are only backchannels and fillers; 0.5 to 1 if they mean something.

    Words that mean something weigh 1 when the speech is over. While it goes on they are a guess that the next reading
    may take back ("amen" becomes "mm-hmm"), and weigh 0.5, as do those of which the recogniser is not sure. A command
    of which it is sure weighs 1 at once.
    """
    if not evidence.read:
        return None
    heard = tokens(evidence.words)
    if not heard:
        return Vote("words", -1.0, "no words in it")
    shown = quote(evidence.words)
    content = evidence.vocabulary.content(heard)
    command = evidence.vocabulary.has_command(heard)
    if not content and not command:
        return Vote("words", -1.0, f"only {shown}")
    sure = evidence.sure is None or evidence.sure >= BELIEVED
    if sure and evidence.vocabulary.is_command(heard):
        return Vote("words", 1.0, f"a command: {shown}")
    if word_count(heard) > 1.0 + max(FASTEST * evidence.voiced, FASTEST_IN_ALL * evidence.lasted):
        return Vote("words", 0.0, f"{shown} has more words than were spoken")
    if not sure:
        return Vote("words", 0.5, f"perhaps {shown}")
    if command:
        return Vote("words", 1.0, f"a command: {shown}")
    return Vote("words", 0.5 if evidence.speaking else 1.0, shown)
