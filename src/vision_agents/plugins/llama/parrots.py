"""Answers of before that a small model gives to another question, once it has given them: they are caught unspoken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from vision_agents.core.conversation import Message, Role
from vision_agents.core.voice import CONTINUE_PROMPT

from .recall import Subjects, subjects

# An answer is an earlier one again if it begins with so many of its words, or with all of its first sentence.
OPENING = 6
# Shorter first sentences ("Yes, of course.") may well be said again.
LEAST_WORDS = 4

_UNSURE = re.compile(r"[\w'’]+$")
_TOKEN = re.compile(r"[\w'’]+|[.!?…]+(?=\s)|\n")
_STOP = "."
# Who says nothing but these wants to hear once more what was said.
_ONCE_MORE = subjects(
    "pardon sorry excuse beg huh again repeat say said saying once more slower louder come hear heard catch understand "
    "understood get got didn't couldn't don't can't didn’t couldn’t don’t can’t just last thing sentence word answer "
    "sure really go speak up time please"
)

Tokens = list[str]
"""Words, and a stop at the end of each sentence."""


class ParrotGuard:
    """Passes an answer on, piece by piece, unless it is an earlier one that has nothing to do with the question.

    What may still become such an answer is held back. That is a matter of some words, which nobody speaks before their
    sentence is complete. Who asks the same question once more, or for what was answered, or in words that say nothing
    of what it is about ("Pardon?", "Say that again"), may get the same answer; and a model that is to go on with one.

    Args:
        messages: the conversation, up to the question.
        answers: further ones that the model has read.
    """

    def __init__(self, messages: Sequence[Message], answers: Sequence[str] = ()) -> None:
        self.caught: str | None = None
        """The earlier answer that it is again: nothing of it was passed on."""
        self._held: str | None = ""
        asked = _asked(messages)
        said = [*((text, Subjects()) for text in answers), *_said(messages)]
        others = [text for text, to in said if asked and asked != to and not asked & subjects(text)]
        self._openings = [(opening, text) for text in others if (opening := _opening(text))]

    def feed(self, piece: str) -> str:
        """Take the next piece. Returns what may be said by now; nothing more once it is `caught`."""
        if self.caught is not None or self._held is None:
            return piece if self.caught is None else ""
        self._held += piece
        tokens = _tokens(self._held)
        unsure = tokens.pop() if _UNSURE.search(self._held) else ""  # the last word may not be complete
        self._catch(tokens)
        alike = [opening for opening, _ in self._openings if opening[: len(tokens)] == tokens]
        if self.caught is not None or any(opening[len(tokens)].startswith(unsure) for opening in alike):
            return ""
        held, self._held = self._held, None
        return held

    def end(self) -> str:
        """The model has ended. Returns what was held back, unless it is an earlier answer."""
        held, self._held = self._held or "", None
        if self.caught is None:
            self._catch(_tokens(f"{held}\n"))
        return held if self.caught is None else ""

    def _catch(self, tokens: Tokens) -> None:
        self.caught = next((text for opening, text in self._openings if tokens[: len(opening)] == opening), None)


def _asked(messages: Sequence[Message]) -> Subjects:
    """The subject of the question; empty if what was said before is wanted, or the rest of it."""
    last = messages[-1] if messages else None
    if last is None or last.role is not Role.USER or last.text == CONTINUE_PROMPT:
        return Subjects()
    about = subjects(last.text)
    return Subjects() if about <= _ONCE_MORE else about


def _said(messages: Sequence[Message]) -> Iterator[tuple[str, Subjects]]:
    """Each earlier answer, and what had been asked about."""
    to = Subjects()
    for message in messages:
        if message.role is Role.USER:
            to = subjects(message.text)
        elif message.role is Role.ASSISTANT:
            yield message.text, to


def _opening(text: str) -> Tokens:
    """Up to the end of a sentence before which there are words enough, but no more than `OPENING` words."""
    opening: Tokens = []
    words = 0
    for token in _tokens(f"{text.strip()}\n"):
        opening.append(token)
        words += token != _STOP
        if words == OPENING or (token == _STOP and words >= LEAST_WORDS):
            return opening
    return []


def _tokens(text: str) -> Tokens:
    return [token if _UNSURE.match(token) else _STOP for token in _TOKEN.findall(text.lower())]
