"""A voice of one's own: a synthesiser in twenty lines, which hums each word. No key.

Try it: `vision-agents demo --agent examples.own_voice:make_agent`.
"""

import numpy as np

from vision_agents.core import Agent, PcmData, User
from vision_agents.core.tts import TTS, SpeechChunk, Word
from vision_agents.plugins import llama, moonshine, smart_turn

RATE = 24_000


class Hum(TTS):
    """Hums a word as long as it is written, and tells when: history then ends at the word that was heard."""

    def __init__(self, pitch: float = 180.0) -> None:
        super().__init__()
        self.pitch = pitch

    async def stream_audio(self, text):
        at = 0.0
        for word in text.split():
            seconds = 0.08 + 0.05 * len(word)
            time = np.arange(round(seconds * RATE)) / RATE
            hum = np.sin(2 * np.pi * self.pitch * time) * np.sin(np.pi * time / seconds)
            yield SpeechChunk(PcmData.from_array(0.3 * hum, RATE), (Word(word, at, at + seconds),))
            at += seconds

    async def stop_audio(self):
        """Nothing goes on behind `stream_audio`: an interruption ends it, and that is all."""


async def make_agent(edge):
    return Agent(
        edge=edge,
        agent_user=User(name="Hummer", id="agent"),
        instructions="You're a helpful voice assistant.",
        llm=llama.LLM(),
        stt=moonshine.STT(),
        tts=Hum(),
        turn_detection=smart_turn.TurnDetection(),
    )
