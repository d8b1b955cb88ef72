"""The latest part of a conversation, as much as a model's context takes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import ceil

from .message import Message, Role, grouped

# Bytes of text that are one token, and tokens that come with each message: what is usual for English.
BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 4

# The oldest messages go in steps of this part of the limit, so that the beginning of most requests is that of the one
# before, which services and local models keep in a cache.
STEP = 0.25


def estimated_tokens(message: Message) -> int:
    """Return about how many tokens a message has: too many rather than too few for English, right for Chinese."""
    size = len(message.text.encode(errors="replace"))
    for call in message.tool_calls:
        size += len(call.name) + len(json.dumps(dict(call.arguments), default=str))
    return ceil(size / BYTES_PER_TOKEN) + TOKENS_PER_MESSAGE


def recent(messages: Iterable[Message], tokens: int) -> tuple[Message, ...]:
    """Return the messages without the oldest ones, so that about `tokens` are left.

    A call is never without its outputs, nor outputs without their call. What is left begins with what a user said, if
    there is any in it; the last message is always left.
    """
    groups = grouped(messages)
    sizes = [sum(map(estimated_tokens, group)) for group in groups]
    excess = sum(sizes) - tokens
    start = 0
    if excess > 0:
        step = max(1, int(tokens * STEP))
        wanted = ceil(excess / step) * step
        while start < len(groups) - 1 and wanted > 0:
            wanted -= sizes[start]
            start += 1
        said = (number for number in range(start, len(groups)) if groups[number][0].role is Role.USER)
        start = next(said, start)
    return tuple(message for group in groups[start:] for message in group)
