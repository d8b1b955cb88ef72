"""The phases of a model's messages: whether it was thinking aloud ("commentary") or answering ("final_answer").

The service wants them back with the messages in later requests. The history is of what was heard: it may have but the
beginning of a message, without its Markdown, and several in one. So a message is known by its words.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from vision_agents.core.conversation import comparable_words
from vision_agents.core.voice.sentences import speakable

Phase = Literal["commentary", "final_answer"]

# Messages whose phases are remembered: more than a usual request has.
REMEMBERED = 500


class Phases:
    """The phases of the latest messages that one model wrote."""

    def __init__(self) -> None:
        self._written: deque[tuple[list[str], Phase]] = deque(maxlen=REMEMBERED)

    def add(self, text: str, phase: Phase | None) -> None:
        """Take note of a message, or of what there is of it."""
        words = comparable_words(speakable(text))
        if phase is not None and words:
            self._written.append((words, phase))

    def divide(self, text: str) -> list[tuple[str, Phase | None]]:
        """Returns the messages that a text of the history was written as, with their phases; as one without a phase if
        it was not written here."""
        parts: list[tuple[str, Phase | None]] = []
        words = text.split()
        while words and (found := self._first(words)) is not None:
            count, phase = found
            parts.append((" ".join(words[:count]), phase))
            words = words[count:]
        if words or not parts:
            return [(text, None)]
        return parts if len(parts) > 1 else [(text, parts[0][1])]

    def _first(self, words: list[str]) -> tuple[int, Phase] | None:
        """Returns how many of the words are of one message, the latest that fits, and its phase."""
        said, begun = comparable_words(" ".join(words)), None
        for written, phase in reversed(self._written):
            if not said or written[0] != said[0]:
                continue
            if written[: len(said)] == said:
                return len(words), phase
            if begun is None and said[: len(written)] == written:
                begun = (_count(words, len(written)), phase)
        return begun


def _count(words: list[str], comparable: int) -> int:
    """Returns how many of the words hold so many comparable ones, and what is none behind them."""
    count = 0
    for word in words:
        comparable -= len(comparable_words(word))
        if comparable < 0:
            break
        count += 1
    return count


class Writing:
    """The messages of one response, as they come."""

    def __init__(self, phases: Phases) -> None:
        self._phases = phases
        self._text = ""
        self._phase: Phase | None = None

    def begin(self, phase: Phase | None) -> str:
        """Take note that a message begins. Returns what parts it from the one before."""
        parted = "\n" if self._text else ""
        self.close()
        self._phase = phase
        return parted

    def write(self, text: str) -> None:
        """Take note of its next piece."""
        self._text += text

    def complete(self, phase: Phase | None) -> None:
        """Take note that it is complete, and of the phase that it has now."""
        self._phase = phase or self._phase

    def close(self) -> None:
        """Take note that no more of it comes. Harmless twice."""
        self._phases.add(self._text, self._phase)
        self._text, self._phase = "", None
