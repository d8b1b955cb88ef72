"""Smart Turn keeps the contract of turn detectors."""

import pytest

from vision_agents.core.audio import PcmData
from vision_agents.plugins import smart_turn
from vision_agents.testing.clips import speech_clips
from vision_agents.testing.contract import TurnDetectorContract


@pytest.mark.models
@pytest.mark.virtual_time
class TestSmartTurn(TurnDetectorContract):
    def make(self) -> smart_turn.TurnDetection:
        return smart_turn.TurnDetection()

    def speech(self) -> PcmData:
        return speech_clips()["en/quick_brown_fox"]
