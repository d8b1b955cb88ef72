"""Sentences said before that a question is about. Very small models find them only right before the question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from vision_agents.core.conversation import Message, Role

# Sentences that are brought before a question. Each costs the reading of some ten tokens.
MOST = 2

_SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n+")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_ENDING = re.compile(r"(?:['’]s|ing|ed|es|s|e)$")
# Words that do not say what a sentence is about.
_COMMON = frozenset(
    _WORD.findall(
        """
        a about am an and any are as at be been but by can could did do does for from had has have he her him his how i
        if in is it its like many may me much my no not of on or our please she should so some tell than that the their
        them then there they this to up us was we were what when where which who whom whose why will with would yes you
        your one two three four five six seven eight nine ten
        """
    )
)

# Who asks with these alone wants to know whom they talk with.
_INTRODUCTION = frozenset({"who", "name", "yourself"})
_OF_THE_AGENT = frozenset({"you", "your", "yourself", "talking", "speaking"})
# What an instruction begins with that says who the agent is, or what it does.
_OWN = re.compile(r"you(r name|'re|’re)?\b", re.IGNORECASE)

Subjects = frozenset[str]


class Reminders:
    """A conversation's messages, each of a user with what was to be recalled when it was said.

    That of earlier messages stays, so that a model which has read them need not read them again; nor is it looked for
    again, as long as what was said by then stands.
    """

    def __init__(self) -> None:
        self._instructions = ""
        self._messages: Sequence[Message] = ()
        self._made: dict[int, Message] = {}

    def of(self, instructions: str, messages: Sequence[Message], first: int = 0) -> list[Message]:
        """The messages from `first` on, with their reminders."""
        known = _alike(self._messages, messages) if instructions == self._instructions else 0
        self._made = {place: made for place, made in self._made.items() if place < known}
        self._instructions, self._messages = instructions, tuple(messages)
        for place in range(first, len(messages)):
            if place not in self._made:
                self._made[place] = _reminded(instructions, messages[: place + 1])
        return [self._made[place] for place in range(first, len(messages))]

    def forget(self) -> None:
        """Keep nothing of the conversation."""
        self._instructions, self._messages, self._made = "", (), {}


def _alike(one: Sequence[Message], other: Sequence[Message]) -> int:
    """The number of messages with which both begin."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a is not b and a != b), min(len(one), len(other)))


def _reminded(instructions: str, messages: Sequence[Message]) -> Message:
    last = messages[-1]
    reminders = recall(instructions, messages)
    return replace(last, text=" ".join([*reminders, last.text])) if reminders else last


def recall(instructions: str, messages: Sequence[Message]) -> list[str]:
    """The sentences of the instructions, and of what the user has said, that share words with the last message.

    The user is who asks now, neither another participant nor somebody who was overheard. At most `MOST`, the nearest
    ones, in the order in which they were said; none unless the last message is a user's. A question that is about
    nothing but the agent itself ("who are you?") shares words with none: it gets what the instructions say of that.
    """
    if not messages or messages[-1].role is not Role.USER:
        return []
    if _is_introduction(messages[-1].text):
        return [sentence for sentence in _sentences(instructions) if _OWN.match(sentence)][:MOST]
    asked = subjects(messages[-1].text)
    pool = {sentence: subjects(sentence) for sentence in (*_sentences(instructions), *_told(messages))}
    uses = {word: sum(word in words for words in pool.values()) for word in asked}
    # A word that many sentences have tells them apart less.
    scores = {sentence: sum(1 / uses[word] for word in asked & words) for sentence, words in pool.items()}
    nearest = sorted((sentence for sentence in pool if scores[sentence]), key=lambda s: -scores[s])[:MOST]
    return [sentence for sentence in pool if sentence in nearest and scores[sentence] > scores[nearest[0]] / 2]


def _is_introduction(text: str) -> bool:
    words = {word.lower() for word in _WORD.findall(text)}
    about = bool(words & _INTRODUCTION and words & _OF_THE_AGENT)
    return about and subjects(text) <= _POLITE


def _told(messages: Sequence[Message]) -> Iterator[str]:
    """Sentences about the earlier words of who said the last message, in order."""
    *before, last = messages
    said = [message.text for message in before if _is_told(message) and _is_of_one(message, last)]
    for place, text in enumerate(said):
        when = "First" if place == 0 else "Before this" if place == len(said) - 1 else "Then"
        for sentence in _sentences(text):
            how = "asked" if sentence.endswith("?") else "told"
            yield f"{when} you {how} me: {sentence}"


def _is_told(message: Message) -> bool:
    return message.role is Role.USER and not message.overheard and bool(message.text.strip())


def _is_of_one(message: Message, other: Message) -> bool:
    # What is typed has no participant: it is taken for anybody's.
    return None in (message.participant, other.participant) or message.participant == other.participant


def _sentences(text: str) -> list[str]:
    return [sentence.strip() for sentence in _SENTENCE.split(text) if sentence.strip()]


@lru_cache(maxsize=1024)
def subjects(text: str) -> Subjects:
    """The words of a text, without their endings, that say what it is about."""
    words = (word.lower() for word in _WORD.findall(text))
    return frozenset(_ENDING.sub("", word) if len(word) > 3 else word for word in words if word not in _COMMON)


# What may stand beside such a question.
_POLITE = subjects("who's what's hello hi hey good morning afternoon evening name yourself introduce speaking talking")
