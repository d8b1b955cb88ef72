"""The history as a model is told it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from .message import Message, Role, grouped

# Words of the instructions' kind, not of the agent's: a model that reads them knows that it was cut off and where.
OVERHEARD = "[said while you spoke, perhaps not to you, and not answered: {}]"
CUT = "… [the user interrupted here and heard no more of this]"


def spoken_text(message: Message) -> str:
    """The text of a message as a language model should read it: what was heard, and where it was cut off.

    So a model that is asked "what did you say?" does not claim what nobody heard, and can take up what is missing.
    """
    if message.role is Role.ASSISTANT and message.interrupted:
        return f"{message.text}{CUT}" if message.text else CUT
    return OVERHEARD.format(message.text) if message.overheard else _whole(message)


def spoken_messages(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The words of a conversation without its function calls, for a connection that did not exist when they were said.

    What is still being played counts as said: it will have been, or else the model is told that it was cut off.
    """
    return tuple(
        replace(message, text=spoken_text(message) if message.overheard else _whole(message), tool_calls=())
        for message in messages
        if message.role is not Role.TOOL and _whole(message)
    )


def told_last(messages: tuple[Message, ...], calls: Collection[str]) -> tuple[Message, ...]:
    """The messages with these calls and their outputs at the end: a model answers what it is told last.

    Of several calls with one id that is the last one.
    """
    groups = grouped(messages)
    moved: list[int] = []
    for call in calls:
        made = (n for n in reversed(range(len(groups))) if any(c.id == call for c in groups[n][0].tool_calls))
        if (number := next(made, None)) is not None and number not in moved:
            moved.append(number)
    kept = [number for number in range(len(groups)) if number not in moved]
    return tuple(message for number in kept + moved for message in groups[number])


def without_asked(messages: Iterable[Message], texts: Iterable[str]) -> tuple[Message, ...]:
    """The messages without these texts at their end, which are not told since they are asked once more."""
    kept = list(messages)
    for text in reversed(list(texts)):
        if kept and kept[-1].role is Role.USER and kept[-1].text == text:
            kept.pop()
    return tuple(kept)


def _whole(message: Message) -> str:
    return f"{message.text} {message.unheard}".strip() if message.playing else message.text
