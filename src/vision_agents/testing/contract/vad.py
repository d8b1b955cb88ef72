"""The contract of voice activity detectors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.part import Attachment
from vision_agents.core.vad import SAMPLE_RATE, VAD, VADStream

from ..parts import tone
from .harness import Contract, in_call


class VADContract(Contract):
    """Subclass it and override `make`; `speech` too, unless the detector takes a tone for speech."""

    # The probability that divides speech from all else.
    threshold = 0.5

    def make(self) -> VAD:
        """A detector."""
        raise NotImplementedError

    def speech(self) -> PcmData:
        """A second or more of speech at 16 kHz, with little silence around it."""
        return tone(1.0, SAMPLE_RATE)

    @pytest_asyncio.fixture
    async def vad(self) -> AsyncIterator[VAD]:
        vad = self.make()
        await vad.start()
        yield vad
        await vad.close()

    def feed(self, stream: VADStream, samples: Samples, step: int = 320) -> list[float]:
        """Feed samples in pieces of `step`; all probabilities."""
        return [p for start in range(0, len(samples), step) for p in stream.feed(samples[start : start + step])]

    async def test_speech_is_likelier_than_silence(self, vad: VAD) -> None:
        speech = self.feed(vad.stream(), self.speech().samples)
        silence = self.feed(vad.stream(), PcmData.silence(1.0, SAMPLE_RATE).samples)
        assert np.mean(np.array(speech) >= self.threshold) > 0.5
        assert max(silence) < self.threshold

    async def test_the_end_of_speech_is_found(self, vad: VAD) -> None:
        stream = vad.stream()
        self.feed(stream, self.speech().samples)
        after = self.feed(stream, PcmData.silence(1.0, SAMPLE_RATE).samples)
        assert max(after[len(after) // 2 :]) < self.threshold, "a second later it still hears speech"

    async def test_each_window_has_one_probability(self, vad: VAD) -> None:
        samples = self.speech().samples
        window = round(vad.window * SAMPLE_RATE)
        assert 0 < vad.window <= 0.1
        assert len(self.feed(vad.stream(), samples)) == len(samples) // window

    @pytest.mark.parametrize("step", [1, 160, 479, 16_000])
    async def test_how_the_audio_is_cut_changes_nothing(self, vad: VAD, step: int) -> None:
        samples = self.speech().samples[: SAMPLE_RATE // (1 if step > 1 else 4)]
        expected = vad.stream().feed(samples)
        assert self.feed(vad.stream(), samples, step) == pytest.approx(expected, abs=1e-5)

    async def test_an_empty_piece_completes_nothing(self, vad: VAD) -> None:
        stream = vad.stream()
        assert stream.feed(np.zeros(0, dtype=np.int16)) == []
        assert self.feed(stream, self.speech().samples) == self.feed(vad.stream(), self.speech().samples)

    async def test_no_audio_is_too_strange(self, vad: VAD) -> None:
        stream = vad.stream()
        rng = np.random.default_rng(1)
        for samples in (
            np.full(SAMPLE_RATE, -32768, dtype=np.int16),
            np.tile(np.array([-32768, 32767], dtype=np.int16), SAMPLE_RATE // 2),
            rng.integers(-32768, 32767, SAMPLE_RATE, dtype=np.int16),
        ):
            probabilities = self.feed(stream, samples)
            assert all(0.0 <= probability <= 1.0 for probability in probabilities)

    async def test_streams_know_nothing_of_each_other(self, vad: VAD) -> None:
        speech, silence = self.speech().samples, PcmData.silence(self.speech().duration, SAMPLE_RATE).samples
        alone = self.feed(vad.stream(), speech)
        ours, other = vad.stream(), vad.stream()
        together = []
        for start in range(0, len(speech), 320):
            together += ours.feed(speech[start : start + 320])
            other.feed(silence[start : start + 320])
        assert together == pytest.approx(alone, abs=1e-5)

    async def test_after_a_reset_it_is_as_new(self, vad: VAD) -> None:
        stream = vad.stream()
        expected = self.feed(vad.stream(), self.speech().samples)
        self.feed(stream, self.speech().samples[:-7])
        stream.reset()
        assert self.feed(stream, self.speech().samples) == pytest.approx(expected, abs=1e-5)

    async def test_what_it_was_given_may_be_overwritten(self, vad: VAD) -> None:
        speech = self.speech().samples.copy()
        speech[len(speech) // 2 :] = 0
        expected = self.feed(vad.stream(), speech)
        stream, found = vad.stream(), []
        for start in range(0, len(speech), 200):
            given = speech[start : start + 200].copy()
            found += stream.feed(given)
            given[:] = np.random.default_rng(start).integers(-32768, 32767, len(given))
        assert found == pytest.approx(expected, abs=1e-5)

    async def test_it_serves_one_call_and_after_it_the_next(self) -> None:
        vad, found = self.make(), []
        for _ in range(2):
            async with in_call(vad, Attachment()):
                await vad.start()
                found.append(self.feed(vad.stream(), self.speech().samples))
        assert found[0] == pytest.approx(found[1], abs=1e-5)

    async def test_one_that_two_parts_use_serves_until_both_closed_it(self) -> None:
        vad = self.make()
        await vad.start()
        await vad.start()
        await vad.close()
        assert self.feed(vad.stream(), self.speech().samples)
        await vad.close()

    async def test_closed_before_it_was_started_and_twice(self) -> None:
        vad = self.make()
        await vad.close()
        await vad.close()
