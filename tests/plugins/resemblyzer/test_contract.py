"""Resemblyzer keeps the contract of voiceprints."""

import numpy as np
import pytest

from vision_agents.core.audio import PcmData
from vision_agents.plugins import resemblyzer
from vision_agents.testing.clips import speech_clips
from vision_agents.testing.contract import VoiceprintContract


@pytest.mark.models
class TestResemblyzer(VoiceprintContract):
    def make(self) -> resemblyzer.Voiceprint:
        return resemblyzer.Voiceprint()

    def voices(self) -> tuple[PcmData, PcmData]:
        """The clips of one language are of one speaker."""
        clips = speech_clips()
        english = (clips["en/quick_brown_fox"], clips["en/counting"])
        italian = (clips["it/pangrama"], clips["it/conteggio"])
        one, other = (np.concatenate([clip.samples for clip in pair]) for pair in (english, italian))
        return PcmData(one, 16_000), PcmData(other, 16_000)
