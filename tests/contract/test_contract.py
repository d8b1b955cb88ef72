"""The contract finds what it is there for: parts with one fault each do not pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from vision_agents.core.audio import PcmData
from vision_agents.core.epoch import Epoch
from vision_agents.core.llm import PlayedResponse
from vision_agents.core.part import Attachment
from vision_agents.core.participants import Participant
from vision_agents.core.tts import SpeechChunk
from vision_agents.testing.contract import LLMContract, Player, RealtimeContract, STTContract, TTSContract, lifetime
from vision_agents.testing.contract.harness import HearingLog, no_tasks_since
from vision_agents.testing.parts import tone

from .in_process import InProcess
from .test_llm import ControlledLLM
from .test_realtime import ControlledRealtime
from .test_stt import ControlledSTT
from .test_tts import ControlledTTS

pytestmark = pytest.mark.virtual_time

ANNA = Participant("anna")


class DeafToEpochs(ControlledTTS):
    async def synthesize(self, text: str, epoch: int | None = None) -> AsyncGenerator[SpeechChunk, None]:
        async for chunk in self.stream_audio(text):
            yield chunk


class WaitsForAll(ControlledTTS):
    async def stream_audio(self, text: str) -> AsyncIterator[SpeechChunk]:
        for chunk in [chunk async for chunk in super().stream_audio(text)]:
            yield chunk


class SwallowsErrors(ControlledTTS):
    async def stream_audio(self, text: str) -> AsyncIterator[SpeechChunk]:
        try:
            async for chunk in super().stream_audio(text):
                yield chunk
        except ConnectionError:
            yield SpeechChunk(tone(0.1, 24_000))


class CancelsTheNext(ControlledTTS):
    begun = cancelled = 0

    async def stream_audio(self, text: str) -> AsyncIterator[SpeechChunk]:
        self.begun += 1
        number = self.begun
        async for chunk in super().stream_audio(text):
            if number <= self.cancelled:
                return
            yield chunk

    async def stop_audio(self) -> None:
        await asyncio.sleep(0.001)
        self.cancelled = self.begun


class HangsAtTheEnd(ControlledTTS):
    async def close(self) -> None:
        pass


TTS_FAULTS = [
    (DeafToEpochs, "test_interrupted_before_the_first_byte"),
    (DeafToEpochs, "test_interrupted_in_midstream"),
    (DeafToEpochs, "test_a_stale_text_is_not_even_asked_for"),
    (WaitsForAll, "test_speech_streams"),
    (CancelsTheNext, "test_a_text_that_follows_an_interruption_at_once_is_spoken"),
    (HangsAtTheEnd, "test_closed_while_busy_and_twice"),
]


@pytest.mark.parametrize(("fault", "case"), TTS_FAULTS)
async def test_of_synthesisers(fault: type[ControlledTTS], case: str) -> None:
    provider = InProcess()
    async with lifetime(fault(provider), provider) as tts:
        with pytest.raises(AssertionError):
            await getattr(TTSContract(), case)(tts=tts, provider=provider)


async def test_of_synthesisers_that_swallow_errors() -> None:
    provider = InProcess()
    async with lifetime(SwallowsErrors(provider), provider) as tts:
        with pytest.raises(AssertionError, match="a failure may not"):
            await TTSContract().test_a_failure_is_raised_and_the_next_text_spoken(tts, provider, "error")


class KeepsStreaming(ControlledLLM):
    async def cancel_work(self) -> None:
        self._own_epoch = Epoch()  # As if nothing had happened.


async def test_of_text_models_that_forget_an_interruption() -> None:
    provider = InProcess()
    async with lifetime(KeepsStreaming(provider), provider) as llm:
        with pytest.raises(AssertionError):
            await LLMContract().test_interrupted_in_midstream(llm, provider)


class SpeaksForDiscardedTurns(ControlledSTT):
    def discard_turn(self, participant: Participant) -> None:
        self.report_words(participant, "uh-huh", final=True)


async def test_of_recognisers_that_report_discarded_turns() -> None:
    provider = InProcess()
    async with lifetime(SpeaksForDiscardedTurns(provider), provider) as stt:
        log = HearingLog()
        stt.attach(Attachment(hearing=log))
        with pytest.raises(AssertionError):
            await STTContract().test_a_discarded_turn_leaves_no_words(stt, log, provider)


class DeafWhileSpeaking(ControlledRealtime):
    async def send_audio(self, audio: PcmData, participant: Participant) -> None:
        if not self._tasks:
            await super().send_audio(audio, participant)


class NeverStops(ControlledRealtime):
    async def stop_response(self, heard: tuple[PlayedResponse, ...]) -> None:
        pass


REALTIME_FAULTS = [
    (DeafWhileSpeaking, "test_speaking_interrupts"),
    (NeverStops, "test_interrupted_while_the_provider_stalls"),
]


@pytest.mark.parametrize(("fault", "case"), REALTIME_FAULTS)
async def test_of_realtime_models(fault: type[ControlledRealtime], case: str) -> None:
    provider = InProcess()
    async with lifetime(fault(provider), provider) as model:
        with pytest.raises(AssertionError):
            await getattr(RealtimeContract(), case)(model=model, player=Player(model), provider=provider)


async def test_of_tasks_left_behind() -> None:
    before = asyncio.all_tasks()
    task = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
    with pytest.raises(AssertionError, match="forgotten"):
        await no_tasks_since(before)
    task.cancel()


async def test_of_connections_left_open() -> None:
    provider = InProcess()
    provider.open_connections = 1
    with pytest.raises(AssertionError, match="1 connections"):
        async with lifetime(ControlledTTS(provider), provider):
            pass
