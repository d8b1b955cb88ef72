"""The conversation: what was said and heard."""

from .conversation import Conversation
from .message import Message, Role, ToolCall

__all__ = ["Conversation", "Message", "Role", "ToolCall"]
