"""The conversation: what was said and heard."""

from .conversation import Conversation
from .message import Message, Role, ToolCall
from .spoken import spoken_text

__all__ = ["Conversation", "Message", "Role", "ToolCall", "spoken_text"]
