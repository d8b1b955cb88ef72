"""The interface of those who follow a story while it is read."""

from __future__ import annotations

from ..usage import TokenUsage
from .story import Challenge, ReplyStory, SpokenTurn


class StoryListener:
    """Hears of a story's parts as they become known. Every method returns at once; the default does nothing."""

    def session_started(self, started: float, at: float) -> None:
        """The call begins: `started` in Unix time is `at` in the story's."""

    def turn_ended(self, turn: SpokenTurn) -> None:
        """A participant's turn is complete, or was none."""

    def reply_begun(self, reply: ReplyStory) -> None:
        """The agent begins to make a reply."""

    def reply_started(self, reply: ReplyStory) -> None:
        """The first sample of a reply was pulled."""

    def answer_timed(self, reply: ReplyStory) -> None:
        """The stages of a reply are known: its first sample was pulled, or it is over without one."""

    def reply_ended(self, reply: ReplyStory) -> None:
        """A reply is over, and all is known of it."""

    def challenge_decided(self, challenge: Challenge) -> None:
        """Speech over a reply was decided upon, or the reply was over before that."""

    def stale_audio(self, chunks: int) -> None:
        """Late audio was dropped."""

    def tokens_used(self, usage: TokenUsage) -> None:
        """A model was used, as its provider tells."""

    def component_failed(self, component: str, error: str, at: float) -> None:
        """A part reported an error."""

    def call_ended(self, error: str | None, at: float) -> None:
        """The call is over."""
