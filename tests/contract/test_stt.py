"""The recognisers that run in this process keep the contract."""

from __future__ import annotations

import threading

import pytest

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.participants import Participant
from vision_agents.plugins import moonshine
from vision_agents.plugins.moonshine.model import Reading
from vision_agents.testing.contract import SpeechGate, STTContract
from vision_agents.testing.parts import ScriptedSTT

from ..plugins.hearing_kit import LevelVAD
from .in_process import InProcess, wait_for_permit


class ControlledSTT(ScriptedSTT):
    """Words for turns in which there was sound."""

    def __init__(self, provider: InProcess) -> None:
        super().__init__()
        self._provider = provider
        self._heard: dict[Participant, SpeechGate] = {}

    async def process_audio(self, audio: PcmData, participant: Participant) -> None:
        gate = self._heard.setdefault(participant, SpeechGate())
        if gate.feed(audio) == "started":
            self.pending.append(self._provider.next_heard())

    async def finish_turn(self, participant: Participant) -> None:
        if not self.pending:
            return
        with self._provider.answering() as answer:
            if answer.failure:
                raise ConnectionError(answer.failure)
            await answer.permit()
            await super().finish_turn(participant)

    def discard_turn(self, participant: Participant) -> None:
        self.pending.clear()
        super().discard_turn(participant)


@pytest.mark.virtual_time
class TestScripted(STTContract):
    @pytest.fixture
    def provider(self) -> InProcess:
        return InProcess()

    def make(self, provider: InProcess) -> ControlledSTT:
        return ControlledSTT(provider)


class ControlledReader:
    """Moonshine's network: the words of a turn are what the provider is told to hear, however often it is read."""

    def __init__(self, provider: OneTurn) -> None:
        self._provider = provider

    def transcribe(self, samples: Samples, stop: threading.Event) -> Reading:
        with self._provider.answering() as answer:
            if answer.failure:
                raise RuntimeError(f"the network gave up: {answer.failure}")
            wait_for_permit(answer, stop.is_set)
            return Reading(self._provider.heard_now, 0.9)


class OneTurn(InProcess):
    """Tells turns apart by who calls: a reading is repeated as the turn grows, and has the same words."""

    heard_now = ""


class TestMoonshine(STTContract):
    @pytest.fixture
    def provider(self) -> OneTurn:
        return OneTurn()

    def make(self, provider: OneTurn) -> moonshine.STT:
        return ControlledMoonshine(model=ControlledReader(provider), vad=LevelVAD(), provider=provider)


class ControlledMoonshine(moonshine.STT):
    """Tells the provider when a turn begins: the network itself only sees audio."""

    def __init__(self, *, provider: OneTurn, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._provider = provider

    def begin_turn(self, participant: Participant) -> None:
        if not self._ear(participant).utterance.active:
            self._provider.heard_now = self._provider.next_heard()
        super().begin_turn(participant)
