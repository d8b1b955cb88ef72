"""Pieces of audio: conversions of any type, resampling in pieces, framing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vision_agents.core.audio import Framer, PcmData, Resampler, Samples
from vision_agents.core.audio.pcm import to_int16
from vision_agents.core.audio.resample import CROSSINGS

SAMPLES = arrays.arrays(np.int16, st.integers(0, 400))
RATES = st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100, 48_000])


def sine(frequency: float, duration: float, rate: int, level: float = 0.5) -> PcmData:
    times = np.arange(round(duration * rate)) / rate
    return PcmData.from_array(level * np.sin(2 * np.pi * frequency * times), rate)


def pieces_of(samples: Samples, cuts: list[int]) -> list[Samples]:
    return np.split(samples, sorted(cut % (len(samples) + 1) for cut in cuts))


class TestPcmData:
    @pytest.mark.parametrize("samples", [[1, 2], np.zeros(2), np.zeros(2, np.int32), np.zeros(2, ">i2"), b"\0\0"])
    def test_only_int16(self, samples: Any) -> None:
        with pytest.raises(TypeError, match=r"use PcmData\.from_array to convert"):
            PcmData(samples, 16_000)

    @pytest.mark.parametrize("shape", [(), (2, 1), (1, 2)])
    def test_only_mono(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match=r"mono, shape \(n,\), not .*; use PcmData.from_array to mix down"):
            PcmData(np.zeros(shape, np.int16), 16_000)

    @pytest.mark.parametrize("rate", [0, -16_000, 10**15])
    def test_only_a_rate_that_can_be(self, rate: int) -> None:
        with pytest.raises(ValueError, match=f"a sample rate is a positive number of Hz up to 768000, not {rate}"):
            PcmData(np.zeros(2, np.int16), rate)

    def test_length(self) -> None:
        audio = PcmData.silence(0.02, 48_000)
        assert (len(audio), audio.duration) == (960, 0.02)
        assert not audio.samples.any()

    @given(SAMPLES)
    def test_bytes_and_back(self, samples: Samples) -> None:
        data = PcmData(samples, 16_000).to_bytes()
        assert data == samples.astype("<i2").tobytes()
        np.testing.assert_array_equal(PcmData.from_bytes(data, 16_000).samples, samples)
        # A frame that was cut in the middle is not made up.
        np.testing.assert_array_equal(PcmData.from_bytes(data + b"\x01", 16_000).samples, samples)

    @given(SAMPLES)
    def test_float_and_back(self, samples: Samples) -> None:
        floats = PcmData(samples, 16_000).to_float32()
        assert floats.dtype == np.float32
        assert not len(floats) or -1.0 <= floats.min() <= floats.max() < 1.0
        np.testing.assert_array_equal(to_int16(floats), samples)

    @given(arrays.arrays(np.int16, st.tuples(st.integers(0, 50), st.integers(2, 4))), st.integers(0, 3))
    def test_interleaved_channels(self, frames: npt.NDArray[np.int16], extra: int) -> None:
        channels = frames.shape[1]
        data = frames.astype("<i2").tobytes() + b"\x01" * min(extra, 2 * channels - 1)
        audio = PcmData.from_bytes(data, 16_000, channels)
        np.testing.assert_allclose(audio.samples, frames.mean(axis=1), atol=0.5)

    def test_no_channels(self) -> None:
        with pytest.raises(ValueError, match="at least one channel, not 0"):
            PcmData.from_bytes(b"\0\0", 16_000, 0)

    @given(st.lists(SAMPLES, min_size=1, max_size=4))
    def test_joining(self, parts: list[Samples]) -> None:
        joined = PcmData.concat(PcmData(part, 16_000) for part in parts)
        np.testing.assert_array_equal(joined.samples, np.concatenate(parts))

    @pytest.mark.parametrize(("rates", "got"), [([], "nothing"), ([16_000, 8_000], r"\[8000, 16000\]")])
    def test_joining_what_does_not_fit(self, rates: list[int], got: str) -> None:
        with pytest.raises(ValueError, match=f"only audio of one sample rate can be joined, got {got}"):
            PcmData.concat(PcmData.silence(0.1, rate) for rate in rates)


class TestToInt16:
    @pytest.mark.parametrize(
        ("kind", "low", "middle", "high"),
        [
            (np.uint8, 0, 128, 255),
            (np.int8, -128, 0, 127),
            (np.uint16, 0, 2**15, 2**16 - 1),
            (np.int16, -(2**15), 0, 2**15 - 1),
            (np.dtype(">i2"), -(2**15), 0, 2**15 - 1),
            (np.uint32, 0, 2**31, 2**32 - 1),
            (np.int32, -(2**31), 0, 2**31 - 1),
            (np.int64, -(2**63), 0, 2**63 - 1),
            (np.float16, -1.0, 0.0, 1.0),
            (np.float32, -1.0, 0.0, 1.0),
            (np.float64, -1.0, 0.0, 1.0),
            (np.dtype(">f4"), -1.0, 0.0, 1.0),
        ],
        ids=str,
    )
    def test_full_scale_of_any_type(self, kind: Any, low: float, middle: float, high: float) -> None:
        result = to_int16(np.array([low, middle, high], dtype=kind))
        assert result.dtype == np.int16
        assert result[0] == -32768
        assert result[1] == 0
        assert 32767 - 256 <= result[2] <= 32767  # a type of 8 bits has no finer steps

    @given(
        st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, np.int32, np.int64, np.float32, np.float64, np.bool_]),
        st.one_of(st.tuples(st.integers(0, 30)), st.tuples(st.integers(0, 30), st.integers(0, 3))),
        st.data(),
    )
    def test_anything_becomes_mono_int16(self, kind: Any, shape: tuple[int, ...], data: st.DataObject) -> None:
        array = data.draw(arrays.arrays(kind, shape))
        result = to_int16(array)
        assert result.dtype == np.int16
        assert result.shape == shape[:1]

    @given(arrays.arrays(np.float64, st.integers(1, 50), elements=st.floats(allow_nan=True, allow_infinity=True)))
    def test_floats_of_any_size_are_clipped_and_never_nan(self, array: npt.NDArray[np.float64]) -> None:
        expected = np.where(np.isnan(array), 0.0, np.clip(array, -1.0, 1.0)) * 32768.0
        np.testing.assert_allclose(to_int16(array), np.minimum(expected, 32767.0), atol=0.5)

    def test_what_is_no_number_is_silence_or_full_scale(self) -> None:
        array = np.array([np.nan, np.inf, -np.inf, 3.0, -3.0], dtype=np.float32)
        assert to_int16(array).tolist() == [0, 32767, -32768, 32767, -32768]

    def test_one_loud_channel_does_not_drown_the_other(self) -> None:
        array = np.array([[100.0, -1.0], [np.nan, 1.0]])
        assert to_int16(array).tolist() == [0, 16384]

    @pytest.mark.parametrize("shape", [(), (2, 2, 2)])
    def test_other_shapes(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match=r"audio has shape \(n,\) or \(n, channels\), not "):
            to_int16(np.zeros(shape))


class TestResampling:
    @pytest.mark.parametrize("to", [8_000, 16_000, 24_000, 44_100, 48_000])
    def test_a_tone_stays_that_tone(self, to: int) -> None:
        audio = sine(440.0, 1.0, 22_050).resampled(to)
        assert audio.sample_rate == to
        assert audio.duration == pytest.approx(1.0, abs=1e-3)
        spectrum = np.abs(np.fft.rfft(audio.to_float32()))
        assert np.fft.rfftfreq(len(audio), 1 / to)[spectrum.argmax()] == pytest.approx(440.0, abs=1.0)
        assert np.abs(audio.to_float32()[to // 10 : -to // 10]).max() == pytest.approx(0.5, abs=0.01)

    def test_the_same_rate_is_the_same_piece(self) -> None:
        audio = sine(440.0, 0.1, 16_000)
        assert audio.resampled(16_000) is audio

    def test_nothing_stays_nothing(self) -> None:
        assert len(PcmData.silence(0.0, 48_000).resampled(16_000)) == 0
        assert len(Resampler(16_000).push(PcmData.silence(0.0, 48_000))) == 0
        assert len(Resampler(16_000).flush()) == 0

    @settings(max_examples=40, deadline=None)
    @given(RATES, RATES, st.lists(st.integers(0, 20_000), max_size=8))
    def test_pieces_give_what_the_whole_gives(self, rate: int, to: int, cuts: list[int]) -> None:
        whole = sine(300.0, 0.3, rate)
        resampler = Resampler(to)
        parts = [resampler.push(PcmData(piece, rate)) for piece in pieces_of(whole.samples, cuts)]
        got = np.concatenate([*parts, resampler.flush()])
        one = Resampler(to)
        expected = np.concatenate([one.push(whole), one.flush()])
        # Sums of other lengths may round to the other side.
        np.testing.assert_allclose(got, expected, atol=1)
        assert len(got) == pytest.approx(0.3 * to, abs=1)

    @pytest.mark.parametrize(("rate", "to"), [(48_000, 16_000), (22_050, 48_000), (8_000, 16_000), (44_100, 16_000)])
    def test_no_frame_waits_for_longer_than_half_the_filter(self, rate: int, to: int) -> None:
        """What a caller says must not wait for a block to fill: each frame comes out but for its last 2 to 4 ms."""
        resampler, ready = Resampler(to), 0
        for frame in range(1, 51):
            ready += len(resampler.push(PcmData.silence(0.02, rate)))
            assert ready / to >= 0.02 * frame - (CROSSINGS + 1) / min(rate, to)

    @pytest.mark.parametrize(("rate", "to"), [(48_000, 16_000), (44_100, 16_000), (22_050, 48_000), (16_000, 48_000)])
    def test_speech_passes_and_nothing_is_folded_into_it(self, rate: int, to: int) -> None:
        def level(frequency: float) -> float:
            resampler = Resampler(to)
            samples = np.concatenate([resampler.push(sine(frequency, 0.5, rate)), resampler.flush()])
            middle = samples[len(samples) // 4 : -len(samples) // 4].astype(np.float64)
            return float(20 * np.log10(np.sqrt(np.mean(middle**2)) / (0.5 * 32768 / np.sqrt(2)) + 1e-9))

        limit = min(rate, to) / 2
        for share in (0.05, 0.5, 0.85):
            assert level(share * limit) == pytest.approx(0.0, abs=0.1)
        if to < rate:
            for share in (1.02, 1.2, 1.3):
                assert level(share * limit) < -70.0

    def test_samples_stay_where_they_are(self) -> None:
        """What is heard at a time was said at that time: the filter's own delay is taken out."""
        resampler = Resampler(48_000)
        source = sine(300.0, 0.5, 22_050)
        got = np.concatenate([resampler.push(source), resampler.flush()]).astype(np.float64)
        expected = sine(300.0, 0.5, 48_000).samples.astype(np.float64)
        np.testing.assert_allclose(got[500:-500], expected[500:-500], atol=2.0)

    def test_silence_is_silence(self) -> None:
        assert not Resampler(16_000).push(PcmData.silence(1.0, 48_000)).any()

    def test_a_constant_is_that_constant(self) -> None:
        steady = PcmData(np.full(4410, 1000, dtype=np.int16), 44_100)
        assert set(Resampler(16_000).push(steady)[100:].tolist()) <= {999, 1000, 1001}

    def test_full_scale_does_not_wrap_around(self) -> None:
        square = PcmData(np.where(np.arange(4800) // 50 % 2, 32767, -32768).astype(np.int16), 48_000)
        resampler = Resampler(16_000)
        samples = np.concatenate([resampler.push(square), resampler.flush()]).astype(np.int32)
        # Ringing beyond full scale is clipped: within each half-wave the sign stays.
        assert (np.sign(samples[20:-20]) != 0).all()
        assert np.count_nonzero(np.diff(np.sign(samples[20:-20]))) == pytest.approx(94, abs=2)

    def test_a_change_of_rate_in_mid_stream_loses_nothing(self) -> None:
        resampler = Resampler(16_000)
        parts = [
            resampler.push(sine(300.0, 0.1, 48_000)),
            resampler.push(sine(300.0, 0.1, 24_000)),
            resampler.push(sine(300.0, 0.1, 16_000)),
            resampler.push(sine(300.0, 0.1, 8_000)),
            resampler.flush(),
        ]
        assert sum(len(part) for part in parts) == pytest.approx(0.4 * 16_000, abs=4)

    def test_after_a_flush_a_new_stream_begins(self) -> None:
        resampler = Resampler(16_000)
        audio = sine(300.0, 0.1, 48_000)
        first = np.concatenate([resampler.push(audio), resampler.flush()])
        second = np.concatenate([resampler.push(audio), resampler.flush()])
        np.testing.assert_array_equal(first, second)


class TestFramer:
    @given(SAMPLES, st.lists(st.integers(0, 400), max_size=8), st.integers(1, 100))
    def test_any_chunking_gives_the_same_frames(self, samples: Samples, cuts: list[int], length: int) -> None:
        framer = Framer(length)
        frames = [frame.copy() for piece in pieces_of(samples, cuts) for frame in framer.push(piece)]
        assert all(len(frame) == length for frame in frames)
        assert len(frames) == len(samples) // length
        np.testing.assert_array_equal(np.concatenate([*frames, framer.flush()]), samples)
        assert len(framer.flush()) == 0

    def test_the_rest_is_its_own(self) -> None:
        """Whoever hands samples in may reuse the array."""
        framer, samples = Framer(4), np.arange(6, dtype=np.int16)
        assert len(list(framer.push(samples))) == 1
        samples[:] = 99
        [frame] = framer.push(np.array([6, 7], dtype=np.int16))
        assert frame.tolist() == [4, 5, 6, 7]
