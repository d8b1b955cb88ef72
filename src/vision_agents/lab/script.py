"""The agent's script, in a voice whose every sample tells its place.

Each word of the script sounds like no other, so what was lost or repeated is read off the samples that were played, and
how much of it was heard is known exactly, whatever the agent says about it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.audio.playout import FADE_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE
from vision_agents.core.tts import TTS, SpeechChunk, Word

RATE = SAMPLE_RATE
FRAME = FRAME_SAMPLES

# Seconds of a made-up word, and the level of its noise: about -18 dB of full scale.
WORD = 0.3
NOISE = 4000.0

# A frame that is faded still resembles its place by more than this; any other place does not.
ALIKE = 0.8
# Samples in a row that are found nowhere else, and where in a frame they are looked for: behind a fade-in of 5 ms.
UNIQUE, BEHIND_FADE = 8, 300

ANSWER = (
    "There are many stories about the sea, and this one begins in a small harbour on the west coast. An old fisherman "
    "lived there with his two daughters, and every morning before sunrise they pushed their boat into the water. The "
    "elder one steered, the younger one looked after the nets, and their father told them where to go. He knew the "
    "currents better than anybody else. One day in autumn the wind turned without a warning, and clouds came up from "
    "the south. They had gone farther out than usual, because the fish had moved away from the shore. The father "
    "wanted to go home at once, but the nets were heavy, and it took them a long time to bring everything aboard. When "
    "the first rain fell they could no longer see the lighthouse. The waves grew higher, and the little boat climbed "
    "up each of them like a tired horse. The younger daughter remembered the bell on the northern rock, which rings in "
    "every storm. She closed her eyes and listened, and after a while she pointed to the left. They turned the boat "
    "and rowed as hard as they could. Late in the evening they reached the harbour, where the whole village stood "
    "waiting with lamps. Since that night there has always been somebody on the pier when the weather is bad."
)
NOTICE = (
    "Before we begin, please note that this call is recorded for training, that the recording is kept for thirty days, "
    "and that you may ask for it to be deleted at any time."
)
QUESTION = "Your table is free at seven. Shall I book it for you?"
REPLY = "All right, then let us do it that way."


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """Words and their sound: word n is `samples[starts[n]:starts[n + 1]]`, 48 kHz int16."""

    words: tuple[str, ...]
    starts: tuple[int, ...]
    samples: Samples

    @classmethod
    def of_noise(cls, text: str) -> Script:
        """Each word a noise of its own of `WORD` seconds."""
        words = tuple(text.split())
        length = round(WORD * RATE)
        pieces = [_noise(f"{number} {word}", length) for number, word in enumerate(words)]
        return cls(words, tuple(range(0, len(words) * length + 1, length)), np.concatenate(pieces))

    @classmethod
    def of_speech(cls, words: Iterable[Word], audio: PcmData) -> Script:
        """Real speech; a faint noise (-70 dB) makes each place unlike any other. Pauses belong to the word before.

        `words` in their order, times in seconds from the beginning of `audio`.
        """
        words = list(words)
        speech = audio.resampled(RATE).samples.astype(np.int32)
        mark = np.random.default_rng(1).integers(-20, 21, len(speech))
        starts = [0, *(round(word.start * RATE) for word in words[1:]), len(speech)]
        return cls(
            tuple(word.text for word in words),
            tuple(starts),
            np.clip(speech + mark, -32768, 32767).astype(np.int16),
        )

    @property
    def duration(self) -> float:
        """In seconds."""
        return len(self.samples) / RATE

    def find(self, words: list[str]) -> int | None:
        """The number of the first word where `words` stand in the script."""
        for first in range(len(self.words) - len(words) + 1):
            if list(self.words[first : first + len(words)]) == words:
                return first
        return None

    def heard(self, place: int) -> int:
        """Words of which at least half was played, when `place` samples were."""
        return sum((a + b) / 2 <= place for a, b in zip(self.starts, self.starts[1:], strict=False))

    def word_start(self, place: int) -> int:
        """The start of the word that sounds just before `place`."""
        return max((start for start in self.starts if start < place), default=0)


class ScriptTTS(TTS):
    """Speaks a script's sentences as they sound there, anything else as words of noise; exact word times, no delay."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script

    async def stream_audio(self, text: str) -> AsyncIterator[SpeechChunk]:
        words = text.split()
        found = self._script.find(words)
        script, first = (Script.of_noise(f"· {text}"), 1) if found is None else (self._script, found)
        origin = script.starts[first]
        for number in range(first, first + len(words)):
            start, end = script.starts[number], script.starts[number + 1]
            word = Word(script.words[number], (start - origin) / RATE, (end - origin) / RATE)
            yield SpeechChunk(PcmData(script.samples[start:end], RATE), (word,))

    async def stop_audio(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Stretch:
    """Audio in a row: `length` samples from sample `at` of the call; `place` in the script, None if it is not of it."""

    at: int
    length: int
    place: int | None

    @property
    def end(self) -> int:
        """The sample of the call after it."""
        return self.at + self.length

    def follows(self, other: Stretch) -> bool:
        """Return whether it is what comes after `other`, in the call and in the script."""
        if self.at != other.end or (self.place is None) != (other.place is None):
            return False
        return self.place is None or other.place is None or self.place == other.place + other.length


def follow(agent: Samples, script: Script) -> list[Stretch]:
    """Divide what the agent played into stretches of the script. `agent`: 48 kHz, whole frames as they were pulled."""
    stretches: list[Stretch] = []
    expected = 0
    for at in range(0, len(agent) - FRAME + 1, FRAME):
        frame = agent[at : at + FRAME]
        audible = np.flatnonzero(frame)
        if not len(audible):
            continue
        # A voice that stops in mid-frame is faded out: the last samples of the fade are zeros too.
        length = FRAME if audible[-1] >= FRAME // 2 else max(FADE_SAMPLES, int(audible[-1]) + 1)
        place = _place(frame[:length], script.samples, expected)
        if place is not None:
            expected = place + length
        stretch = Stretch(at, length, place)
        if stretches and stretch.follows(stretches[-1]):
            last = stretches.pop()
            stretch = Stretch(last.at, last.length + length, last.place)
        stretches.append(stretch)
    return stretches


def _place(heard: Samples, script: Samples, expected: int) -> int | None:
    """Find the place of `heard` in the script: the expected one, or wherever its samples are."""
    if _alike(heard, script[expected : expected + len(heard)]):
        return expected
    key = heard[BEHIND_FADE : BEHIND_FADE + UNIQUE]
    if len(key) < UNIQUE:
        return None
    places: npt.NDArray[np.intp] = np.flatnonzero(script[: len(script) - UNIQUE] == key[0])
    for offset in range(1, UNIQUE):
        places = places[script[places + offset] == key[offset]]
    places = places - BEHIND_FADE
    return next((int(place) for place in places if place >= 0), None)


def _alike(heard: Samples, there: Samples) -> bool:
    if len(heard) != len(there):
        return False
    a, b = heard.astype(np.float64), there.astype(np.float64)
    return bool(a @ b > ALIKE * np.sqrt((a @ a) * (b @ b)) > 0)


def _noise(key: str, length: int) -> Samples:
    noise = np.random.default_rng(crc32(key.encode())).normal(0.0, NOISE, length)
    return np.clip(noise, -20_000, 20_000).astype(np.int16)
