"""The synthesisers that run in this process keep the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from vision_agents.core.tts import SpeechChunk
from vision_agents.plugins import piper
from vision_agents.plugins.piper import tts as piper_tts
from vision_agents.plugins.piper.phonemizer import Phonemizer
from vision_agents.plugins.piper.voice import Frames
from vision_agents.testing.contract import Answer, TTSContract
from vision_agents.testing.parts import ToneTTS

from .in_process import InProcess, wait_for_permit


class ControlledTTS(ToneTTS):
    def __init__(self, provider: InProcess) -> None:
        super().__init__()
        self._provider = provider

    async def stream_audio(self, text: str) -> AsyncIterator[SpeechChunk]:
        with self._provider.answering() as answer:
            if answer.failure:
                raise ConnectionError(answer.failure)
            async for chunk in super().stream_audio(text):
                await answer.permit()
                yield chunk

    async def close(self) -> None:
        await self._provider.release()


@pytest.mark.virtual_time
class TestScripted(TTSContract):
    @pytest.fixture
    def provider(self) -> InProcess:
        return InProcess()

    def make(self, provider: InProcess) -> ControlledTTS:
        return ControlledTTS(provider)


@dataclass(frozen=True, slots=True)
class ControlledFrames(Frames):
    answer: Answer


class ControlledVoice:
    """A Piper voice without a network: three frames for each phoneme, and a frame's level is its place in the piece."""

    sample_rate, hop = 22_050, 256

    def __init__(self, provider: InProcess, phonemizer: Phonemizer) -> None:
        self.phonemizer = phonemizer
        self._provider = provider

    def encode(self, phonemes: Sequence[str], options: Any) -> Frames:
        with self._provider.answering() as answer:
            if answer.failure:
                raise RuntimeError(f"the network gave up: {answer.failure}")
        edges = 3 * np.arange(len(phonemes) + 1)
        latent = np.arange(1, edges[-1] + 1, dtype=np.float32)
        return ControlledFrames(latent[None, None], edges.astype(np.int64), answer)

    def decode(self, frames: ControlledFrames, first: int, last: int, options: Any) -> Any:
        wait_for_permit(frames.answer, lambda: options.terminate)
        if options.terminate:
            raise RuntimeError("terminated")
        return np.repeat(frames.latent[0, 0, first:last], self.hop) / 32_768


class TestPiper(TTSContract):
    @pytest.fixture
    def provider(self, monkeypatch: pytest.MonkeyPatch) -> InProcess:
        provider = InProcess()
        config = piper_config()
        monkeypatch.setattr(piper_tts, "load", lambda files: None)
        monkeypatch.setattr(piper_tts, "Voice", lambda *_: ControlledVoice(provider, Phonemizer(config)))
        return provider

    def make(self, provider: InProcess) -> piper.TTS:
        return piper.TTS("voice.onnx")


def piper_config() -> Any:
    from piper import PhonemeType, PiperConfig
    from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

    return PiperConfig(256, 1, 22_050, "en-us", phoneme_id_map=DEFAULT_PHONEME_ID_MAP, phoneme_type=PhonemeType.ESPEAK)
