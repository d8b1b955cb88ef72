"""Detects the agent's own words, from the participant's loudspeaker."""

from __future__ import annotations

from itertools import groupby

from ..evidence import Evidence, Vote, quote
from ..vocabulary import tokens
from .question import asked
from .words import believed

# So many words in a row are seldom repeated by chance. A single one counts if it is among the agent's very last.
LEAST = 2
LAST = 6
# The share of the words that must be the agent's: a recogniser mishears some of an echo.
SHARE = 0.75
# dB under the participant's usual level: an echo is fainter than who sits at the microphone.
NEAR = 5.0

# The weights of this vote.
SURE, PERHAPS = -6.0, -1.0


def echo(evidence: Evidence) -> Vote | None:
    """Vote -6 if the words are what the agent has just said, and no command of somebody else is among them.

    Nor any other word, from a voice as near as ever: "the weather in Rome" corrects "the weather in Paris". -1 for a
    single word, unless it is only a guess at what such a voice said. And who has just been asked "tea or coffee?" may
    say it too; then nothing is held against it.
    """
    # An agent that was held begins the word anew that was cut, and so does its echo.
    spoken = tuple(word for word, _ in groupby(tokens(evidence.words)))
    said = tokens(evidence.agent_words)
    if len(spoken) < LEAST:
        return _single(evidence, spoken, said[-LAST:])
    if not repeats(spoken, said):
        return None
    others = tuple(word for word in spoken if word not in said)
    if evidence.vocabulary.has_command(others) or (others and _near(evidence)):
        return None
    return Vote(SURE, f"{quote(evidence.words)} are the agent's own words")


def _single(evidence: Evidence, spoken: tuple[str, ...], said: tuple[str, ...]) -> Vote | None:
    if not set(spoken) & set(said) or (_near(evidence) and not believed(evidence)):
        return None
    if evidence.vocabulary.has_command(spoken) or asked(evidence.agent_words):
        return None
    return Vote(PERHAPS, f"{quote(evidence.words)} is what the agent said")


def _near(evidence: Evidence) -> bool:
    if evidence.level is None or evidence.usual_level is None:
        return False
    return evidence.usual_level - evidence.level < NEAR


def repeats(spoken: tuple[str, ...], said: tuple[str, ...]) -> bool:
    """Return True if most of the words, and at least `LEAST`, are the agent's in their order."""
    return len(spoken) >= LEAST and longest_run(spoken, said) >= SHARE * len(spoken)


def longest_run(spoken: tuple[str, ...], said: tuple[str, ...]) -> int:
    """Return the length of the longest common subsequence of the two."""
    # A row at a time; both are short.
    row = [0] * (len(said) + 1)
    for word in spoken:
        before = 0
        for place, other in enumerate(said):
            before, row[place + 1] = row[place + 1], before + 1 if word == other else max(row[place + 1], row[place])
    return row[-1]
