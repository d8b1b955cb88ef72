"""The load on pipecat-ai, by its public interfaces. Runs in an environment of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import numpy as np
from loguru import logger
from pipecat.audio.utils import create_stream_resampler
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    StartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

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

# What its voice activity detection and its turn detection want.
INPUT_RATE = 16_000
FRAME_BYTES = 2 * round(FRAME * ANSWER_RATE)
SILENCE = np.zeros(FRAME_BYTES // 2, dtype=np.int16)
# Audio that is on its way to the network, in bytes: more than that a writer waits for.
AHEAD = 2 * FRAME_BYTES


class Input(BaseInputTransport):
    """What the caller says, brought to 16 kHz by pipecat's own resampler, as its transports do."""

    def __init__(self, params: TransportParams) -> None:
        super().__init__(params)
        self._frames: asyncio.Queue[Samples] = asyncio.Queue()
        self._resampler = create_stream_resampler()
        self.ready = asyncio.Event()

    def push(self, frame: Samples) -> None:
        self._frames.put_nowait(frame)

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        self.create_task(self._receive())
        self.ready.set()

    async def _receive(self) -> None:
        while True:
            frame = await self._frames.get()
            audio = await self._resampler.resample(frame.tobytes(), CALLER_RATE, INPUT_RATE)
            if audio:
                await self.push_audio_frame(InputAudioRawFrame(audio=audio, sample_rate=INPUT_RATE, num_channels=1))


class Output(BaseOutputTransport):
    """What the agent says, fetched frame by frame: a writer waits as long as enough is on its way."""

    def __init__(self, params: TransportParams) -> None:
        super().__init__(params)
        self._audio = bytearray()
        self._room = asyncio.Event()

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        self._audio += frame.audio
        while len(self._audio) > AHEAD:
            self._room.clear()
            await self._room.wait()
        return True

    def pull(self) -> Samples:
        if not self._audio:
            return SILENCE
        frame = bytes(self._audio[:FRAME_BYTES])
        del self._audio[:FRAME_BYTES]
        self._room.set()
        return np.frombuffer(frame, dtype=np.int16)


class Words(STTService):
    """Knows by the audio that it was given when the caller's words are final."""

    def __init__(self, load: Load, number: int) -> None:
        super().__init__(settings=STTSettings(model=None, language=None), ttfs_p99_latency=0.35)
        self._transcriber = Transcriber(load, number)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        if self._transcriber.hear(len(audio) / 2 / INPUT_RATE):
            yield TranscriptionFrame(USER_WORDS, "caller", time_now_iso8601(), finalized=True)


class Model(LLMService):
    """Answers always the same."""

    def __init__(self) -> None:
        nothing = dict.fromkeys(
            (
                "model",
                "system_instruction",
                "temperature",
                "max_tokens",
                "top_p",
                "top_k",
                "frequency_penalty",
                "presence_penalty",
                "seed",
                "filter_incomplete_user_turns",
                "user_turn_completion_config",
            )
        )
        super().__init__(settings=LLMSettings(**nothing))

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        await asyncio.sleep(FIRST_TOKEN)
        for word in ANSWER.split(" "):
            await self.push_frame(LLMTextFrame(f"{word} "))
            await asyncio.sleep(TOKEN)
        await self.push_frame(LLMFullResponseEndFrame())


class Voice(TTSService):
    """Speaks by playing what the load has."""

    def __init__(self, load: Load) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=ANSWER_RATE,
            settings=TTSSettings(model=None, voice=None, language=None),
        )
        self._load = load

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        await asyncio.sleep(FIRST_AUDIO)
        for piece in self._load.speech(text):
            yield TTSAudioRawFrame(piece.tobytes(), ANSWER_RATE, 1, context_id=context_id)
            await asyncio.sleep(CHUNK_EVERY)


class Call:
    """A running pipeline, with its own voice activity and turn detection as they come."""

    def __init__(self, load: Load, number: int) -> None:
        params = TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_sample_rate=INPUT_RATE,
            audio_out_sample_rate=ANSWER_RATE,
            audio_out_10ms_chunks=2,
        )
        self._input, self._output = Input(params), Output(params)
        context = LLMContext([{"role": "system", "content": "You are a friendly assistant."}])
        pair = LLMContextAggregatorPair(context, user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer()))
        self._worker = PipelineWorker(
            Pipeline(
                [
                    self._input,
                    Words(load, number),
                    pair.user(),
                    Model(),
                    Voice(load),
                    self._output,
                    pair.assistant(),
                ]
            ),
            params=PipelineParams(audio_in_sample_rate=INPUT_RATE, audio_out_sample_rate=ANSWER_RATE),
            idle_timeout_secs=None,
        )
        self._runner = WorkerRunner(handle_sigint=False)
        self._running: asyncio.Task[None] | None = None

    def push(self, frame: Samples) -> None:
        self._input.push(frame)

    def pull(self) -> Samples:
        return self._output.pull()

    async def start(self) -> None:
        await self._runner.add_workers(self._worker)
        self._running = asyncio.create_task(self._runner.run())
        await self._input.ready.wait()

    async def close(self) -> None:
        await self._runner.cancel()


async def warm_up() -> None:
    """Nothing is shared between its sessions. What it logs for each frame is no part of the load."""
    logger.remove()


def call(load: Load, number: int) -> Call:
    """A call that is not joined yet."""
    return Call(load, number)
