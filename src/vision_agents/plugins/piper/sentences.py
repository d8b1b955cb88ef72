"""Splits a text where a speaker would pause, without reading further than the next sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_TOKEN = re.compile(r"\S+")
_CLOSERS = "\"'”’»)]}*_"
_CLAUSE_MARKS = (",", ";", ":", "—", "–")
_TITLES = frozenset({"Mr.", "Mrs.", "Ms.", "Dr.", "Prof.", "St.", "Sr.", "Jr.", "vs.", "No."})
_INITIAL = re.compile(r"[A-HJ-Z]\.")  # not "I.": that is the end of "so am I."


def sentences(text: str) -> Iterator[list[str]]:
    """The words (runs of anything but white space) of each sentence of `text`. A line break ends a sentence too."""
    words: list[str] = []
    tokens = _TOKEN.finditer(text)
    token = next(tokens, None)
    while token is not None:
        following = next(tokens, None)
        words.append(token.group())
        if (
            following is None
            or "\n" in text[token.end() : following.start()]
            or _ends_sentence(token.group(), following.group())
        ):
            yield words
            words = []
        token = following


def _ends_sentence(word: str, following: str) -> bool:
    bare = word.rstrip(_CLOSERS)
    if bare.endswith(("!", "?", "…", "...", "。", "！", "？")):
        return True
    if not bare.endswith(".") or following[0].islower():
        return False
    return bare not in _TITLES and not _INITIAL.fullmatch(bare)


def clauses(words: Sequence[str], weights: Sequence[int], limit: int) -> Iterator[list[str]]:
    """Cut a sentence into pieces that weigh at most `limit` each (a single heavier word stays whole).

    The cut comes after the last comma or the like that fits, unless that leaves a scrap; where there is none, the
    pieces are about equally long.
    """
    first, total = 0, sum(weights)
    while total > limit:
        share = total / -(-total // limit)
        size = _last_clause(words, weights, first, limit) or _fitting(weights, first, share)
        yield list(words[first : first + size])
        total -= sum(weights[first : first + size])
        first += size
    if first < len(words):
        yield list(words[first:])


def _fitting(weights: Sequence[int], first: int, limit: float) -> int:
    """Count the words from `first` on that weigh at most `limit` together; at least one."""
    size, weight = 1, weights[first]
    while first + size < len(weights) and weight + weights[first + size] <= limit:
        weight += weights[first + size]
        size += 1
    return size


def _last_clause(words: Sequence[str], weights: Sequence[int], first: int, limit: int) -> int:
    """Count the words from `first` to a clause mark that weigh between a quarter of `limit` and `limit`; or 0."""
    for size in range(_fitting(weights, first, limit), 0, -1):
        if words[first + size - 1].rstrip(_CLOSERS).endswith(_CLAUSE_MARKS):
            return size if 4 * sum(weights[first : first + size]) >= limit else 0
    return 0
