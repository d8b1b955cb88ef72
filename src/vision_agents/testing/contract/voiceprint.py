"""The contract of voiceprints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.part import Attachment
from vision_agents.core.voiceprint import SAMPLE_RATE, SHORTEST, Voiceprint, similarity

from ..parts import tone
from .harness import PATIENCE, Contract, in_call, no_tasks_since


class VoiceprintContract(Contract):
    """Subclass it and override `make`; `voices` too, unless the network takes tones for voices."""

    def make(self) -> Voiceprint:
        """A network that knows voices."""
        raise NotImplementedError

    def voices(self) -> tuple[PcmData, PcmData]:
        """Speech of one person and of another, at 16 kHz, 2 s or more of each."""
        return tone(4.0, SAMPLE_RATE, frequency=200.0), tone(4.0, SAMPLE_RATE, frequency=1100.0)

    @pytest_asyncio.fixture
    async def voiceprint(self) -> AsyncIterator[Voiceprint]:
        voiceprint = self.make()
        await voiceprint.start()
        yield voiceprint
        await voiceprint.close()

    async def test_an_embedding_is_a_vector_of_length_one(self, voiceprint: Voiceprint) -> None:
        sizes = set()
        for voice in self.voices():
            for seconds in (SHORTEST, 1.0, voice.duration):
                embedding = await voiceprint.embed(_part(voice, 0.0, seconds))
                assert embedding.dtype == np.float32
                assert np.linalg.norm(embedding) == pytest.approx(1.0, abs=1e-3)
                sizes.add(embedding.shape)
        ((_size,),) = sizes  # one dimension, always the same

    async def test_one_voice_is_more_alike_than_two(self, voiceprint: Voiceprint) -> None:
        halves = []
        for voice in self.voices():
            middle = voice.duration / 2
            halves += [await voiceprint.embed(_part(voice, 0.0, middle)), await voiceprint.embed(_part(voice, middle))]
        same = min(similarity(halves[0], halves[1]), similarity(halves[2], halves[3]))
        other = max(similarity(a, b) for a in halves[:2] for b in halves[2:])
        assert same > other, f"one voice is {same:.2f} alike, and two are {other:.2f}"

    async def test_the_level_of_a_voice_is_no_voice(self, voiceprint: Voiceprint) -> None:
        one, other = self.voices()
        loud = await voiceprint.embed(one.samples)
        quiet = await voiceprint.embed((one.samples // 8).astype(np.int16))
        assert similarity(loud, quiet) > similarity(loud, await voiceprint.embed(other.samples))

    async def test_it_keeps_nothing_of_what_it_heard(self, voiceprint: Voiceprint) -> None:
        one, other = self.voices()
        first = await voiceprint.embed(one.samples)
        await voiceprint.embed(other.samples)
        assert similarity(await voiceprint.embed(one.samples), first) == pytest.approx(1.0, abs=1e-4)

    async def test_several_at_once_are_what_each_is_alone(self, voiceprint: Voiceprint) -> None:
        voices = [voice.samples for voice in self.voices()] * 3
        alone = [await voiceprint.embed(voice) for voice in voices[:2]] * 3
        together = await asyncio.gather(*(voiceprint.embed(voice) for voice in voices))
        for found, expected in zip(together, alone, strict=True):
            assert similarity(found, expected) == pytest.approx(1.0, abs=1e-4)

    async def test_what_it_was_given_stays_as_it_was(self, voiceprint: Voiceprint) -> None:
        given = self.voices()[0].samples.copy()
        given.flags.writeable = False  # whoever writes into it raises
        before = given.copy()
        await voiceprint.embed(given)
        assert np.array_equal(given, before)

    @pytest.mark.parametrize("seconds", [0.0, SHORTEST / 4])
    async def test_too_little_audio_is_refused(self, voiceprint: Voiceprint, seconds: float) -> None:
        with pytest.raises(ValueError, match=r"."):
            await voiceprint.embed(_part(self.voices()[0], 0.0, seconds))

    async def test_silence_is_nobody(self, voiceprint: Voiceprint) -> None:
        with pytest.raises(ValueError, match=r"."):
            await voiceprint.embed(PcmData.silence(1.0, SAMPLE_RATE).samples)

    async def test_after_an_error_it_goes_on(self, voiceprint: Voiceprint) -> None:
        one, _ = self.voices()
        expected = await voiceprint.embed(one.samples)
        with pytest.raises(ValueError, match=r"."):
            await voiceprint.embed(_part(one, 0.0, 0.0))
        assert similarity(await voiceprint.embed(one.samples), expected) == pytest.approx(1.0, abs=1e-4)

    async def test_the_event_loop_goes_on_meanwhile(self, voiceprint: Voiceprint) -> None:
        embedding = asyncio.ensure_future(voiceprint.embed(self.voices()[0].samples))
        await asyncio.sleep(0)
        assert not embedding.done(), "all of it ran on the event loop"
        async with asyncio.timeout(PATIENCE):
            await embedding

    async def test_one_that_is_cancelled_leaves_nothing_behind(self, voiceprint: Voiceprint) -> None:
        before = asyncio.all_tasks()
        one, _ = self.voices()
        embedding = asyncio.ensure_future(voiceprint.embed(one.samples))
        await asyncio.sleep(0)
        embedding.cancel()
        await asyncio.wait([embedding], timeout=PATIENCE)
        assert embedding.done()
        await voiceprint.embed(one.samples)
        await no_tasks_since(before)

    async def test_it_serves_one_call_and_after_it_the_next(self) -> None:
        voiceprint, found = self.make(), []
        for _ in range(2):
            async with in_call(voiceprint, Attachment()):
                await voiceprint.start()
                found.append(await voiceprint.embed(self.voices()[0].samples))
        assert similarity(*found) == pytest.approx(1.0, abs=1e-4)

    async def test_closed_before_it_was_started_and_twice(self) -> None:
        voiceprint = self.make()
        await voiceprint.close()
        await voiceprint.close()


def _part(voice: PcmData, since: float, until: float | None = None) -> Samples:
    """The samples of `voice` from `since` to `until` seconds."""
    end = len(voice) if until is None else round(until * SAMPLE_RATE)
    return voice.samples[round(since * SAMPLE_RATE) : end]
