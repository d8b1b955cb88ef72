"""The contract of echo cancellers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from vision_agents.core.audio import PcmData, Samples
from vision_agents.core.audio.playout import FRAME_SAMPLES
from vision_agents.core.audio.playout import SAMPLE_RATE as PLAYED_RATE
from vision_agents.core.echo import EchoCanceller
from vision_agents.core.part import Attachment
from vision_agents.core.participants import Participant

from ..room import FRAME_SECONDS, babble, call, echo_of
from .harness import Contract, in_call, pieces

ANNA, BERT = Participant("anna"), Participant("bert")
RATE = 16_000


class EchoCancellerContract(Contract):
    """Subclass it and override `make`. The voices are noise in the rhythm of syllables."""

    # dB by which an echo of -10 dB, 0.1 s late, is quieter after `settling` seconds.
    removes = 15.0
    settling = 3.0
    # Seconds of audio that may wait for a block to be complete when the stream ends, and by which the output may lag.
    held_back = 0.03

    def make(self) -> EchoCanceller:
        """A canceller."""
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def canceller(self) -> AsyncIterator[EchoCanceller]:
        canceller = self.make()
        await canceller.start()
        yield canceller
        await canceller.close()

    async def test_the_echo_goes(self, canceller: EchoCanceller) -> None:
        played = babble(self.settling + 3.0)
        heard = _echo(played)
        left = call(canceller, played.samples, heard, ANNA)
        before, after = _level(heard, self.settling), _level(left, self.settling)
        assert before - after >= self.removes, f"{before:.1f} dB of echo, and {after:.1f} dB are left of it"

    async def test_a_voice_without_an_echo_stays(self, canceller: EchoCanceller) -> None:
        voice = babble(4.0, seed=3).resampled(RATE)
        silence = np.zeros(round(4.0 * PLAYED_RATE), dtype=np.int16)
        left = call(canceller, silence, voice, ANNA)
        assert _level(left) == pytest.approx(_level(voice), abs=2.0)

    async def test_who_speaks_over_the_echo_is_heard(self, canceller: EchoCanceller) -> None:
        played = babble(self.settling + 4.0)
        voice = babble(self.settling + 4.0, seed=7).resampled(RATE).samples.astype(np.float64)
        voice[: round(self.settling * RATE)] = 0.0
        mixed = voice + _echo(played).samples
        left = call(canceller, played.samples, _pcm(mixed), ANNA)
        assert _level(left, self.settling) == pytest.approx(_level(_pcm(voice), self.settling), abs=3.0)

    async def test_silence_stays_silent(self, canceller: EchoCanceller) -> None:
        played = np.zeros(2 * PLAYED_RATE, dtype=np.int16)
        assert _level(call(canceller, played, PcmData.silence(2.0, RATE), ANNA)) < -80.0

    @pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
    @pytest.mark.parametrize("step", [0.005, 0.02, 0.0333, 0.25])
    async def test_nothing_is_lost_or_repeated(self, canceller: EchoCanceller, rate: int, step: float) -> None:
        heard = babble(1.0, seed=5).resampled(rate)
        out = [canceller.cancel(piece, ANNA) for piece in pieces(heard, step)]
        assert len({piece.sample_rate for piece in out}) == 1, "the rate changes"
        seconds = sum(piece.duration for piece in out)
        assert heard.duration - self.held_back <= seconds <= heard.duration + 0.001

    async def test_the_rate_may_change(self, canceller: EchoCanceller) -> None:
        seconds = 0.0
        for rate in (48_000, 16_000, 44_100):
            for piece in pieces(babble(0.5).resampled(rate), 0.02):
                seconds += canceller.cancel(piece, ANNA).duration
        assert seconds == pytest.approx(1.5, abs=3 * self.held_back)

    async def test_an_empty_piece_is_none(self, canceller: EchoCanceller) -> None:
        assert len(canceller.cancel(PcmData.silence(0.0, RATE), ANNA)) == 0

    async def test_each_participant_has_an_echo_of_their_own(self, canceller: EchoCanceller) -> None:
        played = babble(self.settling + 2.0)
        heard, voice = _echo(played), babble(self.settling + 2.0, seed=9).resampled(RATE)
        alone = self.make()
        await alone.start()
        expected = call(alone, played.samples, heard, ANNA)
        await alone.close()
        left = []
        for participant in (ANNA, BERT):
            canceller.cancel(PcmData.silence(0.0, RATE), participant)
        frames = zip(pieces(played, 0.02), pieces(heard, 0.02), pieces(voice, 0.02), strict=True)
        for frame, hers, his in frames:
            canceller.played(frame.samples)
            left.append(canceller.cancel(hers, ANNA))
            canceller.cancel(his, BERT)
        assert _level(PcmData.concat(left), self.settling) == pytest.approx(_level(expected, self.settling), abs=1.0)

    async def test_what_was_played_may_be_overwritten(self, canceller: EchoCanceller) -> None:
        played = babble(self.settling + 2.0)
        heard, left = _echo(played), []
        canceller.cancel(PcmData.silence(0.0, RATE), ANNA)
        for given, piece in zip(pieces(played, FRAME_SECONDS), pieces(heard, FRAME_SECONDS), strict=True):
            frame = given.samples.copy()
            canceller.played(frame)
            frame[:] = 0  # A canceller that kept it has nothing to take out; of noise it would take out everything.
            left.append(canceller.cancel(piece, ANNA))
        assert _level(heard, self.settling) - _level(PcmData.concat(left), self.settling) >= self.removes

    async def test_what_it_was_given_stays_as_it_was(self, canceller: EchoCanceller) -> None:
        frame, piece = babble(0.02), babble(0.02, seed=2).resampled(RATE)
        before = frame.samples.copy(), piece.samples.copy()
        canceller.played(frame.samples)
        canceller.cancel(piece, ANNA)
        assert np.array_equal(frame.samples, before[0])
        assert np.array_equal(piece.samples, before[1])

    async def test_who_left_is_forgotten_and_may_come_back(self, canceller: EchoCanceller) -> None:
        canceller.forget(Participant("nobody"))
        for _ in range(3):
            heard = babble(0.5, seed=4).resampled(RATE)
            seconds = sum(canceller.cancel(piece, ANNA).duration for piece in pieces(heard, 0.02))
            assert seconds == pytest.approx(heard.duration, abs=self.held_back)
            canceller.forget(ANNA)

    async def test_it_serves_one_call_and_after_it_the_next(self) -> None:
        canceller, left = self.make(), []
        played = babble(2.0)
        for _ in range(2):
            async with in_call(canceller, Attachment()):
                await canceller.start()
                left.append(call(canceller, played.samples, _echo(played), ANNA).samples)
                canceller.played(played.samples[:FRAME_SAMPLES])  # Of which the next call has nothing in its ears.
        assert np.array_equal(left[0], left[1])

    async def test_closed_before_it_was_started_and_twice(self) -> None:
        canceller = self.make()
        await canceller.close()
        await canceller.close()


def _echo(played: PcmData) -> PcmData:
    """The echo of `played` at a microphone: 0.1 s later, 10 dB quieter, with the noise of a quiet microphone."""
    echo = echo_of(played.resampled(RATE), 0.1, -10.0)
    return _pcm(echo + np.random.default_rng(1).normal(0.0, 8.0, len(echo)))


def _pcm(samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> PcmData:
    return PcmData(np.rint(samples).clip(-32768, 32767).astype(np.int16), RATE)


def _level(audio: PcmData, since: float = 0.0) -> float:
    """The level from `since` seconds on, in dB of full scale."""
    samples: Samples = audio.samples[round(since * audio.sample_rate) :]
    return float(10.0 * np.log10(np.mean((samples / 32768.0) ** 2) + 1e-12))
