"""Aligns the phonemes of a sentence with its words.

espeak speaks a sentence, not words: it joins clitics ("of the" becomes one group, ʌvðə), expands numbers ("12" becomes
two groups), reads symbols aloud or leaves them out. So the sentence's phonemes are compared with those of each word
spoken alone: the two sequences differ little, and the cheapest way to edit one into the other (Needleman and Wunsch,
1970) tells where each word ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SPACE = " "
PAUSES = frozenset(",.;:!?")
"""Phonemes that sound as a pause."""

_MARKS = frozenset("ˈˌːˑ")  # stress and length change with the neighbours, hence say nothing here
_GAP, _OTHER_PHONEME, _SPACE_FOR_PHONEME = 1.0, 1.5, 4.0


def align(sentence: Sequence[str], words: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """The half-open range of indices into `sentence` that each of `words` occupies.

    Args:
        sentence: phonemes of the whole, with `SPACE` between groups and `PAUSES` at punctuation.
        words: phonemes of each word spoken alone; none for what is silent alone.

    Returns:
        One range a word, in order and without overlap; only the pauses at punctuation lie between them. The space
        between two words belongs to the second: what sounds during it is that word's onset (in speech of the joe voice,
        audible boundaries lie within 20 ms of the space's beginning and 50 to 80 ms before its end). A word that cannot
        be heard has an empty range at the end of the one before.
    """
    heard = [index for index, phoneme in enumerate(sentence) if phoneme not in PAUSES and phoneme not in _MARKS]
    alone = [[p for p in word if p not in PAUSES and p not in _MARKS] for word in words]
    ends = _boundaries([sentence[index] for index in heard], alone)
    ranges: list[tuple[int, int]] = []
    start = previous = 0
    for end in ends:
        inside = [index for index in heard[start:end] if sentence[index] != SPACE]
        begin = _before_marks(sentence, inside[0]) if inside else previous
        if previous and list(sentence[previous:begin]) == [SPACE]:
            begin = previous
        previous = _after_marks(sentence, inside[-1] + 1) if inside else previous
        ranges.append((begin, previous))
        start = end
    return ranges


def _before_marks(sentence: Sequence[str], index: int) -> int:
    while index > 0 and sentence[index - 1] in "ˈˌ":
        index -= 1
    return index


def _after_marks(sentence: Sequence[str], index: int) -> int:
    while index < len(sentence) and sentence[index] in "ːˑ":
        index += 1
    return index


def _boundaries(sentence: Sequence[str], words: Sequence[Sequence[str]]) -> list[int]:
    """For each word how many phonemes of `sentence` have passed when it is over."""
    joined: list[str] = []
    rows: list[int] = []
    for word in words:
        joined += [*word, SPACE] if word else []
        rows.append(len(joined))
    if not rows:
        return []
    costs = _edit_costs(joined, sentence)
    ends = [len(sentence)]  # what is left over belongs to the last word
    row, column = len(joined), len(sentence)
    for word_row in reversed(rows[:-1]):
        while row > word_row:
            row, column = _step_back(costs, row, column)
        column = _nearest_space(costs[row], sentence, column)
        ends.append(column)
    return ends[::-1]


def _edit_costs(first: Sequence[str], second: Sequence[str]) -> npt.NDArray[np.float64]:
    """Cost of editing each prefix of `first` into each prefix of `second`."""
    replacing = {phoneme: _replacements(phoneme, second) for phoneme in set(first)}
    gaps = np.arange(len(second) + 1) * _GAP
    costs = np.empty((len(first) + 1, len(second) + 1))
    costs[0] = gaps
    for row, phoneme in enumerate(first, start=1):
        above, cost = costs[row - 1], costs[row]
        cost[0] = above[0] + _GAP
        np.minimum(above[:-1] + replacing[phoneme], above[1:] + _GAP, out=cost[1:])
        # Insertions run along the row: the cheapest place to start from, plus a gap for each step.
        cost[:] = np.minimum.accumulate(cost - gaps) + gaps
    return costs


def _replacements(phoneme: str, sentence: Sequence[str]) -> npt.NDArray[np.float64]:
    def cost(other: str) -> float:
        if other == phoneme:
            return 0.0
        return _SPACE_FOR_PHONEME if SPACE in (phoneme, other) else _OTHER_PHONEME

    return np.array([cost(other) for other in sentence])


def _step_back(costs: npt.NDArray[np.float64], row: int, column: int) -> tuple[int, int]:
    """The place before (row, column) on a cheapest path. All costs are multiples of 0.5, so equality is exact."""
    if costs[row, column] == costs[row - 1, column] + _GAP:
        return row - 1, column
    if column and costs[row, column] == costs[row, column - 1] + _GAP:
        return row, column - 1
    return row - 1, column - 1


def _nearest_space(cost: npt.NDArray[np.float64], sentence: Sequence[str], column: int) -> int:
    """The nearest equally cheap boundary at a space, or `column`: an added phoneme belongs to its own group."""
    for earlier in range(column, 0, -1):
        if SPACE in sentence[earlier - 1 : earlier + 1]:
            return earlier
        if cost[earlier] != cost[earlier - 1] + _GAP:
            break
    return column
