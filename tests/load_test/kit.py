"""Agents that hear by loudness alone, callers made of tones, and the time of a loop that jumps."""

from __future__ import annotations

from typing import Any

import numpy as np

from vision_agents.core import Agent, Participant, PcmData, User
from vision_agents.core.edge import OUTPUT_SAMPLE_RATE
from vision_agents.core.stt import STT
from vision_agents.load_test.clips import Clip, Clips, Kind, clip_of
from vision_agents.load_test.in_process import InProcessLine
from vision_agents.plugins import smart_turn
from vision_agents.testing.parts import ScriptedLLM, ToneTTS

from ..plugins.hearing_kit import LevelVAD

ANSWER = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen."

# Seconds of sound from which on there are words in it.
WORDS_FROM = 0.7


def tone_of(seconds: float, level: int = 12_000) -> PcmData:
    """A caller's voice: loud enough for `LevelVAD`."""
    times = np.arange(round(seconds * OUTPUT_SAMPLE_RATE)) / OUTPUT_SAMPLE_RATE
    return PcmData((level * np.sin(2 * np.pi * 440 * times)).astype(np.int16), OUTPUT_SAMPLE_RATE)


def clip(seconds: float, name: str = "a tone") -> Clip:
    return clip_of(name, tone_of(seconds))


def clips() -> Clips:
    return Clips(
        [
            (Kind.QUESTION, clip(1.5, "question")),
            (Kind.INTERRUPTION, clip(1.2, "interruption")),
            (Kind.COUGH, clip(0.2, "cough")),
            (Kind.BACKCHANNEL, clip(0.25, "backchannel")),
        ]
    )


class LoudSTT(STT):
    """Finds words in every turn with sound enough."""

    def __init__(self) -> None:
        super().__init__()
        self._loud = 0.0

    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        self._loud += audio.duration * bool((np.abs(audio.samples) > 3000).any())

    async def finish_turn(self, participant: Participant) -> None:
        if self._loud > WORDS_FROM:
            self.report_words(participant, "Tell me something else, please.", final=True)
        self._loud = 0.0

    def discard_turn(self, participant: Participant) -> None:
        self._loud = 0.0


class Complete:
    """Whoever pauses has said all."""

    def predict(self, samples: object) -> float:
        return 1.0


def agent_at(edge: Any, **parts: Any) -> Agent:
    made: dict[str, Any] = {
        "llm": ScriptedLLM([ANSWER] * 200),
        "stt": LoudSTT(),
        "tts": ToneTTS(),
        "turn_detection": smart_turn.TurnDetection(vad=LevelVAD(), model=Complete()),  # type: ignore[arg-type]
    }
    return Agent(edge=edge, agent_user=User("agent", "Ada"), **made | parts)


async def create_agent(edge: Any) -> Agent:
    return agent_at(edge)


def line() -> InProcessLine:
    return InProcessLine(clips().room)
