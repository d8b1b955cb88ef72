"""Deepgram's Nova against a server that others wrote: the Deepgram-compatible endpoint of `whisperlivekit`.

Only its recogniser is a stub, see `whisperlivekit_host.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from deepgram import DeepgramClientEnvironment

from vision_agents.core.audio import PcmData
from vision_agents.core.part import Attachment
from vision_agents.core.participants import Participant
from vision_agents.plugins import deepgram
from vision_agents.testing.contract import HearingLog, frames, lifetime, until
from vision_agents.testing.contract.provider import Provider
from vision_agents.testing.parts import tone

from .install import python_package, running

PACKAGE, VERSION = "whisperlivekit", "0.2.26"
NEEDS = ("fastapi==0.165.0", "uvicorn==0.54.0", "websockets==17.4", "numpy==2.4.6")

ANNA = Participant("anna")
BERT = Participant("bert")
RATE = 16_000


@pytest_asyncio.fixture
async def environment() -> AsyncIterator[DeepgramClientEnvironment]:
    python = await python_package(PACKAGE, VERSION, *NEEDS)
    host = Path(__file__).with_name("whisperlivekit_host.py")
    async with running(str(python), str(host)) as web:
        ws = web.replace("http", "ws")
        yield DeepgramClientEnvironment(base=web, production=ws, agent=ws, agent_rest=web)


async def hear(stt: deepgram.STT, participant: Participant, sound: float, silence: float) -> None:
    """In real time, as the pieces of a word come while it is spoken."""
    for piece in (*frames(tone(sound, RATE)), *frames(PcmData.silence(silence, RATE))):
        await stt.process_audio(piece, participant)
        await asyncio.sleep(piece.duration)


async def test_turns_by_its_marks(environment: DeepgramClientEnvironment) -> None:
    stt = deepgram.STT(api_key="none", environment=environment, utterance_end_ms=1000)
    async with lifetime(stt, Provider()):
        log = HearingLog()
        stt.attach(Attachment(hearing=log))  # type: ignore[assignment]
        await stt.start()
        await hear(stt, ANNA, 0.8, 1.6)
        await hear(stt, ANNA, 0.8, 1.6)
        await until(lambda: len(log.of("turn_ended")) == 2, "both turns")
        kinds = [fact[0] for fact in log.facts if fact[0] != "partial"]
        assert kinds == ["speech_started", "turn_started", "final", "turn_ended"] * 2
        assert log.of("partial")[0][2] == "call"
        assert log.final_words(ANNA) == ["call me back"] * 2
        assert not log.failures


async def test_words_of_two_who_are_told_apart(environment: DeepgramClientEnvironment) -> None:
    stt = deepgram.STT(api_key="none", environment=environment)
    async with lifetime(stt, Provider()):
        log = HearingLog()
        stt.attach(Attachment(hearing=log))  # type: ignore[assignment]
        await stt.start()
        await asyncio.gather(hear(stt, ANNA, 0.8, 0.6), hear(stt, BERT, 0.8, 0.6))
        await until(lambda: len(log.of("final")) == 2, "the words of both")
        assert log.final_words(ANNA) == log.final_words(BERT) == ["call me back"]
        assert not log.of("turn_started", "turn_ended")
        assert not log.failures


async def test_a_turn_that_is_taken_back_has_no_words(environment: DeepgramClientEnvironment) -> None:
    stt = deepgram.STT(api_key="none", environment=environment)
    async with lifetime(stt, Provider()):
        log = HearingLog()
        stt.attach(Attachment(hearing=log))  # type: ignore[assignment]
        await stt.start()
        for _ in range(3):
            await hear(stt, ANNA, 0.4, 0.1)
            stt.discard_turn(ANNA)
            await hear(stt, ANNA, 0.0, 0.5)
        assert not log.of("final")
        await hear(stt, ANNA, 0.8, 0.6)
        await until(lambda: log.of("final"), "the words")
        assert log.final_words(ANNA) == ["call me back"]
        assert not log.failures
