"""A turn that a service reports of somebody: begun once, ended once, with every word reported once."""

from __future__ import annotations

import asyncio
from difflib import SequenceMatcher

from ..conversation import comparable_words
from ..hearing import Hearing
from ..participants import Participant


class ProviderTurn:
    """The turns of one participant as a recogniser with turns of its own tells them: makes start and end idempotent."""

    def __init__(self, hearing: Hearing, participant: Participant) -> None:
        self._hearing = hearing
        self._participant = participant
        self._began = 0.0
        # Turns begun so far: whoever waited for the end of one can tell whether this is still the one.
        self.number = 0
        # The latest words of the turn that are not final.
        self.partial = ""
        self._ended = asyncio.Event()
        self._ended.set()

    @property
    def open(self) -> bool:
        """Return whether a turn was begun and not ended."""
        return not self._ended.is_set()

    def begin(self, confidence: float = 1.0) -> None:
        """Report that the participant took the turn. Without effect while the turn is open."""
        if not self.open:
            self.number += 1
            self._ended.clear()
            self._hearing.report_turn_started(self._participant, confidence)
            # After the report: the floor must not see an end that lies before the beginning it was told.
            self._began = asyncio.get_running_loop().time()

    def say(self, text: str) -> None:
        """Report the words of the turn so far. Without effect if they are the same as before, or no turn is open."""
        if self.open and text != self.partial:
            self.partial = text
            self._hearing.report_words(self._participant, text, final=False)

    def expect_end(self, text: str, confidence: float) -> None:
        """Report that the participant is probably done, with these words. Without effect if no turn is open."""
        if self.open:
            self.say(text)
            self._hearing.report_turn_end_expected(self._participant, confidence)

    def resume(self) -> None:
        """Report that a turn of which the end was expected goes on; begin one if none is open."""
        if self.open:
            self._hearing.report_turn_resumed(self._participant)
        else:
            self.begin()

    def end(
        self, text: str | None = None, confidence: float = 1.0, silence: float = 0.0, duration: float | None = None
    ) -> None:
        """Report that the participant is done: `text` are the final words, None for those so far.

        `silence`: seconds since the last sound. Without effect if no turn is open.
        """
        if not self.open:
            return
        words = self.partial if text is None else text
        self.partial = ""
        if words:
            self._hearing.report_words(self._participant, words, final=True)
        # The words come later than their sound: a last sound before the report would be one of another turn.
        silence = max(0.0, min(silence, asyncio.get_running_loop().time() - self._began))
        self._ended.set()
        self._hearing.report_turn_ended(self._participant, confidence, duration, silence)

    async def ended(self) -> None:
        """Return when no turn is open."""
        await self._ended.wait()


def words_beyond(text: str, said: list[str]) -> str:
    """Returns what `text` says beyond the words `said`, of which it may be a corrected version.

    `said`: as `comparable_words` gives them.
    """
    if not said:
        return text
    words = text.split()
    keys = ["".join(comparable_words(word)) for word in words]
    blocks = SequenceMatcher(None, said, keys, autojunk=False).get_matching_blocks()
    matched = sum(block.size for block in blocks)
    if 2 * matched < len(said):
        return text  # Something else altogether.
    cut = max(block.b + block.size for block in blocks if block.size)
    while cut < len(words) and not keys[cut]:
        cut += 1  # A dash is no word.
    return " ".join(words[cut:])
