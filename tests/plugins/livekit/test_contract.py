"""AEC3 keeps the contract of echo cancellers."""

import pytest

from vision_agents.plugins import livekit
from vision_agents.testing.contract import EchoCancellerContract


@pytest.mark.virtual_time
class TestAEC3(EchoCancellerContract):
    def make(self) -> livekit.EchoCanceller:
        return livekit.EchoCanceller()
