"""The load: callers who interrupt, and what the scripted models say. Needs numpy alone, as all frameworks run it.

A caller's day is a cycle of ten seconds: four seconds of speech, with which the agent is interrupted, then silence in
which the agent answers, and speaks on until the next cycle. Each caller is at another place of the cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

FRAME = 0.02
CYCLE = 10.0
CYCLE_FRAMES = round(CYCLE / FRAME)
CALLER_RATE = 48_000
ANSWER_RATE = 24_000

# The scripted models. With the pause that a turn's end takes, the agent then speaks for about 45 % of the time.
FINAL_WORDS = 0.3  # seconds from the end of speech to its transcript
FIRST_TOKEN = 0.6
TOKEN = 0.02
FIRST_AUDIO = 0.3
CHUNK = 0.2  # seconds of audio in a piece
CHUNK_EVERY = 0.05  # seconds between two pieces
WORD = 0.35  # seconds of speech a word

USER_WORDS = "Please tell me something about the weather on the coast."
ANSWER = (
    "The weather on the coast is mild today. There is a light wind from the west. "
    "In the evening some rain may come in, so take a coat with you."
)

# Where two irrational steps put the callers: evenly over the cycle, and over the 20 ms of a frame.
_CYCLE_STEP, _FRAME_STEP = 0.6180339887, 0.7548776662


@dataclass(frozen=True)
class Load:
    """What is said. `cycles`: int16, shape (cycles, 500, 960), 48 kHz. `onsets`, `ends`: seconds into each cycle at
    which its speech begins and ends. `answer`: what the agent's voice is cut from, int16, 24 kHz, never zero.
    """

    cycles: Samples
    onsets: npt.NDArray[np.float64]
    ends: npt.NDArray[np.float64]
    answer: Samples

    @classmethod
    def open(cls, path: Path) -> Load:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return cls(**{name: arrays[name] for name in ("cycles", "onsets", "ends", "answer")})

    def save(self, path: Path) -> None:
        """Write it to an .npz file."""
        np.savez(path, **vars(self))

    def speech(self, text: str) -> list[Samples]:
        """The pieces in which a synthesiser gives the speech of `text`."""
        size = round(CHUNK * ANSWER_RATE)
        whole = self.answer[: round(len(text.split()) * WORD * ANSWER_RATE)]
        return [whole[start : start + size] for start in range(0, len(whole), size)]


class Caller:
    """One caller: an endless stream of frames that begins somewhere in the cycle."""

    def __init__(self, load: Load, number: int) -> None:
        self._load = load
        self._number = number
        # The number of the next frame.
        self.place = int((0.5 + number * _CYCLE_STEP) % 1 * CYCLE_FRAMES)
        # How much later than other callers' its frames come, in seconds.
        self.phase = number * _FRAME_STEP % 1 * FRAME

    def frame(self) -> Samples:
        """The next 20 ms: int16, shape (960,), 48 kHz."""
        cycle, place = divmod(self.place, CYCLE_FRAMES)
        self.place += 1
        frame: Samples = self._load.cycles[self._kind(cycle), place]
        return frame

    def onset(self, cycle: int) -> float:
        """Seconds into `cycle` at which speech begins."""
        return float(self._load.onsets[self._kind(cycle)])

    def end(self, cycle: int) -> float:
        """Seconds into `cycle` at which speech ends."""
        return float(self._load.ends[self._kind(cycle)])

    def _kind(self, cycle: int) -> int:
        return (cycle + self._number) % len(self._load.cycles)


class Transcriber:
    """A recogniser's ear: counts the audio that it is given, and knows when a caller's words are final."""

    def __init__(self, load: Load, number: int) -> None:
        self._caller = Caller(load, number)
        self._heard = self._caller.place * FRAME
        # The cycle whose words are next: those of the one in which the caller begins may be over.
        self._cycle = self._caller.place // CYCLE_FRAMES
        self._cycle += self._heard >= self._due()

    def hear(self, seconds: float) -> bool:
        """Take so many seconds of audio; whether the words of a cycle become final with them."""
        self._heard += seconds
        final = self._heard >= self._due()
        self._cycle += final
        return final

    def _due(self) -> float:
        return self._cycle * CYCLE + self._caller.end(self._cycle) + FINAL_WORDS
