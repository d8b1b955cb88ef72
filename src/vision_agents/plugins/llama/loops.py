"""The loops that greedy decoding falls into: a reply ends before their next round is said."""

from __future__ import annotations

import re

# A sentence of at least so many words comes again in a loop, and so does, where clauses count, such a clause. Shorter
# ones may well do so ("He was happy. …").
LEAST_WORDS = 4
# So many clauses in a row that begin with the same words are a loop: "They're like … They're like … They're like …"
IN_A_ROW = 3
OPENING_WORDS = 3
# A run of words that is said `IN_A_ROW` times on end, and is so many words in all, is one without any punctuation.
RUN_WORDS = 9
LONGEST_RUN = 12
# Fewer words at the beginning of a further sentence ("First, …") wait for more: alone they would be none.
LEAD_IN = 3

# The end of a sentence, and of a clause. A point or comma within a number is none.
_SENTENCE_END = re.compile(r"(?P<sentence>[.!?…]+(?=\s)|\n+)")
_CLAUSE_END = re.compile(rf"{_SENTENCE_END.pattern}|[,;:—](?=\s)")
_SENTENCE_ENDS = (".", "!", "?", "…")
# What is passed on only when something follows it, so that a full stop can take its place.
_TRAILING = " \n,;:—"
_WORD = re.compile(r"[\w'’]+")

Words = tuple[str, ...]


class LoopGuard:
    """Passes a reply on, piece by piece, and ends it where it begins to go round in circles.

    A clause that begins like an earlier one is held back until it goes another way. That is a matter of some words
    within a sentence, which nobody speaks before it is complete.

    `clauses`: whether clauses that come again, or begin alike three times in a row, are a loop too, and words that do
    without any punctuation. So they are from the smallest models. Larger ones mean them ("one cup of flour, one cup of
    sugar, one cup of milk"), and sing a line three times ("happy birthday to you"): of those only a whole sentence that
    comes once more after that is one.
    """

    def __init__(self, *, clauses: bool = True) -> None:
        self._strict = clauses
        self._rounds = 1 if clauses else IN_A_ROW  # how often a sentence may be said
        self._end = _CLAUSE_END if clauses else _SENTENCE_END
        self.closed = False
        """The reply is over: all that would follow is repetition."""
        self._text = ""
        self._passed = 0
        self._sentence = 0  # where the sentence begins that is being written
        self._clause = 0  # and its clause; the sentence, where clauses do not count
        self._clauses: list[Words] = []

    def feed(self, piece: str) -> str:
        """Take the next piece. Returns what may be said by now; nothing more once it is `closed`."""
        if self.closed:
            return ""
        self._text += piece
        while (end := self._end.search(self._text, self._clause)) is not None:
            words = _words(self._text[self._clause : end.start()])
            if self._repeats(words):
                return self._close()
            if words:
                self._clauses.append(words)
            self._clause = end.end()
            if end["sentence"]:
                self._sentence = end.end()
        words = _words(self._text[self._clause :])
        if self._circles(words[:-1]):  # the last word may not be complete
            return self._close()
        return self._pass(len(self._text) if words and not self._may_repeat(words) else self._clause)

    def end(self) -> str:
        """The model has ended. Returns what was held back, unless it is a repetition."""
        if self.closed:
            return ""
        if self._repeats(_words(self._text[self._clause :])):
            return self._close()
        passed, self._passed = self._passed, len(self._text)
        return self._text[passed:]

    def _repeats(self, words: Words) -> bool:
        once_more = len(words) >= LEAST_WORDS and self._clauses.count(words) >= self._rounds
        return once_more or (self._strict and self._opens_again(words))

    def _circles(self, words: Words) -> bool:
        return self._strict and (self._opens_again(words) or self._runs(words))

    def _opens_again(self, words: Words) -> bool:
        before = self._clauses[1 - IN_A_ROW :]
        opening = words[:OPENING_WORDS]
        full = len(opening) == OPENING_WORDS and len(before) == IN_A_ROW - 1
        return full and all(clause[:OPENING_WORDS] == opening for clause in before)

    def _runs(self, words: Words) -> bool:
        said = [word for clause in (*self._clauses[-IN_A_ROW * LONGEST_RUN :], words) for word in clause]
        for length in range(1, LONGEST_RUN + 1):
            rounds = max(IN_A_ROW, -(-RUN_WORDS // length))
            if len(said) >= length * rounds and said[-length * rounds :] == said[-length:] * rounds:
                return True
        return False

    def _may_repeat(self, words: Words) -> bool:
        at = len(words) - 1  # the last word may not be complete
        alike = [clause for clause in self._clauses if len(clause) > at and clause[:at] == words[:at]]
        return any(clause[at].startswith(words[at]) for clause in alike if alike.count(clause) >= self._rounds)

    def _close(self) -> str:
        """End the reply before the clause that is being written."""
        self.closed = True
        last = self._pass(self._clause)
        said = self._text[: self._passed]
        return last if not said or said.endswith(_SENTENCE_ENDS) else f"{last}."

    def _pass(self, upto: int) -> str:
        """Pass the text on up to there, but no further sentence before it has words, nor what a stop may replace."""
        if self._sentence and len(_words(self._text[self._sentence : upto])) < LEAD_IN:
            upto = min(upto, self._sentence)
        upto = len(self._text[:upto].rstrip(_TRAILING))
        begin, self._passed = self._passed, max(self._passed, upto)
        return self._text[begin : self._passed]


def _words(text: str) -> Words:
    return tuple(word.lower() for word in _WORD.findall(text))
