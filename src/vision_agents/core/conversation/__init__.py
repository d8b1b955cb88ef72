"""The conversation: what was said and heard."""

from .conversation import Conversation
from .message import Message, Role, ToolCall
from .spoken import spoken_messages, spoken_text, without_asked

__all__ = ["Conversation", "Message", "Role", "ToolCall", "spoken_messages", "spoken_text", "without_asked"]
