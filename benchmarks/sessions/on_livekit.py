"""The load on livekit-agents, by its public interfaces. Runs in an environment of its own."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.voice import io
from livekit.plugins import silero

from .load import (
    ANSWER,
    ANSWER_RATE,
    CALLER_RATE,
    CHUNK_EVERY,
    FIRST_AUDIO,
    FIRST_TOKEN,
    FRAME,
    TOKEN,
    USER_WORDS,
    Load,
    Samples,
    Transcriber,
)

FRAME_SAMPLES = round(FRAME * ANSWER_RATE)
SILENCE = np.zeros(FRAME_SAMPLES, dtype=np.int16)


class Input(io.AudioInput):
    """What the caller says."""

    def __init__(self) -> None:
        super().__init__(label="load")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    def push(self, frame: Samples) -> None:
        self._frames.put_nowait(rtc.AudioFrame(frame.tobytes(), CALLER_RATE, 1, len(frame)))

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()


class Output(io.AudioOutput):
    """What the agent says, fetched frame by frame: it can be paused, as that of a room can."""

    def __init__(self) -> None:
        super().__init__(label="load", capabilities=io.AudioOutputCapabilities(pause=True), sample_rate=ANSWER_RATE)
        self._frames: deque[Samples] = deque()
        self._waiting = 0
        self._played = 0
        self._flushed = False
        self._paused = False

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self._flushed = False
        samples = np.frombuffer(frame.data, dtype=np.int16)
        self._frames.append(samples)
        self._waiting += len(samples)

    def flush(self) -> None:
        super().flush()
        self._flushed = True

    def clear_buffer(self) -> None:
        if self._waiting or self._played:
            self._finish(interrupted=True)

    def pause(self) -> None:
        super().pause()
        self._paused = True

    def resume(self) -> None:
        super().resume()
        self._paused = False

    def pull(self) -> Samples:
        if self._paused or not self._waiting:
            return SILENCE
        if not self._played:
            self.on_playback_started(created_at=0.0)
        out = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        filled = 0
        while filled < FRAME_SAMPLES and self._frames:
            piece = self._frames.popleft()
            count = min(FRAME_SAMPLES - filled, len(piece))
            out[filled : filled + count] = piece[:count]
            filled += count
            if count < len(piece):
                self._frames.appendleft(piece[count:])
        self._waiting -= filled
        self._played += filled
        if self._flushed and not self._waiting:
            self._finish(interrupted=False)
        return out

    def _finish(self, interrupted: bool) -> None:
        position, self._played, self._waiting, self._flushed = self._played, 0, 0, False
        self._frames.clear()
        self.on_playback_finished(playback_position=position / ANSWER_RATE, interrupted=interrupted)


class Words(stt.STT):
    """Knows by the audio that it was given when the caller's words are final."""

    def __init__(self, load: Load, number: int) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False))
        self._place = load, number

    def stream(self, *, language: Any = None, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> WordStream:
        return WordStream(self, conn_options, Transcriber(*self._place))

    async def _recognize_impl(self, buffer: Any, *, language: Any = None, conn_options: Any) -> stt.SpeechEvent:
        raise NotImplementedError


class WordStream(stt.RecognizeStream):
    def __init__(self, words: Words, conn_options: Any, transcriber: Transcriber) -> None:
        super().__init__(stt=words, conn_options=conn_options)
        self._transcriber = transcriber

    async def _run(self) -> None:
        async for frame in self._input_ch:
            if isinstance(frame, rtc.AudioFrame) and self._transcriber.hear(frame.duration):
                words = stt.SpeechData(language="en", text=USER_WORDS, confidence=1.0)
                self._event_ch.send_nowait(
                    stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[words])
                )


class Model(llm.LLM):
    """Answers always the same."""

    def chat(
        self, *, chat_ctx: Any, tools: Any = None, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS, **_: Any
    ) -> Any:
        return Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class Answer(llm.LLMStream):
    async def _run(self) -> None:
        request = uuid.uuid4().hex
        await asyncio.sleep(FIRST_TOKEN)
        for word in ANSWER.split(" "):
            delta = llm.ChoiceDelta(role="assistant", content=f"{word} ")
            self._event_ch.send_nowait(llm.ChatChunk(id=request, delta=delta))
            await asyncio.sleep(TOKEN)


class Voice(tts.TTS):
    """Speaks by playing what the load has."""

    def __init__(self, load: Load) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=ANSWER_RATE, num_channels=1)
        self.load = load

    def synthesize(self, text: str, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> Speech:
        return Speech(tts=self, input_text=text, conn_options=conn_options)


class Speech(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        assert isinstance(self._tts, Voice)
        output_emitter.initialize(
            request_id=uuid.uuid4().hex, sample_rate=ANSWER_RATE, num_channels=1, mime_type="audio/pcm"
        )
        await asyncio.sleep(FIRST_AUDIO)
        for piece in self._tts.load.speech(self.input_text):
            output_emitter.push(piece.tobytes())
            await asyncio.sleep(CHUNK_EVERY)
        output_emitter.flush()


# Loaded once a process, as its own examples do.
_VAD: list[Any] = []


class Call:
    """A running session, with turns by voice activity, and no time in which interruptions are ignored."""

    def __init__(self, load: Load, number: int) -> None:
        self._input, self._output = Input(), Output()
        self._session: AgentSession[None] = AgentSession(
            vad=_VAD[0],
            stt=Words(load, number),
            llm=Model(),
            tts=Voice(load),
            turn_handling={"turn_detection": "vad", "interruption": {"mode": "vad"}},
            aec_warmup_duration=None,
        )

    def push(self, frame: Samples) -> None:
        self._input.push(frame)

    def pull(self) -> Samples:
        return self._output.pull()

    async def start(self) -> None:
        self._session.input.audio = self._input
        self._session.output.audio = self._output
        await self._session.start(Agent(instructions="You are a friendly assistant."))

    async def close(self) -> None:
        await self._session.aclose()


async def warm_up() -> None:
    """Load the network."""
    _VAD.append(silero.VAD.load())


def call(load: Load, number: int) -> Call:
    """A call that is not joined yet."""
    return Call(load, number)
