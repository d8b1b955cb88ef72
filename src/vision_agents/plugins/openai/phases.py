"""The phases of a model's messages: whether it was thinking aloud ("commentary") or answering ("final_answer").

The service wants them back with the messages in later requests. The history is of what was heard, and may have but the
beginning of a message: so a message is known by how it begins.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

Phase = Literal["commentary", "final_answer"]

# Messages whose phases are remembered: more than a usual request has.
REMEMBERED = 500


class Phases:
    """The phases of the latest messages that one model wrote."""

    def __init__(self) -> None:
        self._written: deque[tuple[str, Phase]] = deque(maxlen=REMEMBERED)
        self._text = ""
        self._phase: Phase | None = None

    def begin(self, phase: Phase | None) -> None:
        """Take note that a message begins."""
        self.end()
        self._phase = phase

    def write(self, text: str) -> None:
        """Take note of its next piece."""
        self._text += text

    def end(self, phase: Phase | None = None) -> None:
        """Take note that it is complete, or that no more of it comes. Harmless twice."""
        phase = phase or self._phase
        if phase is not None and self._text.strip():
            self._written.append((_plain(self._text), phase))
        self._text, self._phase = "", None

    def of(self, text: str) -> Phase | None:
        """Returns the phase of the latest message that begins with `text`; None if it had none."""
        begin = _plain(text)
        return next((phase for written, phase in reversed(self._written) if begin and written.startswith(begin)), None)


def _plain(text: str) -> str:
    return " ".join(text.split())
