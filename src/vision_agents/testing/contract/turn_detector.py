"""The contract of turn detectors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from vision_agents.core.audio import PcmData
from vision_agents.core.floor.policy import InterruptionPolicy
from vision_agents.core.part import Attachment
from vision_agents.core.participants import Participant
from vision_agents.core.turn_detection import TurnDetector

from ..parts import tone
from .harness import Contract, HearingLog, close, give, in_call, no_tasks_since, pieces, until

ANNA, BERT = Participant("anna"), Participant("bert")
RATE = 16_000
ENDS = ("speech_ended", "turn_ended")


class TurnDetectorContract(Contract):
    """Subclass it and override `make`; `speech` too, unless the detector takes a tone for speech."""

    # Seconds of silence after which a turn has ended for certain.
    silence = 4.0

    def make(self) -> TurnDetector:
        """A detector."""
        raise NotImplementedError

    def speech(self) -> PcmData:
        """A second or more of speech at 16 kHz, with little silence around it."""
        return tone(1.0, RATE)

    @pytest_asyncio.fixture
    async def detector(self) -> AsyncIterator[TurnDetector]:
        before = asyncio.all_tasks()
        detector = self.make()
        await detector.start()
        yield detector
        await close(detector)
        await no_tasks_since(before)

    @pytest.fixture
    def log(self, detector: TurnDetector) -> HearingLog:
        log = HearingLog()
        detector.attach(Attachment(hearing=log))
        return log

    async def hear(self, detector: TurnDetector, audio: PcmData, who: Participant = ANNA, step: float = 0.02) -> None:
        """Give the detector a participant's audio in pieces of `step` seconds."""
        for piece in pieces(audio, step):
            await give(detector, piece, who)
            await asyncio.sleep(0)

    async def turn(
        self, detector: TurnDetector, log: HearingLog, who: Participant = ANNA, rate: int = RATE, step: float = 0.02
    ) -> None:
        """A participant speaks and stops; the turn must be found, be over, and be as long as the speech."""
        before = len(log.facts)
        await self.hear(detector, self.speech().resampled(rate), who, step)
        await self.hear(detector, PcmData.silence(self.silence, rate), who, step)

        def over() -> bool:
            facts = [fact for fact in log.facts[before:] if fact[1] == who]
            return any(fact[0] == "turn_ended" for fact in facts) and facts[-1][0] in ENDS

        await until(over, f"the turn of {who.id}")
        self.check(log, who)
        lengths = [fact[3] for fact in log.facts[before:] if fact[:2] == ("turn_ended", who)]
        if None not in lengths:
            assert 0.6 * self.speech().duration <= sum(lengths) <= self.speech().duration + 0.5, lengths
        assert not log.failures

    def check(self, log: HearingLog, who: Participant) -> None:
        """Reports of a participant make sense, in their order and their numbers."""
        speaking, voiced, open_turn = False, 0.0, False
        for kind, _, *numbers in (fact for fact in log.facts if fact[1] == who):
            if kind in ("speech_started", "speech_continued", "turn_started", "turn_ended"):
                assert 0.0 <= numbers[0] <= 1.0, f"{kind} with a confidence of {numbers[0]}"
            if kind == "speech_started":
                assert not speaking, "speech begins twice"
                assert numbers[1] >= 0.0, "speech begins in the future"
                speaking, voiced, open_turn = True, 0.0, True
            elif kind == "speech_continued":
                assert speaking, "speech goes on that never began"
                assert numbers[1] >= voiced, "there is less speech than before"
                voiced = numbers[1]
            elif kind == "speech_ended":
                assert speaking, "speech ends that never began"
                assert min(numbers) >= 0.0
                speaking = False
            elif kind == "turn_started":
                open_turn = True
            elif kind == "turn_ended":
                assert open_turn, "a turn ends that never began"
                assert (numbers[1] or 0.0) >= 0.0
                assert numbers[2] >= 0.0
                open_turn = False

    # Turns.

    async def test_turns_are_found_one_after_another(self, detector: TurnDetector, log: HearingLog) -> None:
        await self.turn(detector, log)
        await self.turn(detector, log)

    async def test_silence_and_the_noise_of_a_room_are_no_turn(self, detector: TurnDetector, log: HearingLog) -> None:
        await self.hear(detector, PcmData.silence(2.0, RATE))
        noise = np.random.default_rng(0).normal(0.0, 10.0, 2 * RATE).astype(np.int16)
        await self.hear(detector, PcmData(noise, RATE))
        assert not log.of("turn_started", "turn_ended", "speech_started")

    async def test_two_people_are_heard_apart(self, detector: TurnDetector, log: HearingLog) -> None:
        speech, silence = self.speech(), PcmData.silence(self.silence, RATE)
        annas = PcmData.concat([speech, silence])
        berts = PcmData.silence(annas.duration, RATE)
        for hers, his in zip(pieces(annas, 0.02), pieces(berts, 0.02), strict=True):
            await give(detector, hers, ANNA)
            await give(detector, his, BERT)
            await asyncio.sleep(0)
        await until(lambda: log.of("turn_ended"), "the turn of anna")
        assert {fact[1] for fact in log.facts} == {ANNA}

    async def test_two_people_at_once_have_a_turn_each(self, detector: TurnDetector, log: HearingLog) -> None:
        audio = PcmData.concat([self.speech(), PcmData.silence(self.silence, RATE)])
        for piece in pieces(audio, 0.02):
            await give(detector, piece, ANNA)
            await give(detector, piece, BERT)
            await asyncio.sleep(0)
        await until(lambda: {fact[1] for fact in log.of("turn_ended")} == {ANNA, BERT}, "a turn of each")
        self.check(log, ANNA)
        self.check(log, BERT)

    # Audio as it comes.

    @pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
    async def test_any_rate_is_taken(self, detector: TurnDetector, log: HearingLog, rate: int) -> None:
        await self.turn(detector, log, rate=rate)

    @pytest.mark.parametrize("step", [0.0025, 0.01, 0.0333, 0.5])
    async def test_pieces_of_any_length_are_taken(self, detector: TurnDetector, log: HearingLog, step: float) -> None:
        await self.hear(detector, PcmData.silence(0.0, RATE))
        await self.turn(detector, log, step=step)

    async def test_the_rate_may_change(self, detector: TurnDetector, log: HearingLog) -> None:
        for rate in (48_000, 16_000, 8_000):
            await self.turn(detector, log, rate=rate)

    async def test_no_audio_is_too_strange(self, detector: TurnDetector, log: HearingLog) -> None:
        rng = np.random.default_rng(1)
        loudest = np.full(RATE // 2, -32768, dtype=np.int16)
        for samples in (loudest, rng.integers(-32768, 32767, RATE // 2, dtype=np.int16), np.ones(1, dtype=np.int16)):
            await self.hear(detector, PcmData(samples, RATE))
        await self.hear(detector, PcmData.silence(self.silence, RATE))
        await asyncio.sleep(0.01)
        await self.turn(detector, log)

    # Coming and going.

    async def test_of_who_left_nothing_more_is_reported(self, detector: TurnDetector, log: HearingLog) -> None:
        detector.forget(Participant("nobody"))
        await self.hear(detector, self.speech())
        detector.forget(ANNA)
        facts = len(log.facts)
        await self.turn(detector, log, BERT)
        assert {fact[1] for fact in log.facts[facts:]} == {BERT}

    async def test_who_comes_back_is_heard_anew(self, detector: TurnDetector, log: HearingLog) -> None:
        await self.hear(detector, self.speech())
        detector.forget(ANNA)
        log.facts.clear()
        await self.turn(detector, log)

    async def test_many_guests_leave_nothing_behind(self, detector: TurnDetector, log: HearingLog) -> None:
        before = asyncio.all_tasks()
        for number in range(10):
            guest = Participant(f"guest-{number}")
            await self.hear(detector, self.speech(), guest)
            detector.forget(guest)
        await no_tasks_since(before)
        await self.turn(detector, log)

    async def test_nobody_need_listen(self, detector: TurnDetector) -> None:
        await self.hear(detector, self.speech())
        await self.hear(detector, PcmData.silence(self.silence, RATE))

    # The end.

    async def test_closed_in_a_turn_and_twice(self, detector: TurnDetector, log: HearingLog) -> None:
        await self.hear(detector, self.speech())
        await close(detector)
        facts = len(log.facts)
        await asyncio.sleep(0.05)
        assert len(log.facts) == facts, "a closed detector reports"
        await close(detector)

    async def test_it_serves_one_call_and_after_it_the_next(self) -> None:
        detector, logs = self.make(), [HearingLog(), HearingLog()]
        for log in logs:
            async with in_call(detector, Attachment(hearing=log)):
                await detector.start()
                await self.turn(detector, log)
                await self.hear(detector, self.speech())  # And is closed in mid-turn, of which nothing may be left.
        assert len(logs[0].of("turn_started", "turn_ended")) == len(logs[1].of("turn_started", "turn_ended"))

    async def test_closed_before_it_was_started(self) -> None:
        await close(self.make())

    async def test_its_policy_is_one(self) -> None:
        policy: Any = self.make().policy
        assert policy is None or isinstance(policy, InterruptionPolicy)
