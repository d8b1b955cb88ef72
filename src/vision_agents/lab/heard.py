"""Heard-word error: what the agent says was heard of a reply that was cut off, against what was played of it.

Real speech (the Piper voice) is cut off at many places. A word counts as heard when half of it was; what was played is
known to the sample, and where its words are is found by forced alignment of the sound (`align`), without anybody's word
times. The agent is asked twice: with the word times of the synthesiser ("provider"), and without any ("estimated").

The aligner errs too. By how much is measured in the same way where the truth is known to the sample: on a voice of
noises, and on speech that is put together of single words.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from zlib import crc32

import numpy as np

from vision_agents.core import Agent, User
from vision_agents.core.agents.events import AgentSpeechEndedEvent
from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.audio.playout import SAMPLE_RATE
from vision_agents.core.tts import TTS, SpeechChunk
from vision_agents.testing import virtual_time
from vision_agents.testing.parts import LoopEdge, ScriptedDetector, ScriptedLLM, ScriptedSTT

from .align import Spans, align
from .mix import level_of, span_of
from .result import Cut
from .sounds import RATE, Wave
from .speech import chunks_of, spoken, varied

TEXTS = (
    "There are many stories about the sea, and this one begins in a small harbour on the west coast. An old fisherman "
    "lived there with his two daughters.",
    "Your train leaves at seven in the morning from platform four. You change once, in Salzburg, and have eleven "
    "minutes for it. Shall I book a seat by the window?",
    "No. I'm afraid that's not possible, because the shop is closed on Sundays! But you can order it today, and we'll "
    "send it tomorrow.",
    "First, beat three eggs with a little salt. Then melt the butter slowly in a large pan, pour in the eggs, and wait "
    "until the edges are firm. Serve at once.",
    "The temperature will fall to minus five degrees tonight, with strong winds from the northeast and occasional snow "
    "above eight hundred metres. Tomorrow it clears up, although it stays rather cold for the season.",
)

# Seconds between two cuts, and into the reply of the first: no multiple of a frame or a word.
EVERY, FIRST = 0.37, 0.31

# Lengths of the words of noise, in seconds, and the pause between two sentences of what is put together.
SHORTEST, LONGEST, PAUSE = 0.12, 0.45, 0.3

TIME_LIMIT = 600.0


def heard_words(every: float = EVERY) -> tuple[Cut, ...]:
    """Cut all texts off each `every` seconds. Takes the better part of a minute; raises what the voice raises."""
    return tuple(
        cut
        for number, text in enumerate(TEXTS)
        for cut in (*cuts_of(number, text, every), *_known_cuts(number, text, every))
    )


def cuts_of(number: int, text: str, every: float) -> list[Cut]:
    """One text, with the times of its words and without."""
    whole, _ = played(text, None, timed=True)
    middles = _middles(align(_resampled(whole), [alone(word) for word in text.split()]))
    found: list[Cut] = []
    for source in ("provider", "estimated"):
        for at in np.arange(FIRST, len(whole) / SAMPLE_RATE, every):
            sound, words = played(text, float(at), timed=source == "provider")
            seconds = len(sound) / SAMPLE_RATE
            found.append(Cut(source, number, seconds, words, count(middles, seconds)))
    return found


def played(text: str, until: float | None, timed: bool) -> tuple[Samples, int]:
    """Run a call that is interrupted after `until` seconds. Returns what was heard of the text, and the words reported.

    48 kHz int16, from the first sample to the last that is not 0.
    """
    return virtual_time.run(_call(text, until, timed), timeout=TIME_LIMIT)


async def _call(text: str, until: float | None, timed: bool) -> tuple[Samples, int]:
    edge = LoopEdge()
    agent = Agent(edge, ScriptedLLM(), User("agent"), "", ScriptedSTT(), _Voice(timed), ScriptedDetector())
    reports: list[str] = []

    @agent.events.subscribe
    async def note(event: AgentSpeechEndedEvent) -> None:
        reports.append(event.heard)

    async with agent.join():
        saying = asyncio.create_task(agent.say(text), name="say")
        if until is not None:
            await asyncio.sleep(until)
            agent.interrupt()
        await saying
    sound = np.concatenate(edge.frames)
    audible = np.flatnonzero(sound)
    return (sound[audible[0] : audible[-1] + 1] if len(audible) else sound[:0]), len(" ".join(reports).split())


class _Voice(TTS):
    """The Piper voice, whose chunks are computed once."""

    def __init__(self, timed: bool) -> None:
        super().__init__()
        self._timed = timed

    async def stream_audio(self, text: str) -> AsyncIterator[SpeechChunk]:
        for chunk in chunks_of(text):
            yield chunk if self._timed else SpeechChunk(chunk.audio)

    async def stop_audio(self) -> None:
        pass


def alone(word: str) -> Wave:
    """The word spoken alone, 16 kHz, without silence around it."""
    return _trimmed(_resampled(spoken(_bare(word))[1]))


def count(middles: Sequence[float], seconds: float) -> int:
    """Words of which at least half was heard within `seconds`."""
    return sum(bool(middle <= seconds) for middle in middles)


# What the aligner makes of words whose times are known.


def _known_cuts(number: int, text: str, every: float) -> list[Cut]:
    words = text.split()
    noises = [noise(word, f"{number} {place}") for place, word in enumerate(words)]
    others = [noise(word, "alone") for word in words]
    pieces = [_trimmed(_resampled(varied(_bare(word)))) for word in words]
    return [
        *_known(number, "aligner: noises", words, noises, others, every),
        *_known(number, "aligner: words", words, pieces, [alone(word) for word in words], every),
    ]


def _known(
    number: int, source: str, words: Sequence[str], pieces: Sequence[Wave], others: Sequence[Wave], every: float
) -> list[Cut]:
    """Put the pieces together, with a pause behind each sentence, and have the aligner find them by the `others`."""
    waves: list[Wave] = []
    truth: Spans = []
    at = 0.0
    for word, piece in zip(words, pieces, strict=True):
        truth.append((at, at + len(piece) / RATE))
        waves.append(piece * 10.0 ** ((-20.0 - level_of(piece)) / 20.0))
        if word[-1] in ".!?":
            waves.append(np.zeros(round(PAUSE * RATE)))
        at = sum(map(len, waves)) / RATE
    recording = np.concatenate(waves) + np.random.default_rng(number).normal(0.0, 1e-4, sum(map(len, waves)))
    known, found = _middles(truth), _middles(align(recording, others))
    return [
        Cut(source, number, float(seconds), count(found, seconds), count(known, seconds))
        for seconds in np.arange(FIRST, at, every)
    ]


def noise(word: str, drawing: str) -> Wave:
    """A noise whose colour, three resonances, is the word's own; its length and its samples are of the drawing."""
    colour = np.random.default_rng(crc32(_bare(word).encode()))
    rng = np.random.default_rng(crc32(f"{word} {drawing}".encode()))
    length = round(rng.uniform(SHORTEST, LONGEST) * RATE)
    frequencies = np.fft.rfftfreq(length, 1 / RATE)
    gain = sum(1.0 / (1.0 + ((frequencies - centre) / 150.0) ** 2) for centre in np.exp(colour.uniform(5.3, 8.7, 3)))
    wave: Wave = np.fft.irfft(np.fft.rfft(rng.normal(0.0, 1.0, length)) * gain, length)
    return wave


def _middles(spans: Spans) -> list[float]:
    return [(start + end) / 2 for start, end in spans]


def _bare(word: str) -> str:
    return re.sub(r"[^\w']", "", word).lower()


def _resampled(audio: PcmData | Samples) -> Wave:
    data = audio if isinstance(audio, PcmData) else PcmData(audio, SAMPLE_RATE)
    return data.resampled(RATE).to_float32().astype(np.float64)


def _trimmed(wave: Wave) -> Wave:
    start, end = span_of(wave)
    return wave[round(start * RATE) : round(end * RATE)]
