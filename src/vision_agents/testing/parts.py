"""Parts of an agent that need no model and no network: for tests, benchmarks and first steps.

They are real parts built on the public base classes, only their content is scripted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import numpy as np

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.conversation import ToolCall
from vision_agents.core.edge import FRAME_SECONDS, CallSink, EdgeTransport
from vision_agents.core.llm import LLM, LLMRequest
from vision_agents.core.participants import Participant, User
from vision_agents.core.stt import STT
from vision_agents.core.tts import TTS, SpeechChunk, Word
from vision_agents.core.turn_detection import TurnDetector

Piece = str | ToolCall
Answer = Callable[[LLMRequest], Iterable[Piece]]


class ScriptedLLM(LLM):
    """Answers with the given texts in turn (the last one again and again), or with what a function makes of a request.

    `delay`: seconds before each piece. `requests` and `cancelled` tell what was asked and how often it was cut off.
    """

    def __init__(self, answers: Sequence[str] | Answer = ("Hello.",), delay: float = 0.0) -> None:
        super().__init__()
        self._answers = answers
        self._delay = delay
        self.requests: list[LLMRequest] = []
        self.cancelled = 0

    async def stream(self, request: LLMRequest) -> AsyncIterator[Piece]:
        self.requests.append(request)
        try:
            for piece in self._pieces(request):
                await asyncio.sleep(self._delay)
                yield piece
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise

    def _pieces(self, request: LLMRequest) -> Iterable[Piece]:
        if callable(self._answers):
            return self._answers(request)
        text = self._answers[min(len(self.requests), len(self._answers)) - 1]
        return [word + " " for word in text.split(" ")]


class ToneTTS(TTS):
    """Speaks each word as a tone of `word_seconds`, with exact word times, one chunk a word, `delay` seconds apart."""

    def __init__(self, word_seconds: float = 0.3, sample_rate: int = 24_000, delay: float = 0.0) -> None:
        super().__init__()
        self._word_seconds = word_seconds
        self._sample_rate = sample_rate
        self._delay = delay
        self.spoken: list[str] = []
        self.stopped = 0

    async def stream_audio(self, text: str) -> AsyncIterator[SpeechChunk]:
        self.spoken.append(text)
        for index, word in enumerate(text.split()):
            await asyncio.sleep(self._delay)
            times = Word(word, index * self._word_seconds, (index + 1) * self._word_seconds)
            yield SpeechChunk(tone(self._word_seconds, self._sample_rate), (times,))

    async def stop_audio(self) -> None:
        self.stopped += 1


class ScriptedSTT(STT):
    """Says what it is told to: `words` are the final words of the turns to come, in order."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        super().__init__()
        self.pending = list(words)
        self.discarded = 0

    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        pass

    async def finish_turn(self, participant: Participant) -> None:
        if self.pending:
            self.report_words(participant, self.pending.pop(0), final=True)

    def discard_turn(self, participant: Participant) -> None:
        self.discarded += 1


class ScriptedDetector(TurnDetector):
    """Hears what it is told to hear: `speak` plays a participant's speech to the agent, window by window."""

    WINDOW = 0.032

    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        pass

    async def speak(self, participant: Participant, seconds: float, end: bool = True) -> None:
        """Report `seconds` of speech as they pass, then 0.2 s of silence and (if `end`) the end of the turn."""
        windows = max(1, round(seconds / self.WINDOW))
        self.report_speech_started(participant, 0.9, self.WINDOW)
        for window in range(1, windows):
            await asyncio.sleep(self.WINDOW)
            self.report_speech_continued(participant, 0.9, (window + 1) * self.WINDOW)
        await asyncio.sleep(0.16)
        self.report_speech_ended(participant, windows * self.WINDOW, 0.16)
        if end:
            await asyncio.sleep(0.04)
            self.report_turn_ended(participant, 0.9, None, 0.2)


class LoopEdge(EdgeTransport):
    """A call with itself: pulls a frame each 20 ms of the loop's time and keeps them all in `frames`."""

    def __init__(self) -> None:
        self.frames: list[Samples] = []
        self.records: list[dict[str, Any]] = []
        self.sink: CallSink | None = None
        self._task: asyncio.Task[None] | None = None

    async def join(self, agent_user: User, call: Any, sink: CallSink) -> None:
        self.sink = sink
        self._task = asyncio.create_task(self._play(sink), name="loop edge")

    async def _play(self, sink: CallSink) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        while True:
            self.frames.append(sink.pull().copy())
            await asyncio.sleep(start + len(self.frames) * FRAME_SECONDS - loop.time())

    async def leave(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def observe(self, record: Any) -> None:
        self.records.append(dict(record))

    @property
    def audible(self) -> list[bool]:
        """For each frame so far whether it had any sound."""
        return [bool(frame.any()) for frame in self.frames]


def tone(seconds: float, sample_rate: int, frequency: float = 220.0, level: float = 0.3) -> PcmData:
    """A sine of `level` of full scale."""
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    return PcmData.from_array(level * np.sin(2 * np.pi * frequency * times), sample_rate)
