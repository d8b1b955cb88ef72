"""livekit-agents, at its defaults and at its documented best. Runs in an environment of its own.

Defaults: an `AgentSession` with Silero, and nothing said about turns. Best: what its documentation offers against false
interruptions without its cloud, which has a detector of its own ("adaptive"): two words for an interruption, a false
one taken back after 1 s, and no time at the start in which interruptions are ignored.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.plugins import silero

from ..sessions.on_livekit import Input, Output, Voice
from .script import FIRST_TOKEN, TOKEN, Ear, Mind, Samples, Voices


class Words(stt.STT):
    """Tells words when they are due."""

    def __init__(self, ear: Ear) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self._ear = ear

    def stream(self, *, language: Any = None, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> WordStream:
        return WordStream(self, conn_options, self._ear)

    async def _recognize_impl(self, buffer: Any, *, language: Any = None, conn_options: Any) -> stt.SpeechEvent:
        raise NotImplementedError


class WordStream(stt.RecognizeStream):
    def __init__(self, words: Words, conn_options: Any, ear: Ear) -> None:
        super().__init__(stt=words, conn_options=conn_options)
        self._ear = ear

    async def _run(self) -> None:
        kinds = {False: stt.SpeechEventType.INTERIM_TRANSCRIPT, True: stt.SpeechEventType.FINAL_TRANSCRIPT}
        async for frame in self._input_ch:
            if isinstance(frame, rtc.AudioFrame):
                for words, final in self._ear.hear(frame.duration):
                    said = stt.SpeechData(language="en", text=words, confidence=1.0)
                    self._event_ch.send_nowait(stt.SpeechEvent(type=kinds[final], alternatives=[said]))


class Model(llm.LLM):
    """Says one answer after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.mind = Mind()

    def chat(
        self, *, chat_ctx: Any, tools: Any = None, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS, **_: Any
    ) -> Any:
        return Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class Answer(llm.LLMStream):
    async def _run(self) -> None:
        assert isinstance(self._llm, Model)
        request = uuid.uuid4().hex
        await asyncio.sleep(FIRST_TOKEN)
        for word in self._llm.mind.next().split(" "):
            delta = llm.ChoiceDelta(role="assistant", content=f"{word} ")
            self._event_ch.send_nowait(llm.ChatChunk(id=request, delta=delta))
            await asyncio.sleep(TOKEN)


# Loaded once a process, as its own examples do.
_VAD: list[Any] = []


class Call:
    """A running session."""

    def __init__(self, ear: Ear, best: bool) -> None:
        self._input, self._output = Input(), Output()
        more: dict[str, Any] = {}
        if best:
            more = {
                "turn_handling": {"interruption": {"mode": "vad", "min_words": 2, "false_interruption_timeout": 1.0}},
                "aec_warmup_duration": None,
            }
        self._session: AgentSession[None] = AgentSession(
            vad=_VAD[0],
            stt=Words(ear),
            llm=Model(),
            tts=Voice(Voices()),  # type: ignore[arg-type]
            **more,
        )

    def push(self, frame: Samples) -> None:
        self._input.push(frame)

    def pull(self) -> Samples:
        return self._output.pull()

    async def start(self) -> None:
        self._session.input.audio = self._input
        self._session.output.audio = self._output
        await self._session.start(Agent(instructions="You are a friendly assistant."))

    async def close(self) -> None:
        await self._session.aclose()


async def warm_up(best: bool) -> None:
    """Load the network."""
    _VAD.append(silero.VAD.load())
