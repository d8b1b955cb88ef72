"""Contracts of parts as test classes: subclass one, say how the part and its provider are made.

    class TestTTS(TTSContract):
        @pytest_asyncio.fixture
        async def provider(self):
            async with StandIn() as stand_in:  # a Provider: the other end, which does what it is told
                yield stand_in

        def make(self, provider):
            return mine.TTS(base_url=provider.url)

Detectors, echo cancellers and voiceprints need no provider; say what they hear as speech instead:

    class TestDetector(TurnDetectorContract):
        def make(self):
            return mine.Detector()

        def speech(self):
            return read_audio("a sentence.wav", 16_000)

Needs pytest and pytest-asyncio.
"""

import pytest

_MODULES = (
    *("harness", "player", "provider", "tts", "stt", "llm", "realtime", "edge"),
    *("turn_detector", "vad", "echo", "voiceprint"),
)
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _MODULES))

from .echo import EchoCancellerContract  # noqa: E402
from .edge import Caller, EdgeContract, RecordingSink  # noqa: E402
from .harness import Consumer, HearingLog, frames, lifetime, until  # noqa: E402
from .llm import LLMContract  # noqa: E402
from .player import Player  # noqa: E402
from .provider import Answer, Failure, Provider, SpeechGate  # noqa: E402
from .realtime import RealtimeContract  # noqa: E402
from .stt import STTContract  # noqa: E402
from .tts import TTSContract  # noqa: E402
from .turn_detector import TurnDetectorContract  # noqa: E402
from .vad import VADContract  # noqa: E402
from .voiceprint import VoiceprintContract  # noqa: E402

__all__ = [
    "Answer",
    "Caller",
    "Consumer",
    "EchoCancellerContract",
    "EdgeContract",
    "Failure",
    "HearingLog",
    "LLMContract",
    "Player",
    "Provider",
    "RealtimeContract",
    "RecordingSink",
    "STTContract",
    "SpeechGate",
    "TTSContract",
    "TurnDetectorContract",
    "VADContract",
    "VoiceprintContract",
    "frames",
    "lifetime",
    "until",
]
