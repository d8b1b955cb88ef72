"""The agent's voice is pulled when it is due and never ahead; offers that cannot be answered say why."""

import asyncio

import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError
from av import CodecContext
from hypothesis import given
from hypothesis import strategies as st

from vision_agents.plugins.local import rtc
from vision_agents.plugins.local.rtc import (
    _HIDDEN_ADDRESS,
    CATCH_UP_FRAMES,
    AgentTrack,
    FrameClock,
    OfferError,
    _shown,
    check_offer,
)

from .browser_kit import NotingSink, loudness

FRAME = 0.02


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=100), st.floats(0.0, 1e6))
def test_frames_are_never_early_never_twice_and_late_ones_are_few(stalls, start):
    clock, now, numbers = FrameClock(), start, []
    for stall in stalls:
        now += max(0.0, clock.wait(now)) + stall
        number = clock.take(now)
        # A thousandth of a frame is left to the rounding of times.
        assert start + number * FRAME <= now + FRAME / 1000, "ahead of its time"
        assert now - (start + number * FRAME) < (CATCH_UP_FRAMES + 1.001) * FRAME, "too late to be heard"
        numbers.append(number)
    assert numbers == sorted(set(numbers))


def test_without_stalls_no_frame_is_left_out():
    clock, now = FrameClock(), 5.0
    for expected in range(1000):
        now += max(0.0, clock.wait(now))
        assert clock.take(now) == expected


def test_after_a_stall_two_frames_are_made_up_for_and_no_more():
    clock, now = FrameClock(), 0.0
    clock.wait(now)
    assert clock.take(now) == 0
    now = 1.0
    burst = []
    while clock.wait(now) <= 0:
        burst.append(clock.take(now))
    assert burst == [48, 49, 50]


def decoded(packets):
    decoder = CodecContext.create("libopus", "r")
    decoder.format, decoder.layout, decoder.sample_rate = "s16", "stereo", 48_000
    return np.concatenate([frame.to_ndarray().reshape(-1, 2)[:, 0] for p in packets for frame in decoder.decode(p)])


@pytest.mark.virtual_time
async def test_a_frame_is_pulled_each_20_ms_and_sounds_as_it_was():
    sink = NotingSink(level=8000)
    track = AgentTrack(pytest.fail)
    track.play(sink)
    loop = asyncio.get_running_loop()
    packets = []
    for index in range(100):
        packets.append(await track.recv())
        assert loop.time() == pytest.approx(index * FRAME, abs=1e-6)
        assert sink.pulled == index + 1
    assert [packet.pts for packet in packets] == [index * 960 for index in range(100)]
    assert {packet.time_base * 48_000 for packet in packets} == {1}
    assert loudness(decoded(packets)[9600:]) == pytest.approx(8000 / 2**0.5, rel=0.03)


@pytest.mark.virtual_time
async def test_without_a_sink_there_is_silence_and_nothing_is_pulled():
    sink = NotingSink()
    track = AgentTrack(pytest.fail)
    silent = [await track.recv() for _ in range(10)]
    track.play(sink)
    await track.recv()
    track.play(None)
    await track.recv()
    assert sink.pulled == 1
    assert not decoded(silent).any()


@pytest.mark.virtual_time
async def test_a_stopped_track_ends():
    track = AgentTrack(pytest.fail)
    await track.recv()
    waiting = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    track.stop()
    with pytest.raises(MediaStreamError):
        await waiting


@pytest.mark.virtual_time
async def test_a_voice_that_fails_ends_the_call_with_a_reason(caplog):
    class Broken(NotingSink):
        def pull(self):
            raise ValueError("no voice")

    reasons = []
    track = AgentTrack(reasons.append)
    track.play(Broken())
    with pytest.raises(MediaStreamError):
        await track.recv()
    assert reasons == ["the agent's voice failed: no voice"]


AUDIO = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n{}"
LINE = "m={} 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:111 opus/48000/2\r\n"


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        ("", "none"),
        ("nonsense", "no SDP|none"),
        (AUDIO.format(""), "has none"),
        (AUDIO.format(LINE.format("video")), "has video"),
        (AUDIO.format(LINE.format("audio") + LINE.format("video")), "has audio, video"),
        (AUDIO.format("m=audio\r\n"), "no SDP"),
    ],
)
def test_an_offer_of_anything_but_one_voice_is_refused(offer, reason):
    with pytest.raises(OfferError, match=reason):
        check_offer(offer)


def test_a_hidden_address_is_taken_for_this_machine():
    hidden = "a=candidate:1 1 udp 2113937151 0f2b1d5e-77aa-4f0e.local 50123 typ host generation 0\r\n"
    plain = "a=candidate:2 1 udp 2113937151 192.0.2.7 50124 typ host\r\n"
    shown = _HIDDEN_ADDRESS.sub(_shown, hidden + plain)
    assert shown == hidden.replace("0f2b1d5e-77aa-4f0e.local", "127.0.0.1") + plain


# The codec.


def heard_by_us(packets):
    microphone, pieces = rtc.Microphone(), []
    for number, packet in enumerate(packets):
        pieces += microphone.decode(bytes(packet), number * 960)
    return np.concatenate(pieces)


def spoken(*pattern):
    """Frames of a voice-like sound and of silence: `(20, True), (30, False)` are 20 frames and then 30."""
    noise = np.random.default_rng(3)
    frames = []
    for count, sounding in pattern:
        for number in range(count):
            t = (np.arange(960) + 960 * number) / 48_000
            voice = 6000 * np.sin(2 * np.pi * 180 * t) * (1 + np.sin(2 * np.pi * 4 * t)) + noise.normal(0, 300, 960)
            frames.append(voice.astype(np.int16) if sounding else np.zeros(960, np.int16))
    return frames


def test_silence_that_is_not_encoded_again_sounds_as_if_it_were(monkeypatch):
    frames = spoken((20, True), (60, False), (20, True), (15, False), (20, True), (3, False), (20, True))
    quick = rtc.VoiceEncoder()
    ours = heard_by_us([quick.encode(frame) for frame in frames]).astype(float)
    monkeypatch.setattr(rtc, "SETTLED_FRAMES", 10**9)
    plain = rtc.VoiceEncoder()
    usual = heard_by_us([plain.encode(frame) for frame in frames]).astype(float)
    # The encoder spends its bits otherwise afterwards, which costs about half a dB and no glitch.
    sent = np.concatenate([np.zeros(120), *frames])[: len(ours)]  # it looks 2.5 ms ahead
    for start in (80, 115, 138):
        voice = slice(start * 960, (start + 20) * 960)
        errors = [np.square(heard[voice] - sent[voice]).mean() for heard in (ours, usual)]
        assert errors[0] <= 1.3 * errors[1]


def test_a_voice_comes_back_as_it_was_and_silence_is_silent():
    frames = spoken((20, True), (60, False), (20, True))
    encoder = rtc.VoiceEncoder()
    heard = heard_by_us(encoder.encode(frame) for frame in frames)
    sent = np.concatenate(frames)
    assert len(heard) == len(sent)
    assert np.abs(heard[35 * 960 : 75 * 960]).max() <= 1
    voice = slice(82 * 960, 98 * 960)
    assert np.abs(heard[voice].astype(float)).mean() == pytest.approx(
        np.abs(sent[voice].astype(float)).mean(), rel=0.05
    )


def test_a_packet_that_is_no_opus_costs_its_own_time_alone():
    encoder, microphone = rtc.VoiceEncoder(), rtc.Microphone()
    packets = [bytes(encoder.encode(frame)) for frame in spoken((10, True))]
    packets[4] = b"\xff" * 60
    lengths = [sum(map(len, microphone.decode(packet, 960 * number))) for number, packet in enumerate(packets)]
    assert sum(lengths) == 9600
