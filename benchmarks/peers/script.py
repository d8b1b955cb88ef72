"""What the scripted parts say and hear, and how it is read back from what was played. Needs numpy alone.

Each answer is a tone that rises with the answer's own time: which answer a frame of 20 ms belongs to, and which place
of it, is read from its frequency. So it is seen from outside, for every framework alike, what stopped, what went on and
where.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

FRAME = 0.02
CALLER_RATE = 48_000
ANSWER_RATE = 24_000

# The scripted models, in seconds: those of `benchmarks.sessions`.
FIRST_TOKEN = 0.6
TOKEN = 0.02
FIRST_AUDIO = 0.3
CHUNK = 0.2
CHUNK_EVERY = 0.05
WORD = 0.35
# From the moment at which a word was said to that at which the recogniser tells it, and tells that it is final.
INTERIM_WORDS, FINAL_WORDS = 0.3, 0.3

# Forty words each, no sentence twice: by its text a synthesiser knows where in which answer it is.
ANSWERS = (
    "The coast is mild today with a light wind from the west. Some rain may come in during the evening near the "
    "harbour. Boats leave at nine and return at six. Fishermen expect calm water until the end of the week.",
    "The museum opens at ten in the morning and closes at five. Its garden has old trees and a pond with frogs. "
    "Guided tours begin at noon. Children pay half and students of the town enter without any ticket at all.",
    "The train to the mountains leaves from platform four every hour. It stops in three villages and climbs slowly "
    "through forests. Snow lies there from November on. Bring warm clothes and something hot to drink in a flask.",
    "The market has bread cheese apples and honey on Saturday mornings. Most stalls are gone by one in the afternoon. "
    "Cash is preferred by farmers. Come early since parking places behind the church are taken before eight already.",
)
_WORDS = tuple(re.findall(r"\w+", answer.lower()) for answer in ANSWERS)

# In Hz: where an answer's tone begins, and how much it rises in a second.
LOWEST, BAND, RISE = 400.0, 1100.0, 60.0
LEVEL = 0.3
# A frame with less than this, of full scale, is silence.
SILENT = 0.003


def speech(text: str) -> list[Samples]:
    """The pieces in which the synthesiser gives a part of an answer."""
    answer, place, count = _where(text)
    times = place * WORD + np.arange(round(count * WORD * ANSWER_RATE)) / ANSWER_RATE
    phase = 2 * np.pi * ((LOWEST + answer * BAND) * times + RISE / 2 * times**2)
    whole = (LEVEL * 32767 * np.sin(phase)).astype(np.int16)
    size = round(CHUNK * ANSWER_RATE)
    return [whole[start : start + size] for start in range(0, len(whole), size)]


def length(answer: int) -> float:
    """Seconds that an answer takes."""
    return len(_WORDS[answer]) * WORD


def _where(text: str) -> tuple[int, int, int]:
    """The answer, the number of the first word, and how many they are. Raises ValueError if it is of no answer."""
    words = re.findall(r"\w+", text.lower())
    for answer, whole in enumerate(_WORDS):
        for place in range(len(whole) - len(words) + 1):
            if words and whole[place : place + len(words)] == words:
                return answer, place, len(words)
    raise ValueError(f"nobody was to say {text!r}")


def read(frame: Samples) -> tuple[int, float] | None:
    """The answer that a frame of 20 ms, at any rate, belongs to, and its place in seconds; None if it is silent."""
    sound = frame.astype(np.float64) / 32768
    if not len(sound) or np.sqrt(np.mean(sound**2)) < SILENT:
        return None
    size = 8 * len(sound)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    peak = int(spectrum[1:-1].argmax()) + 1
    left, middle, right = np.log(spectrum[peak - 1 : peak + 2] + 1e-12)
    frequency = (peak + 0.5 * (left - right) / (left - 2 * middle + right)) / size * len(sound) / FRAME
    answer = min(max(int((frequency - LOWEST + 30) // BAND), 0), len(ANSWERS) - 1)
    return answer, (frequency - LOWEST - answer * BAND) / RISE


class Ear:
    """What a recogniser makes of a call: it counts the audio it is given, and knows which words are due by then."""

    def __init__(self) -> None:
        self._heard = 0.0
        self._due: list[tuple[float, str, bool]] = []

    def will_hear(self, words: str, start: float, end: float) -> None:
        """Words are said from `start` to `end`, in seconds of the call: partial ones as they grow, then the final."""
        said = words.split()
        for number in range(1, len(said)):
            at = start + (end - start) * number / len(said) + INTERIM_WORDS
            if at < end + FINAL_WORDS:
                self._due.append((at, " ".join(said[:number]), False))
        if said:
            self._due.append((end + FINAL_WORDS, words, True))

    def hear(self, seconds: float) -> Iterable[tuple[str, bool]]:
        """Take so many seconds of audio; the words that are due with them, and whether they are final."""
        self._heard += seconds
        while self._due and self._heard >= self._due[0][0]:
            _, words, final = self._due.pop(0)
            yield words, final


class Mind:
    """What a model says: the answers in turn, the last one again and again."""

    def __init__(self) -> None:
        self._asked = 0

    def next(self) -> str:
        self._asked += 1
        return ANSWERS[min(self._asked, len(ANSWERS)) - 1]


class Voices:
    """A load as the agents of `benchmarks.sessions` know it: they ask for the speech of a text."""

    def speech(self, text: str) -> list[Samples]:
        return speech(text)
