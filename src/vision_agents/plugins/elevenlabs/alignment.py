"""From the times of characters to the times of words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vision_agents.core.tts import Word

if TYPE_CHECKING:
    from elevenlabs.types.alignment import Alignment


class WordTimes:
    """Collects the characters of one text, chunk by chunk, into its words.

    A word is known when a space follows it or when it is the next one of `text`, so that the last word of a chunk need
    not wait for the next chunk.
    """

    def __init__(self, text: str) -> None:
        self._expected = text.split()
        self._made = 0
        self._letters = ""
        self._start = 0.0
        self._end = 0.0

    def add(self, alignment: Alignment, offset: float) -> list[Word]:
        """Take the times of a chunk, which count from its own beginning: `offset` seconds into the text's audio."""
        chars = alignment.chars or []
        starts = alignment.char_start_times_ms or []
        lengths = alignment.char_durations_ms or []
        words: list[Word] = []
        # Lists of different lengths have been seen; what has no time is no news.
        for char, start, length in zip(chars, starts, lengths, strict=False):
            if char.isspace():
                words += self.flush()
                continue
            if not self._letters:
                self._start = max(self._end, offset + start / 1000)
            self._letters += char
            self._end = max(self._start, self._end, offset + (start + length) / 1000)
            if self._made < len(self._expected) and self._letters == self._expected[self._made]:
                words += self.flush()
        return words

    def flush(self) -> list[Word]:
        """The word that was begun, if there is one: nothing more comes of it."""
        if not self._letters:
            return []
        word = Word(self._letters, self._start, self._end)
        self._letters = ""
        self._made += 1
        return [word]
