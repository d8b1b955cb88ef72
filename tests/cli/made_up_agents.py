"""Agents for `--agent made_up_agents:…`: they hear by loudness and speak in tones."""

import asyncio
import os
import signal

import numpy as np

from vision_agents.core import Agent, User
from vision_agents.core.turn_detection import TurnDetector
from vision_agents.core.vad import SpeechEdge, SpeechSegmenter
from vision_agents.testing.parts import ScriptedLLM, ScriptedSTT, ToneTTS

COUNT = "one two three four five six seven eight nine ten eleven twelve."


class LoudnessDetector(TurnDetector):
    """Whatever is loud is speech; a turn ends with it."""

    def __init__(self):
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


async def counting(edge, **options):
    return Agent(
        edge=edge,
        llm=options.pop("llm", None) or ScriptedLLM([COUNT, "as you like."]),
        agent_user=User("agent"),
        stt=options.pop("stt", None) or ScriptedSTT(["count", "stop that"]),
        tts=options.pop("tts", None) or ToneTTS(),
        turn_detection=LoudnessDetector(),
        **options,
    )


async def interrupted(edge):
    """Somebody presses Ctrl-C in the middle of the call."""
    return _ends_by(signal.SIGINT, await counting(edge))


async def terminated(edge):
    """A service manager ends the process in the middle of the call."""
    return _ends_by(signal.SIGTERM, await counting(edge))


async def hung_up(edge):
    """The terminal is closed in the middle of the call."""
    return _ends_by(signal.SIGHUP, await counting(edge))


async def killed(edge):
    """The process dies in the middle of the call."""
    return _ends_by(signal.SIGKILL, await counting(edge))


def _ends_by(number, agent):
    asyncio.get_running_loop().call_later(1.5, os.kill, os.getpid(), number)
    return agent


async def mistaken(edge):
    raise ValueError("that is no number")


async def impossible(edge):
    raise RuntimeError("there is no such model")


async def unloadable(edge):
    class Unloadable(ScriptedSTT):
        async def start(self):
            raise RuntimeError("the model is damaged")

    return await counting(edge, stt=Unloadable())


async def mute(edge):
    class Mute(ToneTTS):
        async def stream_audio(self, text):
            raise RuntimeError("lost my voice")
            yield

    return await counting(edge, tts=Mute())


async def something_else(edge):
    return "no agent"


async def with_another_edge(edge):
    from vision_agents.testing.parts import LoopEdge

    return await counting(LoopEdge())


async def without_edge():
    """Takes none."""


def not_async(edge):
    """Is no coroutine."""


class Callable:
    """An object that can be awaited when called."""

    async def __call__(self, *, edge):
        return await counting(edge)


as_object = Callable()
