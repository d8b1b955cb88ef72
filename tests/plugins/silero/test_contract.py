"""Silero keeps the contract of voice activity detectors."""

import pytest

from vision_agents.core.audio import PcmData
from vision_agents.plugins import silero
from vision_agents.testing.clips import speech_clips
from vision_agents.testing.contract import VADContract


@pytest.mark.models
@pytest.mark.virtual_time
class TestSilero(VADContract):
    def make(self) -> silero.VAD:
        return silero.VAD()

    def speech(self) -> PcmData:
        return speech_clips()["en/quick_brown_fox"]
