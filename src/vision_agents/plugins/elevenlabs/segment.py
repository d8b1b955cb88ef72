"""Scribe's words since its last commit, and those of them that are news."""

from __future__ import annotations

from vision_agents.core.conversation import comparable_words
from vision_agents.core.remote import words_beyond

# Seconds of audio after a commit during which a partial transcript of the very same words is an echo of it.
ECHO = 3.0

# Seconds of audio for which words of what was discarded may still be under way; Scribe needs 0.15 to 0.4.
DEAF = 0.5


class Segment:
    """The words of one stretch of speech, as they come, repeated and late.

    `at` is the present place in the audio: seconds sent. Words have none of their own, so that is the best clock there
    is for what they can be about; unlike the time of day it stands still where nothing is heard.
    """

    def __init__(self) -> None:
        # The latest partial transcript; the words that need no mention any more; those that came while deaf.
        self.last: list[str] = []
        self.said: list[str] = []
        self._late: list[str] = []
        self._deaf_until = 0.0
        # The latest commit.
        self._committed: list[str] = []
        self._committed_at = float("-inf")
        # Something was to be heard since then.
        self.sound = False

    def partial(self, text: str, at: float, known: bool) -> str:
        """The words of a partial transcript, "" if it is no news. `known`: the turn is open."""
        words = comparable_words(text)
        if not words or words == self.last:
            return ""
        self.last = words
        if not known and words == self._committed and at < self._committed_at + ECHO:
            return ""
        rest = words_beyond(text, self.said)
        if at < self._deaf_until:
            self._late = words
            return ""
        return rest

    def commit(self, text: str, at: float, known: bool, silence: float) -> str:
        """The final words of a committed transcript beyond those that need no mention; the next segment begins."""
        words = comparable_words(text)
        rest = words_beyond(text, self.said) if words else ""
        if not known:
            # Words that were never partial: a short utterance. Unless they are late, or the commit comes twice, which
            # it does sooner than anybody can have said the same again and fallen silent.
            again = words == self._committed and at < self._committed_at + silence
            if again or at < self._deaf_until or words == self._late:
                rest = ""
        self.last, self.said, self._late, self._deaf_until = [], [], [], 0.0
        self._committed, self._committed_at, self.sound = words, at, False
        return rest

    def discard(self, at: float) -> None:
        """Drop what was said until now, also what of it comes late."""
        self.said = list(self.last)
        if self.sound:
            self._deaf_until = at + DEAF
        self.sound = False
