"""Unfinished sentences: what the last words of a transcript say about whether more is to come.

A sentence does not end with "and", "of the" or "um", and a comma or an ellipsis of the recogniser says the same. Words
that may also end one are left out: the particles of verbs ("turn it on", "mach das Licht an"), pronouns and numerals
("das", "une"), and what ends sentences in one of the other languages ("want", "door", "no"; "ma" in Polish, "mais" in
Portuguese, "du" in German). Four stay although they do in Polish, French, German and Turkish, since so many sentences
stop short at them: "to", "but", "um" and "de".

Of each language: conjunctions, prepositions, articles and possessives, and fillers that keep the turn (Clark and Fox
Tree 2002: "uh" and "um" announce a delay and not an end). We wrote them down by the closed classes of each language's
grammar; whoever speaks another loses nothing but this one sign.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from .vocabulary import ALL, tokens, word_count


class Ending(Enum):
    """The sign that the last words give."""

    UNKNOWN = "no words"
    OPEN = "words that go on"
    SPELLED = "a letter or a digit"
    SHORT = "a short answer"
    PLAIN = "words without a stop"
    WHOLE = "a whole sentence"


_HANGING: dict[str, str] = {
    "en": (
        "and or but because although unless whether than of to for from with without into as the my your our their its "
        "whose i'm we're you're they're i'll i'd i've um uh erm uhm uhh"
    ),
    "de": (
        "und oder aber weil denn dass wenn ob als obwohl des einen einem mein dein unser für von zwischen wegen äh ähm"
    ),
    "fr": ("ou donc parce que quand comme le des au aux tes notre votre leur ce cette ces pour avec sans chez euh heu"),
    "es": ("pero porque que cuando como aunque el las tus sus nuestro de por con en sin desde eh"),
    "it": "perché che quando il lo gli della dello dei delle di con per tra fra senza ehm",
    "pt": "mas porque que quando como os as um de por em sem sobre ahn",
    "nl": "en of omdat als een de mijn jouw onze naar tussen zonder eh",
    "sv": "och eller eftersom att när som från utan mellan genom öh",
    "pl": "oraz albo lub ponieważ że jeśli kiedy który która dla przez między yyy eee",
    "ru": "и или но потому что если когда который которая в во на с со к от для из без между через э эм",
    "tr": "veya fakat çünkü eğer şey",
}

# Where words are not divided by spaces: what the text ends with.
_HANGING_ENDS = (
    *("和", "跟", "把", "被", "从", "從", "但", "但是", "因为", "因為", "所以", "如果", "还有", "還有", "那个", "那個"),
    *("けど", "から", "ので", "って", "あの", "えっと", "ええと", "を", "と", "が", "に"),
    *("그리고", "그런데", "하지만", "그래서", "음"),
)

_WORDS = frozenset(word for words in _HANGING.values() for word in words.split())

# An answer of itself that no listener gives, beside the listeners' words of `vocabulary`.
_NO = frozenset(
    map(
        tokens,
        (
            *("no", "nope", "nein", "nee", "non", "não", "nej", "nie", "нет", "ні", "hayır", "όχι", "لا", "לא", "नहीं"),
            *("いいえ", "不", "不是", "아니요"),
        ),
    )
)

_NUMBERS = frozenset(tokens("zero one two three four five six seven eight nine oh double triple dot dash at"))

# What recognisers write at the end of a sentence, and where they hear that it goes on.
_STOPS, _QUESTIONS = ".!?。！？؟।", ("?", "？", "؟")
_COMMAS = (",", "，", "、", "...", "…", "-", "–", "—", ":", ";")


# Asked anew after each event in a pause.
@lru_cache(maxsize=512)
def ending(text: str) -> Ending:
    """Say how a transcript ends.

    `OPEN`: with a word after which a sentence goes on, unless that is a question ("What for?"), or with a comma.
    `SPELLED`: with a letter, a digit or the name of one, as within a spelled name or a number. `SHORT`: it is all a
    "yes", a "no" or an "okay", after which many go on to explain. `WHOLE`: with a full stop, a question or an
    exclamation mark, where the recogniser writes such. `PLAIN`: with none of these. `UNKNOWN`: there are no words.
    """
    words = tokens(text)
    if not words:
        return Ending.UNKNOWN
    text, last = text.rstrip(), words[-1]
    bare = text.rstrip(_STOPS + " ")
    if text.endswith(_COMMAS) or ((last in _WORDS or bare.endswith(_HANGING_ENDS)) and not text.endswith(_QUESTIONS)):
        return Ending.OPEN
    if _is_spelled(last):
        return Ending.SPELLED
    if not text.endswith(_QUESTIONS) and (words in _NO or _is_short_answer(words)):
        return Ending.SHORT
    return Ending.WHOLE if text[-1] in _STOPS else Ending.PLAIN


def _is_short_answer(words: tuple[str, ...]) -> bool:
    """Return True for an answer with nothing but other listeners' words: "thank you" and "please" alone are none."""
    return ALL.has_answer(words) and ALL.backchannel_count(words) == word_count(words)


def _is_spelled(word: str) -> bool:
    part = word.rpartition("-")[2]
    return part in _NUMBERS or part.isdigit() or (len(part) == 1 and part.isascii())
