"""From text to speech that begins before it is computed to its end, with the time of every word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat

import numpy as np
import onnxruntime

from vision_agents.core.audio import PcmData
from vision_agents.core.tts import SpeechChunk, Word

from .alignment import align
from .sentences import clauses, sentences
from .voice import Voice

MAX_PHONEMES = 120
"""Longest piece that is encoded at once (some 22 words, 110 ms on one thread). A longer sentence is cut at clauses."""

MAX_CHARACTERS = 64
"""Longest word. A longer one (a data URL, a wall of digits) is given out as several words."""

WINDOWS = (8, 16, 32, 64)
"""Frames (11.6 ms) a chunk: a short first one, since that is waited for; later ones longer, as every chunk also costs
the padding, and the last for as long as it takes. 64 frames are decoded in 50 ms and last 740 ms."""

LONG = WINDOWS[-1:]
"""Windows of a text for whose first chunk nobody waits: 7 to 19 % less work than with short ones."""


class Synthesizer:
    """Speaks texts with a loaded voice."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._alone = voice.phonemizer.word

    def synthesize(self, text: str, windows: Sequence[int] = WINDOWS) -> Synthesis:
        """The speech of any text. Nothing is computed before the first chunk is asked for.

        `windows`: frames of the first chunks; those after them are as long as the last.
        """
        options = onnxruntime.RunOptions()
        return Synthesis(self._chunks(text, chain(windows, repeat(windows[-1])), options), options)

    def _chunks(self, text: str, windows: Iterator[int], options: onnxruntime.RunOptions) -> Iterator[SpeechChunk]:
        rate, hop = self._voice.sample_rate, self._voice.hop
        waiting: list[Word] = []
        passed = 0
        for words in self._pieces(text):
            phonemes = self._voice.phonemizer.phonemes(" ".join(words))
            ranges = align(phonemes, [self._alone(word) for word in words])
            if not any(begin < end for begin, end in ranges):  # dashes, dots: nothing to be heard
                waiting += [Word(word, passed / rate, passed / rate) for word in words]
                continue
            frames = self._voice.encode(phonemes, options)
            for word, (begin, end) in zip(words, ranges, strict=True):
                start, stop = (passed + int(frames.edges[edge]) * hop for edge in (begin, end))
                waiting.append(Word(word, start / rate, stop / rate))
            for first, last in _spans(len(frames), windows):
                samples = self._voice.decode(frames, first, last, options)
                passed += len(samples)
                yield SpeechChunk(PcmData.from_array(samples, rate), tuple(waiting))
                waiting.clear()
        if waiting:
            yield SpeechChunk(PcmData(np.zeros(0, np.int16), rate), tuple(waiting))

    def _pieces(self, text: str) -> Iterator[list[str]]:
        """The words of the text in pieces that can be encoded at once."""
        for sentence in sentences(text):
            words = [part for word in sentence for part in self._parts(word)]
            yield from clauses(words, [len(self._alone(word)) for word in words], MAX_PHONEMES)

    def _parts(self, word: str) -> Iterator[str]:
        for first in range(0, len(word), MAX_CHARACTERS):
            yield from self._halves(word[first : first + MAX_CHARACTERS])

    def _halves(self, word: str) -> Iterator[str]:
        """Some characters are spoken at length ("Chinese letter"): halve the word until it can be encoded at once."""
        if len(word) == 1 or len(self._alone(word)) <= MAX_PHONEMES:
            yield word
        else:
            yield from self._halves(word[: len(word) // 2])
            yield from self._halves(word[len(word) // 2 :])


class Synthesis(Iterator[SpeechChunk]):
    """The chunks of one text, each computed when it is asked for. Not for two threads at once, but for `stop`.

    A chunk brings the words whose times have just become known: those that begin in it and others to come. Times count
    from the first sample of the text. A text of which nothing can be heard ("...") gives one chunk without audio.
    """

    def __init__(self, chunks: Iterator[SpeechChunk], options: onnxruntime.RunOptions) -> None:
        self._chunks = chunks
        self._options = options

    @property
    def stopped(self) -> bool:
        """Return whether it was told to end."""
        return bool(self._options.terminate)

    def __next__(self) -> SpeechChunk:
        if self.stopped:
            raise StopIteration
        try:
            return next(self._chunks)
        except Exception:  # onnxruntime's exceptions share no public base class
            if self.stopped:
                raise StopIteration from None
            raise

    def stop(self) -> None:
        """End the iteration, and within milliseconds what is being computed. From any thread; harmless twice."""
        self._options.terminate = True


def _spans(frames: int, windows: Iterator[int]) -> Iterator[tuple[int, int]]:
    first = 0
    while first < frames:
        last = min(frames, first + next(windows))
        yield first, last
        first = last
