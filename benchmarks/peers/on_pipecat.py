"""pipecat-ai, at its defaults and at its documented best. Runs in an environment of its own.

Defaults: Silero in the user's aggregator, and its default strategies: voice activity or words begin a turn, Smart Turn
ends it. Best: what its documentation offers against false interruptions, a turn that begins with two words, partial
ones included.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import STTService
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_start import MinWordsUserTurnStartStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from ..sessions.on_pipecat import INPUT_RATE, Input, Output, Voice
from ..sessions.on_pipecat import Model as SameModel
from .script import ANSWER_RATE, FIRST_TOKEN, TOKEN, Ear, Mind, Samples, Voices


class Words(STTService):
    """Tells words when they are due."""

    def __init__(self, ear: Ear) -> None:
        super().__init__(settings=STTSettings(model=None, language=None), ttfs_p99_latency=0.35)
        self._ear = ear

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        for words, final in self._ear.hear(len(audio) / 2 / INPUT_RATE):
            now = time_now_iso8601()
            if final:
                yield TranscriptionFrame(words, "caller", now, finalized=True)
            else:
                yield InterimTranscriptionFrame(words, "caller", now)


class Model(SameModel):
    """Says one answer after the other."""

    def __init__(self) -> None:
        super().__init__()
        self._mind = Mind()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if not isinstance(frame, LLMContextFrame):
            await super().process_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        await asyncio.sleep(FIRST_TOKEN)
        for word in self._mind.next().split(" "):
            await self.push_frame(LLMTextFrame(f"{word} "))
            await asyncio.sleep(TOKEN)
        await self.push_frame(LLMFullResponseEndFrame())


class Call:
    """A running pipeline."""

    def __init__(self, ear: Ear, best: bool) -> None:
        params = TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_sample_rate=INPUT_RATE,
            audio_out_sample_rate=ANSWER_RATE,
            audio_out_10ms_chunks=2,
        )
        self._input, self._output = Input(params), Output(params)
        more: dict[str, Any] = {}
        if best:
            start = [MinWordsUserTurnStartStrategy(min_words=2)]
            more = {"user_turn_strategies": UserTurnStrategies(start=start)}
        context = LLMContext([{"role": "system", "content": "You are a friendly assistant."}])
        pair = LLMContextAggregatorPair(
            context, user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer(), **more)
        )
        voice = Voice(Voices())  # type: ignore[arg-type]
        parts = [self._input, Words(ear), pair.user(), Model(), voice, self._output, pair.assistant()]
        self._worker = PipelineWorker(
            Pipeline(parts),
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


async def warm_up(best: bool) -> None:
    """Nothing is shared between its sessions. What it logs for each frame is no part of the measurement."""
    logger.remove()
