"""The conversation: what was said and heard."""

from .conversation import Conversation
from .message import Message, Role, ToolCall
from .spoken import CUT, spoken_messages, spoken_text, told_last, without_asked
from .window import recent
from .words import comparable_words, has_words

__all__ = [
    "CUT",
    "Conversation",
    "Message",
    "Role",
    "ToolCall",
    "comparable_words",
    "has_words",
    "recent",
    "spoken_messages",
    "spoken_text",
    "told_last",
    "without_asked",
]
