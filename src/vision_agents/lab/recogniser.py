"""The local recogniser, made as bad as those over a network, or of another language, can be."""

from __future__ import annotations

import asyncio
from zlib import crc32

from vision_agents.core.participants import Participant
from vision_agents.plugins import moonshine

from .scenario import Hearing

# How sure a recogniser is of what it makes of a language that it does not know.
UNSURE = 0.4

# Of words that are none.
_ONSETS = ("b", "ch", "d", "f", "g", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w")
_RESTS = ("ay", "ee", "oh", "unk", "ish", "ong", "ar", "ell", "oop", "ine")


class LabSTT(moonshine.STT):
    """Moonshine, with a flaw.

    `corrects`: a partial transcript lacks the last third of its words, which the final one has. `late`: final words
    come `delay` seconds after they are asked for. `foreign`: of what is said it writes words that nobody said.
    """

    def __init__(self, hearing: Hearing = "", delay: float = 0.0) -> None:
        super().__init__()
        self._hearing, self._delay = hearing, delay

    def report_words(
        self,
        participant: Participant,
        text: str,
        final: bool,
        confidence: float | None = None,
        alternative: str = "",
        place: int | None = None,
    ) -> None:
        if self._hearing == "corrects" and not final:
            text = shortened(text)
        elif self._hearing == "foreign" and text:
            text, confidence, alternative = " ".join(map(garbled, text.split())), UNSURE, ""
        super().report_words(participant, text, final, confidence, alternative, place)

    async def finish_turn(self, participant: Participant) -> None:
        await asyncio.sleep(self._delay)
        await super().finish_turn(participant)


def shortened(text: str) -> str:
    """The first two thirds of the words, at least one."""
    words = text.split()
    return " ".join(words[: max(1, len(words) * 2 // 3)])


def garbled(word: str) -> str:
    """A word that is none, always the same for a word."""
    drawn = crc32(word.lower().encode())
    return _ONSETS[drawn % len(_ONSETS)] + _RESTS[drawn // len(_ONSETS) % len(_RESTS)]
