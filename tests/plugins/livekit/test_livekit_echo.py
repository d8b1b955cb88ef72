"""`livekit.EchoCanceller`: the agent's voice is taken out, everything else stays, in order and complete."""

from __future__ import annotations

import gc
import importlib
import sys
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vision_agents.core.audio import PcmData, Resampler, Samples
from vision_agents.core.participants import Participant
from vision_agents.core.vad import VADStream
from vision_agents.plugins import livekit, silero
from vision_agents.testing.clips import speech_clips
from vision_agents.testing.room import babble, call, echo_of

ANNA, BEN = Participant("anna"), Participant("ben")
RATE = 16_000
PLAYED_RATE = 48_000
# Of a quiet microphone.
NOISE = 8.0


def microphone(sound: np.ndarray[Any, Any], noise: float = NOISE) -> PcmData:
    noisy = sound + np.random.default_rng(1).normal(0.0, noise, len(sound))
    return PcmData(noisy.round().clip(-32768, 32767).astype(np.int16), RATE)


def level(samples: Samples) -> float:
    """In dB of full scale."""
    return float(10.0 * np.log10(np.mean((samples / 32768.0) ** 2) + 1e-12))


def at_16k(played: Samples) -> PcmData:
    return PcmData(played, PLAYED_RATE).resampled(RATE)


def removed(heard: PcmData, cleaned: PcmData, start: float, end: float) -> float:
    """dB less between `start` and `end`."""
    part = slice(round(start * RATE), round(end * RATE))
    return level(heard.samples[part]) - level(cleaned.samples[part])


# What it removes, and what it leaves.


@pytest.mark.parametrize("delay", [0.02, 0.1, 0.25, 0.4])
@pytest.mark.parametrize(("gain", "least"), [(-10.0, 30.0), (-20.0, 22.0), (-30.0, 12.0)])
def test_the_echo_goes_down_to_the_noise_of_the_microphone(delay: float, gain: float, least: float) -> None:
    played = babble(8.0).samples
    heard = microphone(echo_of(at_16k(played), delay, gain))
    cleaned = call(livekit.EchoCanceller(), played, heard, ANNA)
    assert removed(heard, cleaned, 3.0, 8.0) > least


def test_who_speaks_over_the_echo_is_left_as_loud_as_without_it() -> None:
    played, user = babble(10.0).samples, at_16k(babble(10.0, seed=7).samples).samples.astype(np.float64)
    user[: 5 * RATE] = 0.0
    heard = microphone(user + echo_of(at_16k(played), 0.12, -15.0))
    cleaned = call(livekit.EchoCanceller(), played, heard, ANNA)
    assert removed(heard, cleaned, 3.0, 5.0) > 20.0
    after = slice(5 * RATE, 10 * RATE)
    assert abs(level(cleaned.samples[after]) - level(user[after].astype(np.int16))) < 2.0


def test_silence_stays_silence() -> None:
    silence = PcmData.silence(3.0, RATE)
    assert not call(livekit.EchoCanceller(), np.zeros(3 * PLAYED_RATE, np.int16), silence, ANNA).samples.any()
    while_played = call(livekit.EchoCanceller(), babble(3.0).samples, silence, ANNA).samples
    # What is left of the trace, and the noise that AEC3 puts in its place.
    assert level(while_played) < -65.0
    assert level(while_played[RATE:]) < -70.0


def test_without_an_echo_a_voice_comes_out_8_ms_later_and_as_loud() -> None:
    user = at_16k(babble(4.0, seed=3).samples)
    cleaned = call(livekit.EchoCanceller(), np.zeros(4 * PLAYED_RATE, dtype=np.int16), user, ANNA)
    spectrum = np.fft.rfft(user.samples, 2 * len(user))
    correlation = np.fft.irfft(np.fft.rfft(cleaned.samples, 2 * len(user)) * np.conj(spectrum) / (abs(spectrum) + 1.0))
    assert int(np.argmax(correlation)) == 128
    assert level(cleaned.samples) == pytest.approx(level(user.samples), abs=1.0)


# The pairs of what was played and what was recorded.


def network(played: Samples, heard: PcmData, arrivals: list[tuple[int, int]]) -> Samples:
    """A call in which the microphone's frame `n` arrives after played frame `at`, for each (at, n); others never do."""
    canceller = livekit.EchoCanceller()
    canceller.cancel(PcmData.silence(0.0, RATE), ANNA)
    due: dict[int, list[int]] = {}
    for at, number in arrivals:
        due.setdefault(at, []).append(number)
    cleaned = np.zeros(len(heard), dtype=np.int16)
    for at in range(len(played) // 960):
        canceller.played(played[960 * at : 960 * (at + 1)])
        for number in due.get(at, ()):
            place = slice(320 * number, 320 * (number + 1))
            cleaned[place] = canceller.cancel(PcmData(heard.samples[place], RATE), ANNA).samples
    return cleaned


@pytest.mark.parametrize("delay", [0.05, 0.2])
@pytest.mark.parametrize("gap", [0.1, 1.0, 4.0])
def test_after_lost_audio_the_echo_is_gone_again_within_a_second(delay: float, gap: float) -> None:
    played = babble(12.0).samples
    heard = microphone(echo_of(at_16k(played), delay, -10.0))
    back = 5.0 + gap
    arrivals = [(n, n) for n in range(600) if not 5.0 <= n * 0.02 < back]
    cleaned = PcmData(network(played, heard, arrivals), RATE)
    assert removed(heard, cleaned, 3.0, 5.0) > 30.0
    assert removed(heard, cleaned, back + 1.0, back + 2.0) > 20.0


def test_audio_that_comes_late_and_all_at_once_is_cleaned_as_if_it_had_come_in_time() -> None:
    played = babble(8.0).samples
    heard = microphone(echo_of(at_16k(played), 0.1, -10.0))
    # Three frames at a time, and once nothing for 0.4 s.
    arrivals = [(n // 3 * 3 + 2, n) for n in range(399) if not 5.0 <= n * 0.02 < 5.4]
    arrivals += [(270, n) for n in range(250, 270)]
    cleaned = PcmData(network(played, heard, sorted(arrivals)), RATE)
    in_time = call(livekit.EchoCanceller(), played, heard, ANNA)
    assert removed(heard, cleaned, 3.0, 7.9) == pytest.approx(removed(heard, in_time, 3.0, 7.9), abs=1.0)


def test_what_was_played_to_a_silent_participant_is_bounded() -> None:
    canceller = livekit.EchoCanceller()
    canceller.cancel(PcmData.silence(0.02, RATE), ANNA)
    frame = babble(0.02).samples
    for _ in range(500):
        canceller.played(frame)
    assert [len(microphone._waiting) for microphone in canceller._microphones.values()] == [100]


# Pieces, rates, people.

pieces = st.lists(st.integers(0, 2000), min_size=1, max_size=30)
rates = st.sampled_from([8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000])


@settings(max_examples=60, deadline=None)
@given(sizes=pieces, rate=rates)
# Of which a product of floats is a sample short.
@example(sizes=[1001], rate=16_000)
@example(sizes=[1001], rate=8_000)
def test_in_pieces_of_any_size_and_rate_nothing_is_lost_repeated_or_swapped(sizes: list[int], rate: int) -> None:
    stream = np.random.default_rng(0).integers(-8000, 8000, sum(sizes), dtype=np.int16)
    canceller, resampler = livekit.EchoCanceller(), Resampler(RATE)
    cleaned, expected = np.zeros(0, dtype=np.int16), np.zeros(0, dtype=np.int16)
    begun, start = False, 0
    for size in sizes:
        piece = PcmData(stream[start : start + size], rate)
        start += size
        out = canceller.cancel(piece, ANNA)
        assert out.sample_rate == RATE
        cleaned = np.concatenate([cleaned, out.samples])
        ready = resampler.push(piece)
        if size and not begun:  # the resampler's delay is made up for by a silence, once
            begun = True
            ready = np.concatenate([np.zeros(size * RATE // rate - len(ready), dtype=np.int16), ready])
        expected = np.concatenate([expected, ready])
        # Behind by what the resampler and an incomplete block hold, never ahead but for a sample that is rounded.
        assert -1 / RATE < start / rate - len(cleaned) / RATE < 0.0151
    whole = livekit.EchoCanceller().cancel(PcmData(expected, RATE), ANNA)
    assert np.array_equal(cleaned, whole.samples)


@settings(max_examples=30, deadline=None)
@given(changes=st.lists(st.tuples(rates, st.integers(1, 8)), min_size=2, max_size=6))
def test_the_rate_may_change_in_mid_stream(changes: list[tuple[int, int]]) -> None:
    canceller = livekit.EchoCanceller()
    seconds, count = 0.0, 0
    for rate, frames in changes:
        for _ in range(frames):
            piece = PcmData.silence(0.02, rate)
            seconds += piece.duration
            count += len(canceller.cancel(piece, ANNA))
    assert count / RATE == pytest.approx(seconds, abs=0.015)


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
def test_frames_of_20_ms_never_wait(rate: int) -> None:
    canceller = livekit.EchoCanceller()
    for _ in range(50):
        assert len(canceller.cancel(PcmData.silence(0.02, rate), ANNA)) == 320


def test_two_participants_are_cleaned_apart() -> None:
    played = babble(4.0).samples
    anna = microphone(echo_of(at_16k(played), 0.1, -10.0))
    ben = microphone(echo_of(at_16k(played), 0.2, -20.0, seed=3) + at_16k(babble(4.0, seed=5).samples).samples)
    alone = [call(livekit.EchoCanceller(), played, heard, who) for who, heard in ((ANNA, anna), (BEN, ben))]
    canceller = livekit.EchoCanceller()
    together: dict[Participant, list[Samples]] = {ANNA: [], BEN: []}
    for who in together:
        canceller.cancel(PcmData.silence(0.0, RATE), who)
    for n in range(200):
        canceller.played(played[960 * n : 960 * (n + 1)])
        for who, heard in ((ANNA, anna), (BEN, ben)):
            piece = PcmData(heard.samples[320 * n : 320 * (n + 1)], RATE)
            together[who].append(canceller.cancel(piece, who).samples)
    for who, one in zip(together, alone, strict=True):
        assert np.array_equal(np.concatenate(together[who]), one.samples)


def test_the_played_frame_is_neither_kept_nor_changed() -> None:
    played = babble(4.0).samples
    heard = microphone(echo_of(at_16k(played), 0.1, -10.0))
    reused, canceller = np.zeros(960, dtype=np.int16), livekit.EchoCanceller()
    canceller.cancel(PcmData.silence(0.0, RATE), ANNA)
    cleaned = []
    for n in range(200):
        reused[:] = played[960 * n : 960 * (n + 1)]
        canceller.played(reused)
        assert np.array_equal(reused, played[960 * n : 960 * (n + 1)])
        reused[:] = 0
        cleaned.append(canceller.cancel(PcmData(heard.samples[320 * n : 320 * (n + 1)], RATE), ANNA).samples)
    assert np.array_equal(np.concatenate(cleaned), call(livekit.EchoCanceller(), played, heard, ANNA).samples)


# Life.


async def test_forgetting_and_closing_free_everything() -> None:
    canceller = livekit.EchoCanceller()
    await canceller.start()
    native = []
    for who in (ANNA, BEN):
        canceller.cancel(PcmData.silence(0.02, RATE), who)
        native.append(weakref.ref(canceller._microphones[who]._aec))
    canceller.forget(ANNA)
    canceller.forget(Participant("never heard"))
    gc.collect()
    assert [ref() is None for ref in native] == [True, False]
    await canceller.close()
    gc.collect()
    assert native[1]() is None


def test_a_participant_who_comes_back_begins_anew() -> None:
    played = babble(3.0).samples
    played[-960:] = 0  # so that nothing of it is still on its way
    heard = microphone(echo_of(at_16k(played), 0.1, -10.0))
    canceller = livekit.EchoCanceller()
    first = call(canceller, played, heard, ANNA)
    canceller.forget(ANNA)
    assert np.array_equal(call(canceller, played, heard, ANNA).samples, first.samples)


@pytest.mark.parametrize("shape", [(0,), (480,), (960, 2)])
def test_a_played_frame_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="960 samples"):
        livekit.EchoCanceller().played(np.zeros(shape, dtype=np.int16))


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("vision_agents.plugins.livekit")]:
        monkeypatch.delitem(sys.modules, name)
    # Another package of the same family may be there: that is not enough.
    monkeypatch.setitem(sys.modules, "livekit.rtc", None)
    with pytest.raises(ImportError, match=r'pip install "interruptible-agents\[livekit\]"'):
        importlib.import_module("vision_agents.plugins.livekit")


# With a real voice and a real detector.


@pytest.fixture
async def detector() -> VADStream:
    vad = silero.VAD()
    await vad.start()
    return vad.stream()


def clip(*names: str, dbfs: float) -> Samples:
    """Recorded speech, 48 kHz, at a level."""
    clips = speech_clips(PLAYED_RATE)
    joined = np.concatenate([clips[name].samples for name in names]).astype(np.float64)
    joined *= 10.0 ** ((dbfs - level(joined.astype(np.int16))) / 20.0)
    return joined.round().clip(-32768, 32767).astype(np.int16)


@pytest.mark.models
@pytest.mark.parametrize("delay", [0.02, 0.1, 0.25])
@pytest.mark.parametrize("gain", [-10.0, -20.0, -30.0])
def test_silero_does_not_hear_the_agent_once_the_canceller_has_found_the_echo(
    detector: VADStream, delay: float, gain: float
) -> None:
    played = clip("en/counting", "fr/pangrama", "it/pangrama", dbfs=-20.0)
    heard = microphone(echo_of(at_16k(played), delay, gain))
    cleaned = call(livekit.EchoCanceller(), played, heard, ANNA)
    settled = 2 * RATE
    assert max(detector.feed(heard.samples[settled:])) > 0.9
    detector.reset()
    assert max(detector.feed(cleaned.samples)[settled // 512 :]) < 0.5


@pytest.mark.models
# The user is 4, 14 or 24 dB over the echo, or there is none.
@pytest.mark.parametrize(("gain", "latest"), [(-10.0, 0.2), (-20.0, 0.1), (-30.0, 0.04), (-200.0, 0.04)])
@pytest.mark.parametrize("name", ["en/quick_brown_fox", "pl/liczenie", "zh/pangrama"])
def test_silero_hears_the_user_through_the_echo(detector: VADStream, gain: float, latest: float, name: str) -> None:
    played = clip("en/counting", "fr/pangrama", "it/pangrama", "es/pangrama", dbfs=-20.0)
    user = np.zeros(len(at_16k(played)))
    speech = at_16k(clip(name, dbfs=-26.0)).samples
    at = 5 * RATE
    user[at : at + len(speech)] = speech[: len(user) - at]
    heard = microphone(user + echo_of(at_16k(played), 0.12, gain))

    def onset(samples: Samples) -> float:
        detector.reset()
        probabilities = detector.feed(samples)[at // 512 :]
        return next(n for n, probability in enumerate(probabilities) if probability >= 0.5) * 512 / RATE

    without_echo = onset(microphone(user).samples)
    later = onset(call(livekit.EchoCanceller(), played, heard, ANNA).samples) - without_echo
    # Of a word that is little louder than the echo, a weak beginning is lost with it.
    assert later <= latest
