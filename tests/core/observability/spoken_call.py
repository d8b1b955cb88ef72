"""A call of a real agent with scripted parts: an "uh-huh", a "stop" that is understood late, and a noise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vision_agents.core import Agent, User
from vision_agents.core.audio.files import WavWriter
from vision_agents.core.trace import notes
from vision_agents.core.turn_detection import TurnDetector
from vision_agents.core.vad import SpeechEdge, SpeechSegmenter
from vision_agents.plugins.local import FileEdge
from vision_agents.testing.parts import ScriptedLLM, ScriptedSTT, ToneTTS

RATE = 16_000
STORY = "once upon a time there was a lighthouse keeper who counted every ship and every star that he saw."
SHORT = "of course it is the Pacific and it covers more than a third of the whole earth."

# When the user is to be heard; and the words that are recognised meanwhile, at which time.
SOUNDS = ((0.5, 1.5), (3.0, 3.3), (5.5, 5.7), (9.5, 10.5))
WORDS = ((3.25, "uh-huh"), (6.4, "stop"))
FINAL = ("tell me a story", "which ocean is the largest")


class LoudnessDetector(TurnDetector):
    """Whatever is loud is speech; a turn ends with it."""

    def __init__(self) -> None:
        super().__init__()
        self._segmenter = SpeechSegmenter(window=0.02)

    async def process_audio(self, audio, participant):
        edge = self._segmenter.feed(1.0 if np.abs(audio.samples).max() > 1000 else 0.0)
        if edge is SpeechEdge.STARTED:
            self.report_speech_started(participant, 1.0, 0.02)
        elif edge is SpeechEdge.CONTINUED:
            self.report_speech_continued(participant, 1.0, self._segmenter.voiced)
        elif edge is SpeechEdge.ENDED:
            self.report_speech_ended(participant, self._segmenter.voiced, self._segmenter.silence)
            self.report_turn_ended(participant, 1.0, None, self._segmenter.silence)


class TimedSTT(ScriptedSTT):
    """Recognises words when it is told to, counted from the first audio."""

    def __init__(self, final=FINAL, words=WORDS) -> None:
        super().__init__(final)
        self._words = words
        self._heard = False

    async def process_audio(self, audio, participant):
        if not self._heard:
            self._heard = True
            for at, text in self._words:
                asyncio.get_running_loop().call_later(at, self.report_words, participant, text, False, 0.9)


class UntimedTTS(ToneTTS):
    """Knows no word times."""

    async def stream_audio(self, text):
        async for chunk in super().stream_audio(text):
            yield chunk.audio


def user_wav(path: Path) -> Path:
    samples = np.zeros(12 * RATE)
    for start, end in SOUNDS:
        times = np.arange(round((end - start) * RATE)) / RATE
        samples[round(start * RATE) :][: len(times)] = 0.3 * np.sin(2 * np.pi * 150 * times)
    with WavWriter(path, RATE, 1) as writer:
        writer.write((samples * 32767).astype(np.int16))
    return path


def agent_in(edge: Any, **options: Any) -> Agent:
    parts: dict[str, Any] = {
        "llm": ScriptedLLM([STORY, SHORT]),
        "stt": TimedSTT(),
        "tts": ToneTTS(),
        "turn_detection": LoudnessDetector(),
    }
    return Agent(edge, agent_user=User("agent", "Ada"), **{**parts, **options})


async def hold_call(
    wav: Path, out: Path, observe: Any, listen: Callable[[Agent], object] = lambda agent: None, **options: Any
) -> Agent:
    """The whole call, as `vision-agents call` holds it. `listen` is given the agent before it joins."""
    edge = FileEdge(wav, out)
    agent = agent_in(edge, **options)
    listen(agent)
    agent.observe(observe)
    async with agent.join():
        agent.trace.note(notes.RecordingStarted(out.name), edge.started)
        await agent.finish()
        agent.trace.note(notes.RecordingEnded(edge.worst_delay))
    return agent
