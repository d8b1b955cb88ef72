"""Messages as a model is told of them."""

from __future__ import annotations

from .message import Message, Role

# Words of the instructions' kind, not of the agent's: a model that reads them knows that it was cut off and where.
CUT = "… [the user interrupted here and heard no more of this]"


def spoken_text(message: Message) -> str:
    """The text of a message as a language model should read it: what was heard, and where it was cut off.

    So a model that is asked "what did you say?" does not claim what nobody heard, and can take up what is missing.
    """
    if message.role is Role.ASSISTANT and message.interrupted:
        return f"{message.text}{CUT}" if message.text else CUT
    return message.text
