"""The conversation: what was said and heard."""

from .conversation import Conversation
from .message import Message, Role, ToolCall
from .spoken import spoken_messages, spoken_text, without_asked
from .window import recent

__all__ = ["Conversation", "Message", "Role", "ToolCall", "recent", "spoken_messages", "spoken_text", "without_asked"]
