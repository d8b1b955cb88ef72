"""The vocabulary by which an interruption is told from a backchannel."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Self

from .phrases import PHRASES

# Vowel signs and accents that are characters of their own are parts of words, as in हाँ.
_MARKS = "".join(chr(code) for code in range(0x300, 0x1200) if unicodedata.category(chr(code)).startswith("M"))
# Characters of scripts that write without spaces.
HAN, _THAI = "\u3040-\u30ff\u3400-\u9fff", "\u0e01-\u0e3a\u0e40-\u0e4e"
# A word, or one character of such a script.
_TOKEN = re.compile(rf"[{HAN}{_THAI}]|(?:(?![{HAN}{_THAI}])[^\W_][{_MARKS}]*)+(?:['-](?:[^\W_][{_MARKS}]*)+)*")

# Words that one such character stands for: a Chinese word has two or three, a Thai one four or five.
WORDS_PER_CHARACTER = 0.4
WORDS_PER_THAI_CHARACTER = 0.22
_PER_CHARACTER = ((re.compile(f"[{HAN}]"), WORDS_PER_CHARACTER), (re.compile(f"[{_THAI}]"), WORDS_PER_THAI_CHARACTER))

# What recognisers write in two ways is one: apostrophes, Arabic letters of Persian and Urdu, carriers of hamza; and
# what they write or leave out: the marks of short vowels in Arabic and Hebrew, the nasal dot, joiners.
_ONE_WAY = str.maketrans("’یکأإآٱँঁ", "'يكاااا\u0902\u0982")
_LEFT_OUT = re.compile("[\u064b-\u0652\u0670\u0640\u0591-\u05c7\u200c\u200d]|(?<=i)\u0307")

# Leads that stand before one backchannel: more are no sentence.
MOST_LEADS = 6

# A sound of agreement that is written as it is hummed: "mm-hmm", "mhm", "хм".
_HUM = re.compile(r"[hm]{2,}(?:-[hm]+)*|[хм]{2,}(?:-[хм]+)*")
# A word drawn out, "okayyy", and one said twice in one, "jaja" and "네네". Not of longer ones: this looks at each part.
LONGEST_DOUBLED = 24
_DRAWN_OUT = re.compile(r"(\w)\1{2,}")
_DOUBLED = re.compile(r"(.+?)-?(?:\1-?)*\1")


def tokens(text: str) -> tuple[str, ...]:
    """Split a text into words in lower case without punctuation; Chinese, Japanese and Thai into characters."""
    return tuple(_TOKEN.findall(_LEFT_OUT.sub("", unicodedata.normalize("NFC", text).lower().translate(_ONE_WAY))))


def word_count(words: Iterable[str]) -> float:
    """Count the words in a list of tokens; of scripts without spaces an estimate."""
    return sum(next((share for script, share in _PER_CHARACTER if script.match(word)), 1.0) for word in words)


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

    leads: frozenset[str] = frozenset()
    """Said before a backchannel as a part of it, and nothing alone: "that's very" before "good"."""

    tails: frozenset[str] = frozenset()
    """Said after a backchannel as a part of it, and nothing alone: "very much, sir" after "thank you"."""

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

    @cached_property
    def phrases(self) -> dict[str, list[str]]:
        """The phrases of each kind in order. Each session's trace begins with them, hence sorted once and shared."""
        return {kind.name: sorted(getattr(self, kind.name)) for kind in fields(self)}

    def has_command(self, words: tuple[str, ...]) -> bool:
        """Return True if a command is among the words; the "no" of "no problem" is none."""
        place = 0
        while place < len(words):
            command, idle = self._commands.at(words, place), self._idle(words, place)
            if command and command >= idle:
                return True
            place += idle or 1
        return False

    def is_command(self, words: tuple[str, ...]) -> bool:
        """Return True if the words are a command with nothing but backchannels and fillers beside it."""
        place = 0
        while place < len(words):
            step = self._commands.at(words, place) or self._idle(words, place)
            if not step:
                return False
            place += step
        return self.has_command(words)

    def is_idle(self, words: tuple[str, ...]) -> bool:
        """Return True for words that a listener says without wanting the turn."""
        return not self.content(words) and not self.has_command(words)

    def may_be_idle(self, words: tuple[str, ...]) -> bool:
        """Return True for words that begin a listener's phrase, after others perhaps, and may yet become it.

        "Got" may become "got it", "sound" "sounds good", and the command "no" "no problem".
        """
        place = 0
        while place < len(words):
            if self._backchannels.begins(words[place:]) or self._leads.begins(words[place:]):
                return True
            step = self._idle(words, place)
            if not step:
                return False
            place += step
        return False

    def has_answer(self, words: tuple[str, ...]) -> bool:
        """Return True if a phrase that answers a question is among the words."""
        return any(self._answers.at(words, place) for place in range(len(words)))

    def content(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Return the words that are neither backchannels nor fillers."""
        return _divided(words, self._idle)[1]

    def backchannel_count(self, words: tuple[str, ...]) -> float:
        """Count the words that belong to backchannels, as `word_count` does."""
        return word_count(_divided(words, self._backchannel)[0])

    def _idle(self, words: tuple[str, ...], place: int) -> int:
        """Return the length of the backchannel or filler that begins at `place`, 0 if none does."""
        return max(self._backchannel(words, place), self._fillers.at(words, place))

    def _backchannel(self, words: tuple[str, ...], place: int) -> int:
        """Return the length of the longest backchannel with leads and tails that begins at `place`, 0 if none does."""
        longest, core_at = 0, place
        for _ in range(MOST_LEADS + 1):
            core = self._backchannels.at(words, core_at) or _hum(words, core_at)
            if core > self._commands.at(words, core_at):
                longest = max(longest, self._after_tails(words, core_at + core) - place)
            if not (lead := self._leads.at(words, core_at)):
                break
            core_at += lead
        return longest

    def _after_tails(self, words: tuple[str, ...], place: int) -> int:
        """Return the place after the tails that begin at `place`; what begins something longer is none."""
        others = (self._commands, self._backchannels, self._leads)
        while (tail := self._tails.at(words, place)) and all(other.at(words, place) <= tail for other in others):
            place += tail
        return place

    @cached_property
    def _backchannels(self) -> _Index:
        return _Index(self.backchannels)

    @cached_property
    def _fillers(self) -> _Index:
        return _Index(self.fillers)

    @cached_property
    def _commands(self) -> _Index:
        return _Index(self.commands)

    @cached_property
    def _answers(self) -> _Index:
        return _Index(self.answers)

    @cached_property
    def _leads(self) -> _Index:
        return _Index(self.leads)

    @cached_property
    def _tails(self) -> _Index:
        return _Index(self.tails)


class _Index:
    """Phrases by their first word, the longest first."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases: dict[str, list[tuple[str, ...]]] = {}
        for phrase in sorted((tokens(phrase) for phrase in phrases), key=len, reverse=True):
            if phrase:
                self._phrases.setdefault(phrase[0], []).append(phrase)

    def begins(self, words: tuple[str, ...]) -> bool:
        """Return True if the words, the last of them perhaps cut, are the beginning of a longer phrase."""
        *whole, cut = words
        if not whole:
            return any(first.startswith(cut) and phrases[0] != (cut,) for first, phrases in self._phrases.items())
        count = len(whole)
        return any(
            phrase[:count] == tuple(whole) and phrase[count].startswith(cut) and phrase != words
            for phrase in self._phrases.get(whole[0], ())
            if len(phrase) > count
        )

    def at(self, words: tuple[str, ...], place: int) -> int:
        """Return the length of the longest phrase that begins at `place`, 0 if none does."""
        if place >= len(words):
            return 0
        word = words[place]
        if phrases := self._phrases.get(word):
            found = (len(phrase) for phrase in phrases if words[place : place + len(phrase)] == phrase)
            if length := next(found, 0):
                return length
        return int(any((plain,) in self._phrases.get(plain, ()) for plain in _plain(word)))


# The same few words are looked up again with each window of speech.
@lru_cache(maxsize=512)
def _plain(word: str) -> tuple[str, ...]:
    """Return the words of which this one may be drawn out or doubled: "okay" of "okayyy", "ja" of "jaja"."""
    forms = dict.fromkeys((word, _DRAWN_OUT.sub(r"\1\1", word), _DRAWN_OUT.sub(r"\1", word)))
    doubled = (_DOUBLED.fullmatch(form) for form in forms if len(form) <= LONGEST_DOUBLED)
    return (*forms, *(match[1] for match in doubled if match))


def _hum(words: tuple[str, ...], place: int) -> int:
    return int(place < len(words) and _HUM.fullmatch(words[place]) is not None)


def _divided(
    words: tuple[str, ...], length_at: Callable[[tuple[str, ...], int], int]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Divide words into those that belong to phrases, by the length of the one at a place, and the others."""
    inside: list[str] = []
    outside: list[str] = []
    place = 0
    while place < len(words):
        step = length_at(words, place)
        (inside if step else outside).extend(words[place : place + (step or 1)])
        place += step or 1
    return tuple(inside), tuple(outside)


LANGUAGES = tuple(PHRASES)
"""The languages whose words are known, by their ISO 639-1 codes."""

ALL = Vocabulary.of(*LANGUAGES)
"""The vocabulary of all languages: they seldom get into each other's way, and nobody has to choose."""
