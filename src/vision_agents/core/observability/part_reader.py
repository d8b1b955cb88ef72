"""The base of those who read a part of a call's story."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ..trace.records import Fact
from .listener import StoryListener
from .story import Story

Handlers = Mapping[type[Fact], Callable[[Any, Any], None]]


class PartReader:
    """A fold over the facts of a call into a part of `story`, with one method for each kind that tells something."""

    handlers: ClassVar[Handlers] = {}

    def __init__(self, story: Story, listener: StoryListener) -> None:
        self.story = story
        self.listener = listener
        self.now = 0.0

    def take(self, now: float, fact: Fact) -> None:
        """Take the next fact, of `now` in the story's time."""
        self.now = now
        handler = self.handlers.get(type(fact))
        if handler is not None:
            handler(self, fact)
