"""The history as a model is told it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .message import Message, Role

# Words of the instructions' kind, not of the agent's: a model that reads them knows that it was cut off and where.
CUT = "… [the user interrupted here and heard no more of this]"


def spoken_text(message: Message) -> str:
    """The text of a message as a language model should read it: what was heard, and where it was cut off.

    So a model that is asked "what did you say?" does not claim what nobody heard, and can take up what is missing.
    """
    if message.role is Role.ASSISTANT and message.interrupted:
        return f"{message.text}{CUT}" if message.text else CUT
    return _whole(message)


def spoken_messages(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The words of a conversation without its function calls, for a connection that did not exist when they were said.

    What is still being played counts as said: it will have been, or else the model is told that it was cut off.
    """
    return tuple(
        replace(message, text=_whole(message), tool_calls=())
        for message in messages
        if message.role is not Role.TOOL and _whole(message)
    )


def without_asked(messages: Iterable[Message], texts: Iterable[str]) -> tuple[Message, ...]:
    """The messages without these texts at their end, which are not told since they are asked once more."""
    kept = list(messages)
    for text in reversed(list(texts)):
        if kept and kept[-1].role is Role.USER and kept[-1].text == text:
            kept.pop()
    return tuple(kept)


def _whole(message: Message) -> str:
    return f"{message.text} {message.unheard}".strip() if message.playing else message.text
