"""The contract of recognisers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from vision_agents.core.part import Attachment
from vision_agents.core.participants import Participant
from vision_agents.core.stt import SAMPLE_RATE, STT

from .harness import FAILURES, PATIENCE, Contract, HearingLog, close, give, in_call, lifetime, spoken, until
from .provider import Failure, Provider

ANNA = Participant("anna")
BERT = Participant("bert")


class STTContract(Contract):
    """Subclass it, override the fixture `provider` and `make`.

    Speech is a tone and silence are zeros, in 20 ms pieces that come as fast as they are taken. What the provider
    recognises in a stretch of speech is told by `provider.will_hear`. `answering` counts turns whose words it works on.
    """

    text = "one two three four five"
    other = "something else"

    # Seconds of silence after which the provider's turn or utterance has ended for certain.
    silence = 1.0

    def make(self, provider: Any) -> STT:
        """A recogniser that talks to `provider`."""
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def stt(self, provider: Provider) -> AsyncIterator[STT]:
        async with lifetime(self.make(provider), provider) as stt:
            await stt.start()
            yield stt

    @pytest.fixture
    def log(self, stt: STT) -> HearingLog:
        log = HearingLog()
        stt.attach(Attachment(hearing=log))
        return log

    async def speak(self, stt: STT, participant: Participant, seconds: float = 1.0) -> None:
        """A turn as the agent hears one, up to its end, and not yet its final words."""
        stt.begin_turn(participant)
        for piece in spoken(seconds, self.silence, SAMPLE_RATE):
            await give(stt, piece, participant)
            await asyncio.sleep(0)

    async def hear(self, stt: STT, log: HearingLog, participant: Participant, text: str) -> None:
        """Have a participant say `text`, which must be understood, once."""
        before = len(log.final_words(participant))
        await self.speak(stt, participant)
        await self.finish(stt, participant)
        await until(lambda: len(log.final_words(participant)) > before, f"the final words {text!r} of {participant.id}")
        assert " ".join(log.final_words(participant)[before:]) == text

    async def finish(self, stt: STT, participant: Participant) -> None:
        async with asyncio.timeout(PATIENCE):
            await stt.finish_turn(participant)

    # Words.

    async def test_turns_are_understood_one_after_another(self, stt: STT, log: HearingLog, provider: Provider) -> None:
        provider.will_hear(self.text, self.other)
        await self.hear(stt, log, ANNA, self.text)
        await self.hear(stt, log, ANNA, self.other)
        assert not log.failures

    async def test_partial_words_come_before_the_final_ones(
        self, stt: STT, log: HearingLog, provider: Provider
    ) -> None:
        provider.will_hear(self.text)
        await self.hear(stt, log, ANNA, self.text)
        kinds = [fact[0] for fact in log.of("partial", "final")]
        assert kinds == sorted(kinds, reverse=True)

    async def test_its_own_turns_begin_and_end_in_order(self, stt: STT, log: HearingLog, provider: Provider) -> None:
        provider.will_hear(self.text, self.other)
        await self.hear(stt, log, ANNA, self.text)
        await self.hear(stt, log, ANNA, self.other)
        turns = [(fact[0], fact[1]) for fact in log.of("turn_started", "turn_ended")]
        # A recogniser that says that it does not detect turns must not report any.
        assert turns == ([("turn_started", ANNA), ("turn_ended", ANNA)] * 2 if stt.turn_detection else [])

    async def test_two_people_are_understood_apart(self, stt: STT, log: HearingLog, provider: Provider) -> None:
        provider.will_hear(self.text, self.other)
        await self.hear(stt, log, ANNA, self.text)
        await self.hear(stt, log, BERT, self.other)
        assert (log.final_words(ANNA), log.final_words(BERT)) == ([self.text], [self.other])

    async def test_silence_has_no_words(self, stt: STT, log: HearingLog) -> None:
        for piece in spoken(0.0, 2.0, SAMPLE_RATE):
            await give(stt, piece, ANNA)
        await self.finish(stt, ANNA)
        assert not log.of("partial", "final", "turn_started")

    # Turns that were none.

    async def test_a_discarded_turn_leaves_no_words(self, stt: STT, log: HearingLog, provider: Provider) -> None:
        provider.require("stall")
        provider.will_hear(self.text, self.other)
        await provider.stall()
        requests = provider.requests
        await self.speak(stt, ANNA)
        await until(lambda: provider.requests > requests or stt.turn_detection is False, "the turn at the provider")
        stt.discard_turn(ANNA)
        await provider.release()
        if provider.requests == requests:
            provider.will_hear(self.other)
        await self.hear(stt, log, ANNA, self.other)
        assert log.final_words(ANNA) == [self.other]

    async def test_beginning_and_discarding_many_times_leaves_nothing_behind(
        self, stt: STT, log: HearingLog, provider: Provider
    ) -> None:
        provider.will_hear(self.text)
        await self.hear(stt, log, ANNA, self.text)
        connections = provider.open_connections
        for _ in range(self.rapid):
            stt.begin_turn(ANNA)
            stt.begin_turn(ANNA)
            for piece in spoken(0.0, 0.04, SAMPLE_RATE):
                await give(stt, piece, ANNA)
            stt.discard_turn(ANNA)
        provider.will_hear(self.other)
        await self.hear(stt, log, ANNA, self.other)
        await until(lambda: provider.open_connections <= connections, f"at most {connections} connections")

    # Trouble.

    async def test_a_provider_that_stalls_holds_nobody_up(self, stt: STT, log: HearingLog, provider: Provider) -> None:
        provider.require("stall")
        await provider.stall()
        async with asyncio.timeout(PATIENCE):
            await self.speak(stt, ANNA, seconds=5.0)
        finishing = asyncio.create_task(stt.finish_turn(ANNA))
        await asyncio.sleep(0.01)
        finishing.cancel()  # As the agent does when the words do not come in time.
        done, _ = await asyncio.wait([finishing], timeout=PATIENCE)
        assert done
        assert not log.of("final")
        stt.discard_turn(ANNA)

    @pytest.mark.parametrize("kind", FAILURES)
    async def test_a_failure_is_reported_and_the_next_turn_understood(
        self, stt: STT, log: HearingLog, provider: Provider, kind: Failure
    ) -> None:
        provider.require(kind)
        await provider.fail(kind)
        try:
            await self.speak(stt, ANNA)
            await self.finish(stt, ANNA)
        except Exception as error:
            log.failures.append(error)  # The agent reports what the audio's way raises.
        if kind != "malformed":
            await until(lambda: log.failures, "the report of the failure")
        assert all(str(error) for error in log.failures), "an error must say what happened"
        stt.discard_turn(ANNA)
        provider.will_hear(self.other)
        await self.hear(stt, log, ANNA, self.other)

    async def test_a_broken_connection_is_replaced(self, stt: STT, log: HearingLog, provider: Provider) -> None:
        provider.require("disconnect")
        provider.will_hear(self.text)
        await self.hear(stt, log, ANNA, self.text)
        await provider.disconnect()
        provider.will_hear(self.other)
        await self.hear(stt, log, ANNA, self.other)
        assert log.final_words(ANNA) == [self.text, self.other]

    async def test_who_left_is_forgotten(self, stt: STT, log: HearingLog, provider: Provider) -> None:
        provider.will_hear(self.text, self.other)
        await self.hear(stt, log, BERT, self.text)
        connections = provider.open_connections
        for number in range(5):
            guest = Participant(f"guest-{number}")
            for piece in spoken(0.0, 0.1, SAMPLE_RATE):
                await give(stt, piece, guest)
            stt.forget(guest)
        stt.forget(Participant("nobody"))
        await until(lambda: provider.open_connections <= connections, f"at most {connections} connections")
        await self.hear(stt, log, BERT, self.other)

    async def test_closed_while_busy_and_twice(self, stt: STT, log: HearingLog, provider: Provider) -> None:
        provider.require("stall")
        await provider.stall()
        await self.speak(stt, ANNA)
        finishing = asyncio.create_task(stt.finish_turn(ANNA))
        await asyncio.sleep(0.01)
        await close(stt)
        finishing.cancel()
        await asyncio.wait([finishing], timeout=PATIENCE)
        await close(stt)
        assert not log.of("final")

    async def test_it_serves_one_call_and_after_it_the_next(self, provider: Provider) -> None:
        async with lifetime(self.make(provider), provider) as stt:
            logs = [HearingLog(), HearingLog()]
            for log, text in zip(logs, (self.text, self.other), strict=True):
                async with in_call(stt, Attachment(hearing=log)):
                    await stt.start()
                    provider.will_hear(text)
                    await self.hear(stt, log, ANNA, text)
                    assert not log.failures
            assert [log.final_words(ANNA) for log in logs] == [[self.text], [self.other]]

    async def test_closed_before_it_was_started(self, provider: Provider) -> None:
        async with lifetime(self.make(provider), provider):
            pass
