"""The vocabulary by which an interruption is told from a backchannel."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

from .phrases import PHRASES

# A word, or one character of a script that writes without spaces.
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+(?:['’-][^\W_]+)*")
_CHARACTER = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")

# Words that one such character stands for: a Chinese word has two or three.
WORDS_PER_CHARACTER = 0.4


def tokens(text: str) -> tuple[str, ...]:
    """Split a text into words in lower case without punctuation; Chinese and Japanese into characters."""
    return tuple(token.replace("’", "'") for token in _TOKEN.findall(text.lower()))


def word_count(words: Iterable[str]) -> float:
    """Count the words in a list of tokens; of scripts without spaces an estimate."""
    return sum(WORDS_PER_CHARACTER if _CHARACTER.match(word) else 1.0 for word in words)


@dataclass(frozen=True)
class Vocabulary:
    """Words and phrases, in lower case and without punctuation, by what they do in a conversation.

    `Vocabulary.of("en", "de")` knows these languages; the default knows all of `LANGUAGES`. To change one list:
    `dataclasses.replace(Vocabulary.of("en"), commands=frozenset({"computer"}))`.
    """

    backchannels: frozenset[str]
    """Said by a listener who does not want the turn; recognisers find some of them in noise."""

    fillers: frozenset[str]
    """Said before the words that matter."""

    commands: frozenset[str]
    """Each of them alone makes the agent stop."""

    answers: frozenset[str]
    """Those backchannels that answer a question."""

    @classmethod
    def of(cls, *languages: str) -> Self:
        """Return the words of some languages, by ISO 639-1 codes. Raises ValueError for an unknown one."""
        unknown = [language for language in languages if language not in PHRASES]
        if unknown:
            raise ValueError(f"there are no words for the language {unknown[0]!r}; known are: {', '.join(PHRASES)}")
        return cls(
            *(
                frozenset(phrase for language in languages for phrase in PHRASES[language][kind.name].split("|"))
                for kind in fields(cls)
            )
        )

    def has_command(self, words: tuple[str, ...]) -> bool:
        """Return True if a command is among the words; the "no" of "no problem" is none."""
        place = 0
        while place < len(words):
            command, idle = _at(words, place, self._commands), _at(words, place, self._idle)
            if command and command >= idle:
                return True
            place += idle or 1
        return False

    def is_command(self, words: tuple[str, ...]) -> bool:
        """Return True if the words are a command with nothing but backchannels and fillers beside it."""
        place = 0
        while place < len(words):
            step = _at(words, place, self._commands) or _at(words, place, self._idle)
            if not step:
                return False
            place += step
        return self.has_command(words)

    def is_idle(self, words: tuple[str, ...]) -> bool:
        """Return True for words that a listener says without wanting the turn."""
        return not self.content(words) and not self.has_command(words)

    def has_answer(self, words: tuple[str, ...]) -> bool:
        """Return True if a phrase that answers a question is among the words."""
        return any(_at(words, place, self._answers) for place in range(len(words)))

    def content(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Return the words that are neither backchannels nor fillers."""
        return _divided(words, self._idle)[1]

    def backchannel_count(self, words: tuple[str, ...]) -> float:
        """Count the words that belong to backchannels, as `word_count` does."""
        return word_count(_divided(words, self._backchannels)[0])

    @cached_property
    def _backchannels(self) -> Mapping[str, list[tuple[str, ...]]]:
        return _index(self.backchannels)

    @cached_property
    def _idle(self) -> Mapping[str, list[tuple[str, ...]]]:
        return _index(self.backchannels | self.fillers)

    @cached_property
    def _commands(self) -> Mapping[str, list[tuple[str, ...]]]:
        return _index(self.commands)

    @cached_property
    def _answers(self) -> Mapping[str, list[tuple[str, ...]]]:
        return _index(self.answers)


def _index(phrases: Iterable[str]) -> Mapping[str, list[tuple[str, ...]]]:
    """Index phrases by their first word, the longest first."""
    index: dict[str, list[tuple[str, ...]]] = {}
    for phrase in sorted((tokens(phrase) for phrase in phrases), key=len, reverse=True):
        if phrase:
            index.setdefault(phrase[0], []).append(phrase)
    return index


def _divided(
    words: tuple[str, ...], index: Mapping[str, list[tuple[str, ...]]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Divide words into those that belong to phrases of the index, and the others."""
    inside: list[str] = []
    outside: list[str] = []
    place = 0
    while place < len(words):
        step = _at(words, place, index)
        (inside if step else outside).extend(words[place : place + (step or 1)])
        place += step or 1
    return tuple(inside), tuple(outside)


def _at(words: tuple[str, ...], place: int, index: Mapping[str, list[tuple[str, ...]]]) -> int:
    """Return the length of the phrase of the index that begins at `place`, 0 if none does."""
    found = (len(p) for p in index.get(words[place], ()) if words[place : place + len(p)] == p)
    return next(found, 0)


LANGUAGES = tuple(PHRASES)
"""The languages whose words are known, by their ISO 639-1 codes."""

ALL = Vocabulary.of(*LANGUAGES)
"""The vocabulary of all languages: they seldom get into each other's way, and nobody has to choose."""
